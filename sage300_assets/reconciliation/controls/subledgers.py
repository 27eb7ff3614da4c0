"""Sub-ledgers against the general ledger: what is due on documents, and the balances of the control accounts."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.controls.moments import AFTER_THE_SETS, LATER_LINES, last_sums
from sage300_assets.reconciliation.forms import pair

_YEAR_TO_DATE = " + ".join(f"Period{n:02d}netamount" for n in range(1, 16))
# The account set stands in the invoice; a document from before the history goes by the set of its vendor.
_AP_SETS = """(SELECT d.*, coalesce(i.AccountSet, v.AccountSet) AS account_set FROM ap_posted_documents AS d
    LEFT JOIN ap_invoices AS i ON i.BatchNumber = d.BatchNumber AND i.EntryNumber = d.EntryNumber
      AND i.VendorNumber = d.VendorNumber AND i.DocumentNumber = d.DocumentNumber
    LEFT JOIN ap_vendors AS v ON v.VendorNumber = d.VendorNumber)"""
_AR_SETS = "(SELECT d.*, d.AccountSet AS account_set FROM ar_posted_documents AS d)"


def _accounts(module: str, member: str, currency: str) -> str:
    return f"SELECT DISTINCT bare({member}) AS account, {currency} AS currency FROM {module}_account_sets WHERE {member} <> ''"


def _account(what: str, module: str, *, home: bool, prepaid: bool = False) -> Comparison:
    """Documents by control account, or prepayments by prepayment account, against the newest balance of the account."""
    payable = module == "ap"
    documents, code = (_AP_SETS, "AccountSetCode") if payable else (_AR_SETS, "AccountSetKey")
    control, advances = ("PayablesControlAccount", "PrepaymentAccount") if payable else ("ReceivablesControlAccount", "PrepaymentLiabilityAccount")
    currency = "CurrencyCodeForAccount" if payable else "CurrencyCode"
    due = "FunctionalCurrencyAmountDue" if home else f"{'Vendor' if payable else 'Customer'}CurrencyAmountDue"
    sign = -1 if payable else 1
    kind = "F" if home else "S"
    amount = "d.Amount" if home else "d.SourceCurrencyAmount"
    of = "home_currency()" if home else currency
    accounts = _accounts(module, control, of)
    if prepaid:
        # Where prepayments are kept in a control account they are compared with it, together with the other documents; and where there
        # have never been any, the account is often one that other modules use, for prepaid expenses for instance.
        accounts = f"{_accounts(module, advances, of)} EXCEPT {accounts}"
    posted = f"""(SELECT bare(AccountNumber) AS account, {"home_currency()" if home else "SourceCurrencyCode"} AS currency,
        {"JournalTransactionAmount" if home else "SourceCurrencyAmount"} AS amount, PostingSequenceNumber
        FROM gl_posted_transactions WHERE SourceLedgerCode = '{module.upper()}' AND {LATER_LINES})"""
    # A batch that the sub-ledger made and nobody posted yet is in the one and not in the other; so is what was posted after the balances were read.
    difference, waiting = "coalesce(o.due, 0) - coalesce(b.balance, 0)", f"{sign} * coalesce(w.waiting, 0)"
    fits = f"list_contains(n.sums, {sign} * ({difference} - {waiting}))"
    return Comparison(
        what,
        pair(
            key="{'AccountNumber': k.account, 'Currencycode': k.currency}",
            says="coalesce(o.due, 0)",
            adds="coalesce(b.balance, 0)",
            currency="''" if home else "k.currency",
            explained=f"CASE WHEN {fits} THEN {difference} ELSE {waiting} END",
            reason=(
                f"CASE WHEN {fits} THEN '{AFTER_THE_SETS} ' ELSE '' END || "
                "CASE WHEN w.batches IS NULL THEN '' ELSE 'not posted yet: ' || w.batches END"
                " || CASE WHEN g.batches IS NULL THEN '' ELSE ' posted by hand: ' || g.batches END"
            ),
            source=f"""(SELECT * FROM ({accounts}) {"" if home else "WHERE currency <> home_currency()"}) AS k
            LEFT JOIN (
                SELECT bare(CASE WHEN d.DocumentType ILIKE '%prepayment%' THEN s.{advances} ELSE s.{control} END) AS account,
                    {"home_currency()" if home else "d.CurrencyCode"} AS currency, sum(d.{due}) AS due
                FROM {documents} AS d JOIN {module}_account_sets AS s ON s.{code} = d.account_set GROUP BY ALL
            ) AS o ON o.account = k.account AND o.currency = k.currency
            LEFT JOIN (
                SELECT bare(AccountNumber) AS account, Currencycode AS currency, {sign} * sum(BeginningBalance + {_YEAR_TO_DATE}) AS balance
                FROM gl_account_fiscal_sets WHERE FiscalsetDesignator = 'A' AND Currencytype = '{kind}'
                  AND (AccountNumber, Currencycode, Fiscalsetyear) IN (
                    SELECT (AccountNumber, Currencycode, max(Fiscalsetyear)) FROM gl_account_fiscal_sets
                    WHERE FiscalsetDesignator = 'A' AND Currencytype = '{kind}' GROUP BY AccountNumber, Currencycode)
                GROUP BY ALL
            ) AS b ON b.account = k.account AND b.currency = k.currency
            LEFT JOIN (
                SELECT bare(d.AccountNumber) AS account, {"home_currency()" if home else "d.SourceCurrency"} AS currency,
                    sum({amount}) AS waiting, string_agg(DISTINCT d.BatchNumber, ', ' ORDER BY d.BatchNumber) AS batches
                FROM gl_journal_details AS d JOIN gl_journal_batches AS b USING (BatchNumber)
                WHERE is_waiting(b.Status) AND b.SourceLedger = '{module.upper()}'
                  -- Read before it was posted, it is still said to wait.
                  AND d.BatchNumber NOT IN (SELECT BatchNumber FROM gl_posted_transactions WHERE BatchNumber IS NOT NULL) GROUP BY ALL
            ) AS w ON w.account = k.account AND w.currency = k.currency
            LEFT JOIN (
                SELECT bare(p.AccountNumber) AS account, string_agg(DISTINCT p.BatchNumber, ', ' ORDER BY p.BatchNumber) AS batches
                FROM gl_posted_transactions AS p WHERE p.SourceLedgerCode <> '{module.upper()}' GROUP BY ALL
            ) AS g ON g.account = k.account
            LEFT JOIN ({last_sums("account, currency", posted)}) AS n ON n.account = k.account AND n.currency = k.currency
            WHERE {"o.account IS NOT NULL" if prepaid else "true"}""",
        ),
    )


CONTROLS = (
    Control(
        "ap_control_accounts",
        "What is due on all vendor documents is the balance of the payables control accounts, in home and in document currency.",
        "ap/posted_documents",
        (
            _account("open documents = control account, home currency", "ap", home=True),
            _account("open documents = control account, document currency", "ap", home=False),
        ),
    ),
    Control(
        "ar_control_accounts",
        "What is due on all customer documents is the balance of the receivables control accounts, in home and in document currency.",
        "ar/posted_documents",
        (
            _account("open documents = control account, home currency", "ar", home=True),
            _account("open documents = control account, document currency", "ar", home=False),
        ),
    ),
    *(
        Control(
            f"{module}_prepayment_accounts",
            f"What is left of all prepayments {whose} is the balance of the prepayment accounts that they are in, in home and document currency.",
            f"{module}/posted_documents",
            (
                _account("prepayments = prepayment account, home currency", module, home=True, prepaid=True),
                _account("prepayments = prepayment account, document currency", module, home=False, prepaid=True),
            ),
            # A company may keep other things in such an account too.
            Severity.WARNING,
        )
        for module, whose in (("ap", "to vendors"), ("ar", "of customers"))
    ),
)
