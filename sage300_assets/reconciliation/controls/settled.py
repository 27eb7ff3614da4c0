"""Open-item ledgers: what is due on each document, whether it was paid, and what each party owes."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.controls.sides import AP, AR, Side
from sage300_assets.reconciliation.forms import Rows, key_of, pair, total, view


def _read_before(side: Side, compared: str, low: str, high: str) -> str:
    """For each party: what is compared with it, and how far that can have moved since the party was read.

    Only a document that was read after its party, and whose last activity is of that day or later, can have moved.
    """
    number = f"{side.party}Number"
    moved = "d._read_at > p._read_at AND d.LastActivityDate >= local_day(p._read_at)"
    return f"""(SELECT d.{number}, {compared} AS now, sum({low}) FILTER ({moved}) AS low, sum({high}) FILTER ({moved}) AS high
        FROM {side.module}_posted_documents AS d JOIN {view(side.parties)} AS p ON p.{number} = d.{number} GROUP BY ALL) AS d"""


def _timing(says: str, what: str) -> dict[str, str]:
    """A difference is timing if the documents that moved can account for all of it; more than that is not, however busy the day was."""
    fits = f"({says} - coalesce(d.now, 0) BETWEEN d.low AND d.high)"
    return {
        "explained": f"CASE WHEN {fits} THEN {says} - coalesce(d.now, 0) ELSE 0 END",
        "reason": f"""CASE WHEN {fits} THEN 'the {what} was read before the last activity'
            WHEN d.low IS NOT NULL THEN 'more than documents with activity since the {what} was read can have moved' ELSE '' END""",
    }


def _balance(side: Side, what: str, balance: str, due: str, invoiced: str, *, home: bool) -> Comparison:
    """What a party owes is what is due on its documents. A balance moves without the party's own stamp, so it may have been read earlier."""
    # Then it was anything from nothing to its whole amount.
    low, high = (f"{end}(0, d.{invoiced}, d.{due}) - d.{due}" for end in ("least", "greatest"))
    number = f"{side.party}Number"
    return Comparison(
        what,
        pair(
            key=key_of(side.parties),
            says=f"t.{balance}",
            adds="coalesce(d.now, 0)",
            currency="''" if home else "t.CurrencyCode",
            source=f"{Rows(side.parties).source} LEFT JOIN {_read_before(side, f'sum(d.{due})', low, high)} ON d.{number} = t.{number}",
            **_timing(f"t.{balance}", "balance"),
        ),
    )


def _open_count(side: Side, field: str) -> Comparison:
    number, open_now = f"{side.party}Number", f"CAST(d.{side.own}AmountDue <> 0 AS INTEGER)"
    read_before = _read_before(side, f"sum({open_now})", f"-{open_now}", f"1 - {open_now}")
    sql = pair(
        key=key_of(side.parties),
        says=f"CAST(t.{field} AS DECIMAL(19,3))",
        adds="coalesce(d.now, 0)",
        source=f"{Rows(side.parties).source} LEFT JOIN {read_before} ON d.{number} = t.{number}",
        **_timing(f"t.{field}", "count"),
    )
    return Comparison(f"{field} = documents with something due", sql, counts=True)


def _in_history(side: Side) -> str:
    """Documents whose whole life lies within what was read: of the others earlier payments are not in the lake."""
    return f"t.PostingDate >= {side.begins}"


def _paid(side: Side, what: str) -> Comparison:
    """What is no longer due on a document has been paid, adjusted or discounted."""
    rows = Rows(side.documents, currency="t.CurrencyCode")
    gone = f"t.{side.own}InvoiceAmount - t.{side.own}AmountDue"
    settled, waits, newer = (f"coalesce({a}.paid, 0) + coalesce({a}.adjusted, 0) + coalesce({a}.discount, 0)" for a in ("s", "w", "n"))
    # Payables do not say which document a discount was taken on; what is left is compared with the discounts of the checks.
    adds = settled if side.module == "ar" else f"CASE WHEN abs({gone}) > abs({settled}) AND coalesce(s.paid, 0) <> 0 THEN {gone} ELSE {settled} END"
    known = "true" if side.module == "ar" else f"NOT (t.VendorCurrencyInvoiceAmount < 0 AND t.VendorNumber IN (SELECT party FROM {_USED}))"
    # Documents and batches are read one after the other, and batches may be posted in between. That explains their amount and no other.
    waits = f"CASE WHEN last_read('{side.batches[0][1]}') < t._read_at THEN {waits} ELSE 0 END"
    moved = [waits, f"-({newer})", f"{waits} - ({newer})", *([f"nullif({waits}, 0) + t.VendorCurrencyDiscountAmount"] if side.module == "ap" else [])]
    fits = f"(({gone}) <> ({adds}) AND ({gone}) - ({adds}) IN ({', '.join(moved)}) AND ({waits} <> 0 OR {newer} <> 0))"
    joined = " ".join(
        f"LEFT JOIN ({amounts}) AS {a} ON {a}.party = t.{side.party}Number AND {a}.document = t.DocumentNumber"
        for a, amounts in (("s", side.applied), ("w", side.waiting), ("n", side.newer))
    )
    return Comparison(
        what,
        pair(
            key=key_of(side.documents),
            says=gone,
            adds=adds,
            currency="t.CurrencyCode",
            source=f"{rows.source} {joined} WHERE {_in_history(side)} AND {known}",
            explained=f"CASE WHEN {fits} THEN ({gone}) - ({adds}) ELSE 0 END",
            reason=f"CASE WHEN {fits} THEN 'posted between the reads of the document and of the batch' ELSE '' END",
        ),
    )


# An entry of payables that applies a document does not say which: what was used up is known for all documents of a vendor together.
_USED = """(SELECT a.VendorNumber AS party, sum(a.PaymentAmount) AS used
    FROM ap_applied_payments AS a JOIN ap_payments AS h USING (BatchSelector, BatchNumber, EntryNumber)
    JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
    WHERE is_posted(b.BatchStatus) AND applies_document(h.PaymentTransactionType) GROUP BY ALL)"""
_CREDITS = Comparison(
    "credits of a vendor that were applied to other documents = what these were settled by",
    pair(
        key="{'VendorNumber': u.party}",
        says="coalesce(r.gone, 0)",
        adds="-u.used",
        currency="r.currency",
        source=f"""{_USED} AS u LEFT JOIN (
            SELECT VendorNumber AS party, any_value(CurrencyCode) AS currency, sum(gone) AS gone, bool_and(PostingDate >= {AP.begins}) AS whole
            FROM (SELECT t.*, t.VendorCurrencyInvoiceAmount - t.VendorCurrencyAmountDue
                    - coalesce(s.paid, 0) - coalesce(s.adjusted, 0) - coalesce(s.discount, 0) AS gone
                FROM ap_posted_documents AS t LEFT JOIN ({AP.applied}) AS s ON s.party = t.VendorNumber AND s.document = t.DocumentNumber
                WHERE t.VendorCurrencyInvoiceAmount < 0) WHERE gone <> 0 GROUP BY ALL
        ) AS r ON r.party = u.party WHERE coalesce(r.whole, true)""",
    ),
)
_ONE_CHECK = """(SELECT VendorNumber, DocumentNumber FROM ap_applied_payments
    JOIN ap_payment_and_adjustment_batches USING (BatchSelector, BatchNumber)
    WHERE BatchSelector = 'PY' AND is_posted(BatchStatus) GROUP BY ALL HAVING count(DISTINCT (BatchNumber, EntryNumber)) = 1)"""
_DISCOUNTS = Comparison(
    "discount of a check = what its documents were settled by beyond what was paid",
    pair(
        key=key_of("ap/posted_payments"),
        says="t.DiscountAmount",
        adds="r.residue",
        currency="t.PaymentCurrency",
        source=f"""ap_posted_payments AS t JOIN (
            SELECT a.BatchNumber, a.EntryNumber, sum(d.VendorCurrencyInvoiceAmount - d.VendorCurrencyAmountDue
                - coalesce(s.paid, 0) - coalesce(s.adjusted, 0)) AS residue,
                bool_and(d.DocumentNumber IS NOT NULL AND d.PostingDate >= {AP.begins}
                    AND (a.VendorNumber, a.DocumentNumber) IN {_ONE_CHECK}) AS alone
            FROM ap_applied_payments AS a JOIN ap_payment_and_adjustment_batches AS b USING (BatchSelector, BatchNumber)
            LEFT JOIN ap_posted_documents AS d ON d.VendorNumber = a.VendorNumber AND d.DocumentNumber = a.DocumentNumber
            LEFT JOIN ({AP.applied}) AS s ON s.party = a.VendorNumber AND s.document = a.DocumentNumber
            -- What was posted between the reads of documents and batches is judged after the next ones.
            WHERE a.BatchSelector = 'PY' AND is_posted(b.BatchStatus) AND NOT (b._read_at > last_read('APPostedDocuments')
                AND b.DateLastEdited >= local_day(last_read('APPostedDocuments'))) GROUP BY ALL
        ) AS r ON r.BatchNumber = t.BatchNumber AND r.EntryNumber = t.EntryNumber
        -- Of a document that several checks paid in part nobody says which of them took the discount.
        WHERE r.alone""",
    ),
)


def _consistent(side: Side) -> tuple[Comparison, ...]:
    rows = Rows(side.documents, currency="t.CurrencyCode")
    paid = f"t.{side.own}AmountDue = 0"
    return (
        rows.equal(
            "nothing is due in home currency on what is settled", "t.FunctionalCurrencyAmountDue", "CAST(0 AS DECIMAL(19,3))", where=paid, home=True
        ),
        rows.equal(
            "FullyPaid says so where nothing is due",
            "CAST(is_yes(t.FullyPaid) AS DECIMAL(19,3))",
            f"CAST(t.{side.own}AmountDue = 0 AS INTEGER)",
        ),
        rows.equal(
            "invoice amount in home currency = at the rate",
            "t.FunctionalCurrencyInvoiceAmount",
            f"home_amount(t.{side.own}InvoiceAmount, t.ExchangeRate, {'rate_operator(t.RateType)' if side.module == 'ap' else 't.RateOperator'})",
            slack="CASE WHEN t.ExchangeRate = 1 THEN 0 ELSE 6 * home_unit() END",
            home=True,
        ),
        rows.equal(
            "amount due in home currency = amount due, in a document of the home currency",
            "t.FunctionalCurrencyAmountDue",
            f"t.{side.own}AmountDue",
            where="t.CurrencyCode = home_currency()",
            home=True,
        ),
    )


_AP_DOCUMENT = Rows("ap/posted_documents", currency="t.CurrencyCode")
_AR_DOCUMENT = Rows("ar/posted_documents", currency="t.CurrencyCode")

CONTROLS = (
    Control(
        "ap_balances",
        "What each vendor is owed is what is due on its documents.",
        "ap/vendors",
        (
            _balance(
                AP,
                "balance in the vendor's currency",
                "BalanceDueInVendorCurrency",
                "VendorCurrencyAmountDue",
                "VendorCurrencyInvoiceAmount",
                home=False,
            ),
            _balance(
                AP,
                "balance in home currency",
                "BalanceDueInFunctionalCurrency",
                "FunctionalCurrencyAmountDue",
                "FunctionalCurrencyInvoiceAmount",
                home=True,
            ),
            _open_count(AP, "NumberOfOpenInvoices"),
        ),
    ),
    Control(
        "ar_balances",
        "What each customer owes is what is due on its documents.",
        "ar/customers",
        (
            _balance(
                AR,
                "balance in the customer's currency",
                "BalanceDueInCustomerCurrency",
                "CustomerCurrencyAmountDue",
                "CustomerCurrencyInvoiceAmount",
                home=False,
            ),
            _balance(
                AR,
                "balance in home currency",
                "BalanceDueInFunctionalCurrency",
                "FunctionalCurrencyAmountDue",
                "FunctionalCurrencyInvoiceAmount",
                home=True,
            ),
            _open_count(AR, "NumberOfOpenDocuments"),
        ),
    ),
    Control(
        "ar_national_accounts",
        "What each national account owes is what is due on the documents of its customers.",
        "ar/national_accounts",
        tuple(
            Comparison(
                what,
                pair(
                    key=key_of("ar/national_accounts"),
                    says=f"t.{balance}",
                    adds=f"coalesce((SELECT sum({due}) FROM ar_posted_documents AS d WHERE d.NationalAccountNumber = t.NationalAccountNumber), 0)",
                    currency=currency,
                    source="ar_national_accounts AS t",
                ),
            )
            for what, balance, due, currency in (
                ("balance in the customers' currency", "BalanceDueInCustomerCurrency", "CustomerCurrencyAmountDue", "t.CurrencyCode"),
                ("balance in home currency", "BalanceDueInFunctionalCurrency", "FunctionalCurrencyAmountDue", "''"),
            )
        ),
        # Which documents count is known from the labels only.
        Severity.WARNING,
    ),
    Control(
        "ap_documents_settled",
        "What is no longer due on a vendor document has been paid, adjusted, or taken as a discount.",
        "ap/posted_documents",
        (_paid(AP, "invoice amount less amount due = paid + adjusted"), _CREDITS, _DISCOUNTS),
    ),
    Control(
        "ar_documents_settled",
        "What is no longer due on a customer document has been received, adjusted, or given as a discount.",
        "ar/posted_documents",
        (_paid(AR, "invoice amount less amount due = received + adjusted + discounts"),),
    ),
    Control(
        "ap_documents_consistent",
        "The amounts of each posted vendor document fit each other and its exchange rate.",
        "ap/posted_documents",
        (
            *_consistent(AP),
            _AP_DOCUMENT.equal("VendorCurrencyTaxAmount = the taxes", "t.VendorCurrencyTaxAmount", total("TaxAmount1-5")),
            _AP_DOCUMENT.rated(
                "tax in home currency = at the rate",
                "t.FunctionalCurrencyTaxAmount",
                "t.VendorCurrencyTaxAmount",
                "t.ExchangeRate",
                "rate_operator(t.RateType)",
                parts=" + ".join(f'CAST(t."TaxAmount{n}" <> 0 AS INTEGER)' for n in range(1, 6)),
            ),
            _AP_DOCUMENT.rated(
                "discount in home currency = at the rate",
                "t.FunctionalCurrencyDiscountAmount",
                "t.VendorCurrencyDiscountAmount",
                "t.ExchangeRate",
                "rate_operator(t.RateType)",
            ),
        ),
        Severity.WARNING,
    ),
    Control(
        "ar_documents_consistent",
        "The amounts of each posted customer document fit each other and its exchange rate.",
        "ar/posted_documents",
        (
            *_consistent(AR),
            _AR_DOCUMENT.equal(
                "invoice amount = taxable + not taxable + tax",
                "t.CustomerCurrencyInvoiceAmount",
                "t.CustomerCurrencyTaxableAmount + t.CustomerCurrencyNonTaxableAmount + t.CustomerCurrencyTaxAmount",
            ),
            _AR_DOCUMENT.equal(
                "the same in home currency",
                "t.FunctionalCurrencyInvoiceAmount",
                "t.FunctionalCurrencyTaxableAmount + t.FunctionalCurrencyNonTaxableAmount + t.FunctionalCurrencyTaxAmount",
                home=True,
            ),
            _AR_DOCUMENT.equal("CustomerCurrencyTaxAmount = the taxes", "t.CustomerCurrencyTaxAmount", total("CustomerTaxAmount1-5")),
            _AR_DOCUMENT.equal(
                "FunctionalCurrencyTaxAmount = the taxes", "t.FunctionalCurrencyTaxAmount", total("FunctionalTaxAmount1-5"), home=True
            ),
            *(
                _AR_DOCUMENT.equal(f"{field}{n} = Customer{of}{n}", f't."{field}{n}"', f't."Customer{of}{n}"')
                for n in range(1, 6)
                for field, of in (("TaxAmount", "TaxAmount"), ("TaxBase", "BaseAmount"))
            ),
            *(
                _AR_DOCUMENT.rated(
                    f"Functional{of}{n} = at the rate", f't."Functional{of}{n}"', f't."Customer{of}{n}"', "t.ExchangeRate", "t.RateOperator"
                )
                for n in range(1, 6)
                for of in ("TaxAmount", "BaseAmount")
            ),
            *(
                _AR_DOCUMENT.rated(
                    f"{of} in home currency = at the rate", f"t.FunctionalCurrency{of}", f"t.CustomerCurrency{of}", "t.ExchangeRate", "t.RateOperator"
                )
                for of in ("TaxableAmount", "NonTaxableAmount", "DiscountAmount", "OriginalRetainageAmount", "RetainageAmount")
            ),
            _AR_DOCUMENT.nothing(
                "no retainage where none is agreed",
                ["CustomerCurrencyOriginalRetainageAmount", "CustomerCurrencyRetainageAmount"],
                "is_yes(t.HasRetainage)",
            ),
        ),
        Severity.WARNING,
    ),
)
