"""General ledger: batches against their entries and lines, and what was posted of them."""

from __future__ import annotations

from sage300_assets.reconciliation.control import Comparison, Control, Severity
from sage300_assets.reconciliation.forms import Rows, pair, total

_BATCH = Rows("gl/journal_batches")
_HEAD = Rows("gl/journal_headers")
_LINE = Rows("gl/journal_details", currency="t.SourceCurrency")
_POSTED = Rows("gl/posted_transactions", currency="t.SourceCurrencyCode")

_MATCH = (
    "p.BatchNumber = d.BatchNumber AND p.JournalEntryNumber = d.EntryNumber"
    " AND TRY_CAST(d.TransactionNumber AS DECIMAL(19,0)) = p.JournalTransactionNumber"
)


def _posted_line(what: str, posted: str, detail: str, *, home: bool) -> Comparison:
    """A line of a posted batch and the posted transaction are the same amount, and neither is without the other."""
    source = f"""(
        SELECT d.*, b.BatchNumber AS batch FROM gl_journal_details AS d JOIN gl_journal_batches AS b USING (BatchNumber)
        WHERE is_posted(b.Status) AND d.JournalDate >= first_day('GLPostedTransactions')
    ) AS d FULL JOIN (
        SELECT p.* FROM gl_posted_transactions AS p
        -- A batch that was last edited before the history begins, or that was cleared away, cannot be compared with.
        WHERE EXISTS (SELECT 1 FROM gl_journal_batches AS b WHERE b.BatchNumber = p.BatchNumber)
    ) AS p ON {_MATCH}"""
    key = (
        "{'BatchNumber': coalesce(d.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(d.EntryNumber, p.JournalEntryNumber),"
        " 'TransactionNumber': d.TransactionNumber, 'JournalTransactionNumber': p.JournalTransactionNumber,"
        " 'AccountNumber': coalesce(p.AccountNumber, d.AccountNumber), 'FiscalYear': p.FiscalYear, 'FiscalPeriod': p.FiscalPeriod,"
        " 'SourceCurrencyCode': p.SourceCurrencyCode, 'SourceLedgerCode': p.SourceLedgerCode, 'SourceTypeCode': p.SourceTypeCode,"
        " 'PostingSequenceNumber': p.PostingSequenceNumber, 'DetailCount': p.DetailCount}"
    )
    missing = "CASE WHEN p.DetailCount IS NULL THEN 'not in the posted transactions' WHEN d.batch IS NULL THEN 'not in the batch' ELSE '' END"
    return Comparison(
        what,
        pair(
            key=key,
            says=f"CASE WHEN p.DetailCount IS NULL THEN 0 ELSE p.{posted} END",
            adds=f"CASE WHEN d.batch IS NULL THEN 0 ELSE d.{detail} END",
            currency="''" if home else "coalesce(p.SourceCurrencyCode, d.SourceCurrency)",
            reason=missing,
            source=source,
        ),
    )


_THERE = Comparison(
    "every line of a posted batch is posted once, and nothing else",
    pair(
        key=("{'BatchNumber': BatchNumber, 'EntryNumber': EntryNumber, 'JournalTransactionNumber': line}"),
        says="CAST(count(*) FILTER (posted) AS DECIMAL(19,3))",
        adds="CAST(count(*) FILTER (NOT posted) AS DECIMAL(19,3))",
        source="""(
            SELECT d.BatchNumber, d.EntryNumber, TRY_CAST(d.TransactionNumber AS DECIMAL(19,0)) AS line, false AS posted
            FROM gl_journal_details AS d JOIN gl_journal_batches AS b USING (BatchNumber)
            WHERE is_posted(b.Status) AND d.JournalDate >= first_day('GLPostedTransactions')
            UNION ALL
            SELECT p.BatchNumber, p.JournalEntryNumber, p.JournalTransactionNumber, true FROM gl_posted_transactions AS p
            WHERE EXISTS (SELECT 1 FROM gl_journal_batches AS b WHERE b.BatchNumber = p.BatchNumber)
        ) GROUP BY ALL""",
    ),
    counts=True,
)


def _balanced(what: str, keys: str, amount: str, where: str = "true", currency: str = "''") -> Comparison:
    """Debits and credits of a group of posted lines are equal."""
    named = "{" + ", ".join(f"'{k}': {k}" for k in keys.split()) + "}"
    return Comparison(
        what,
        pair(
            key=named,
            says=f"coalesce(sum({amount}) FILTER ({amount} > 0), 0)",
            adds=f"coalesce(-sum({amount}) FILTER ({amount} < 0), 0)",
            currency=currency,
            source=f"gl_posted_transactions WHERE {where} GROUP BY {', '.join(keys.split())}",
        ),
    )


_ONE_CURRENCY = """(BatchNumber, JournalEntryNumber) IN (
    SELECT (BatchNumber, JournalEntryNumber) FROM gl_posted_transactions GROUP BY ALL HAVING count(DISTINCT SourceCurrencyCode) = 1)"""


def _tax(name: str, amount: str, parts: tuple[str, str, str]) -> list[Comparison]:
    return [
        _HEAD.equal(f"{amount}{n} = {name}", f't."{amount}{n}"', total(*(f"{p}{n}" for p in parts)), home=amount.startswith("Functional"))
        for n in range(1, 6)
    ]


_TAXED = (
    "TaxAmount", "TaxBaseAmount", "TaxExpenseAmount", "TaxRecoverableAmount", "TaxAllocatedAmount", "TaxReportingAmount", "TaxReportingExpensed",
    "TaxReportingRecoverableAmount", "TaxReportingAllocatedAmount", "FunctionalTaxAmount", "FunctionalTaxBaseAmount", "FunctionalExpensedAmount",
    "FunctionalRecoverableAmount", "FunctionalAllocatedAmount",
)  # fmt: skip

CONTROLS = (
    Control(
        "gl_batch_totals",
        "Debits and credits of each journal batch and entry are the sums of their lines.",
        "gl/journal_batches",
        (
            _BATCH.lines("Debits = debits of the entries", "t.Debits", "gl/journal_headers", "sum(d.Debits)", home=True),
            _BATCH.lines("Credits = credits of the entries", "t.Credits", "gl/journal_headers", "sum(d.Credits)", home=True),
            _BATCH.counted("NumberOfEntries = entries", "t.NumberOfEntries", "gl/journal_headers"),
            _HEAD.lines(
                "Debits of an entry = its lines above zero", "t.Debits", "gl/journal_details", "coalesce(sum(d.Amount) FILTER (d.Amount > 0), 0)"
            ),
            _HEAD.lines(
                "Credits of an entry = its lines below zero", "t.Credits", "gl/journal_details", "coalesce(-sum(d.Amount) FILTER (d.Amount < 0), 0)"
            ),
            _HEAD.counted("NumberOfDetails = lines", "t.NumberOfDetails", "gl/journal_details"),
            _HEAD.equal("OutOfBalanceBy = debits less credits", "t.OutOfBalanceBy", "t.Debits - t.Credits", home=True),
        ),
    ),
    Control(
        "gl_entries_balance",
        "Debits equal credits in every posted entry, batch and period, and in its own currency where an entry has only one.",
        "gl/posted_transactions",
        (
            _balanced("debits = credits of each entry", "BatchNumber JournalEntryNumber", "JournalTransactionAmount"),
            _balanced("debits = credits of each batch", "BatchNumber", "JournalTransactionAmount"),
            _balanced("debits = credits of each posting", "PostingSequenceNumber", "JournalTransactionAmount"),
            _balanced("debits = credits of each period", "FiscalYear FiscalPeriod", "JournalTransactionAmount"),
            _balanced(
                "debits = credits of each entry in its currency",
                "BatchNumber JournalEntryNumber SourceCurrencyCode",
                "SourceCurrencyAmount",
                _ONE_CURRENCY,
                "SourceCurrencyCode",
            ),
        ),
    ),
    Control(
        "gl_posted_as_entered",
        "Every line of a posted batch is in the posted transactions with the same amounts, and every posted transaction is in its batch.",
        "gl/posted_transactions",
        (
            _THERE,
            _posted_line("JournalTransactionAmount = Amount of the line", "JournalTransactionAmount", "Amount", home=True),
            _posted_line("SourceCurrencyAmount of both", "SourceCurrencyAmount", "SourceCurrencyAmount", home=False),
        ),
    ),
    Control(
        "gl_currency",
        "A line in home currency has one amount; a posted invoice in another currency is in the ledger at its rate.",
        "gl/posted_transactions",
        (
            _POSTED.equal(
                "home amount = source amount in home currency",
                "t.JournalTransactionAmount",
                "t.SourceCurrencyAmount",
                where="t.SourceCurrencyCode = t.HomeCurrencyCode",
                home=True,
            ),
            # Payments take documents off at the documents' own rates, so only what invoices brought can be judged by the rate of the line.
            Rows(
                "gl/posted_transactions",
                where="t.SourceLedgerCode IN ('AP', 'AR') AND t.SourceTypeCode = 'IN' AND t.SourceCurrencyCode <> t.HomeCurrencyCode",
            ).rated(
                "home amount of an invoice's line = source amount at the rate",
                "t.JournalTransactionAmount",
                "t.SourceCurrencyAmount",
                "t.CurrencyRateForConversion",
                "t.CurrencyRateOperator",
                parts="6",
            ),
            _LINE.equal(
                "home amount = source amount in home currency, as entered",
                "t.Amount",
                "t.SourceCurrencyAmount",
                where="t.SourceCurrency = t.HomeCurrency",
                home=True,
            ),
        ),
    ),
    Control(
        "gl_entry_taxes",
        "Taxes of a journal entry are what is expensed, recoverable and allocated of them, and there are none without an authority.",
        "gl/journal_headers",
        (
            *_tax("expensed + recoverable + allocated", "TaxAmount", ("TaxExpenseAmount", "TaxRecoverableAmount", "TaxAllocatedAmount")),
            *_tax(
                "functional expensed + recoverable + allocated",
                "FunctionalTaxAmount",
                ("FunctionalExpensedAmount", "FunctionalRecoverableAmount", "FunctionalAllocatedAmount"),
            ),
            *_tax(
                "reporting expensed + recoverable + allocated",
                "TaxReportingAmount",
                ("TaxReportingExpensed", "TaxReportingRecoverableAmount", "TaxReportingAllocatedAmount"),
            ),
            *(
                _HEAD.nothing(f"no tax {n} without an authority", [f"{field}{n}" for field in _TAXED], f"coalesce(t.\"TaxAuthority{n}\", '') <> ''")
                for n in range(1, 6)
            ),
            _HEAD.nothing(
                "no totals with tax without a tax group",
                ["InvoicetotalInTaxGroupCurre", "InvoicetotalInfunctionalCurr"],
                "coalesce(t.\"TaxGroup\", '') <> ''",
            ),
        ),
        Severity.WARNING,
    ),
)
