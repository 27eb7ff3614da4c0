"""General ledger: batches against their entries and lines, and what was posted of them."""

from __future__ import annotations

from dataclasses import replace

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control, Severity
from sage300_assets.reconciliation.controls.moments import Reads, newest_posting, since_the_posting
from sage300_assets.reconciliation.forms import Rows, pair, total

_BATCH = Rows("gl/journal_batches")
_HEAD = Rows("gl/journal_headers")
_LINE = Rows("gl/journal_details", currency="t.SourceCurrency")
_POSTED = Rows("gl/posted_transactions", currency="t.SourceCurrencyCode")

_MATCH = (
    "p.BatchNumber = d.BatchNumber AND p.JournalEntryNumber = d.EntryNumber"
    " AND TRY_CAST(d.TransactionNumber AS DECIMAL(19,0)) = p.JournalTransactionNumber"
)


def _consolidated(line: str, account: str = "AccountNumber") -> str:
    """Whether lines of a batch on an account became one when they were posted, or may have: some accounts keep sums instead of lines."""
    return f"""(({line}.BatchNumber, {line}.{account}) IN (SELECT (BatchNumber, AccountNumber) FROM gl_posted_transactions
            WHERE is_yes(ConsolidationOccurredOnPost))
        OR {line}.{account} IN (SELECT UnformattedAccount FROM gl_accounts WHERE PostToAccount ILIKE 'consol%'))"""


# A batch that was last edited before the history begins, or that was cleared away, cannot be compared with.
_IN_A_BATCH = "EXISTS (SELECT 1 FROM gl_journal_batches AS b WHERE b.BatchNumber = p.BatchNumber)"
# Sage 300 clears the lines of whole years away. A tombstone has the key of a line, which tells the account of a posting, and not the entry.
_CLEARED = f"""LEFT JOIN (SELECT DISTINCT PostingSequenceNumber, AccountNumber, FiscalYear, period_number(FiscalPeriod) AS period, SourceCurrencyCode
            FROM gl_posted_transactions{CLEARED}) AS c ON c.PostingSequenceNumber = b.PostingSequence AND c.AccountNumber = d.AccountNumber
          AND c.FiscalYear = h.FiscalYear AND c.period = period_number(h.FiscalPeriod) AND c.SourceCurrencyCode = d.SourceCurrency"""
_ENTERED = f"""is_posted(b.Status) AS posted, b._read_at AS batch_read, b.PostingSequence AS sequence,
        c.AccountNumber IS NOT NULL AS cleared
        FROM gl_journal_details AS d JOIN gl_journal_batches AS b USING (BatchNumber)
        JOIN gl_journal_headers AS h ON h.BatchNumber = d.BatchNumber AND h.EntryNumber = d.EntryNumber
        {_CLEARED}
        WHERE (is_posted(b.Status) OR (is_waiting(b.Status) AND d.BatchNumber IN (SELECT BatchNumber FROM gl_posted_transactions)))
          AND d.JournalDate >= first_day('GLPostedTransactions') AND NOT {_consolidated("d")}"""
_POSTED_ONES = f"FROM gl_posted_transactions AS p WHERE {_IN_A_BATCH} AND NOT {_consolidated('p')}"

_READS = Reads(
    entries="d",
    batches="GLJournalBatches",
    records="GLPostedTransactions",
    missing="p.DetailCount IS NULL",
    absent="not in the posted transactions",
    newest=newest_posting("gl_posted_transactions"),
    since=since_the_posting("GLPostedTransactions", "GLJournalBatches"),
)


def _posted_line(what: str, posted: str, detail: str, *, home: bool) -> Comparison:
    """A line of a posted batch and the posted transaction are the same amount, and neither is without the other."""
    both = f"(SELECT d.*, {_ENTERED}) AS d FULL JOIN (SELECT p.* {_POSTED_ONES}) AS p ON {_MATCH}"
    # A line that waits and was not posted is as it should be.
    source = f"{both} WHERE d.posted IS DISTINCT FROM false OR p.DetailCount IS NOT NULL"
    key = (
        "{'BatchNumber': coalesce(d.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(d.EntryNumber, p.JournalEntryNumber),"
        " 'TransactionNumber': d.TransactionNumber, 'JournalTransactionNumber': p.JournalTransactionNumber,"
        " 'AccountNumber': coalesce(p.AccountNumber, d.AccountNumber), 'FiscalYear': p.FiscalYear, 'FiscalPeriod': p.FiscalPeriod,"
        " 'SourceCurrencyCode': p.SourceCurrencyCode, 'SourceLedgerCode': p.SourceLedgerCode, 'SourceTypeCode': p.SourceTypeCode,"
        " 'PostingSequenceNumber': p.PostingSequenceNumber, 'DetailCount': p.DetailCount}"
    )
    return Comparison(
        what,
        pair(
            key=key,
            says=f"CASE WHEN p.DetailCount IS NULL THEN 0 ELSE p.{posted} END",
            adds=f"CASE WHEN d.posted IS DISTINCT FROM true THEN 0 ELSE d.{detail} END",
            currency="''" if home else "coalesce(p.SourceCurrencyCode, d.SourceCurrency)",
            source=source,
            **_READS.explain(f"d.{detail}"),
            cleared="d.cleared AND p.DetailCount IS NULL",
        ),
    )


_LINE_OF_BATCH = "TRY_CAST(d.TransactionNumber AS DECIMAL(19,0)) AS line"
_THERE = Comparison(
    "every line of a posted batch is posted once, and nothing else",
    pair(
        key="{'BatchNumber': coalesce(d.BatchNumber, p.BatchNumber), 'EntryNumber': coalesce(d.EntryNumber, p.EntryNumber),"
        " 'JournalTransactionNumber': coalesce(d.line, p.line)}",
        says="CAST(coalesce(p.lines, 0) AS DECIMAL(19,3))",
        adds="CAST(CASE WHEN d.posted THEN d.lines ELSE 0 END AS DECIMAL(19,3))",
        source=f"""(
            SELECT BatchNumber, EntryNumber, line, posted, batch_read, sequence, cleared, count(*) AS lines
            FROM (SELECT d.*, {_LINE_OF_BATCH}, {_ENTERED}) GROUP BY ALL
        ) AS d FULL JOIN (
            SELECT p.BatchNumber, p.JournalEntryNumber AS EntryNumber, p.JournalTransactionNumber AS line,
                count(*) AS lines, max(p._read_at) AS _read_at, min(p.PostingSequenceNumber) AS PostingSequenceNumber {_POSTED_ONES} GROUP BY ALL
        ) AS p ON p.BatchNumber = d.BatchNumber AND p.EntryNumber = d.EntryNumber AND p.line = d.line
        WHERE d.posted IS DISTINCT FROM false OR p.lines IS NOT NULL""",
        **replace(_READS, missing="p.lines IS NULL").explain("d.lines"),
        cleared="d.cleared AND p.lines IS NULL",
    ),
    counts=True,
)


def _sum_posted(what: str, posted: str, detail: str, *, home: bool) -> Comparison:
    """On an account that posts sums, the lines of a batch and what was posted of them add up to the same per period, currency and source."""
    names = ["BatchNumber", "AccountNumber", "FiscalYear", "FiscalPeriod", "SourceCurrencyCode", "SourceLedgerCode", "SourceTypeCode"]
    key = "{" + ", ".join(f"'{name}': coalesce(p.{name}, d.{name})" for name in names) + "}"
    return Comparison(
        what,
        pair(
            key=key,
            says="CASE WHEN p.BatchNumber IS NULL THEN 0 ELSE p.amount END",
            adds="CASE WHEN d.BatchNumber IS NULL THEN 0 ELSE d.amount END",
            currency="''" if home else "coalesce(p.SourceCurrencyCode, d.SourceCurrencyCode)",
            cleared="d.cleared",
            reason=(
                "CASE WHEN p.BatchNumber IS NULL THEN 'not in the posted transactions' WHEN d.BatchNumber IS NULL THEN 'not in the batch' ELSE '' END"
            ),
            source=f"""(
                SELECT d.BatchNumber, d.AccountNumber, h.FiscalYear, period_number(h.FiscalPeriod) AS FiscalPeriod,
                    d.SourceCurrency AS SourceCurrencyCode, d.SourceLedger AS SourceLedgerCode, d.SourceType AS SourceTypeCode,
                    sum(d.{detail}) AS amount, min(d.JournalDate) AS first, bool_or(c.AccountNumber IS NOT NULL) AS cleared
                FROM gl_journal_details AS d JOIN gl_journal_headers AS h USING (BatchNumber, EntryNumber)
                JOIN gl_journal_batches AS b USING (BatchNumber) {_CLEARED}
                WHERE is_posted(b.Status) AND {_consolidated("d")} GROUP BY ALL
            ) AS d FULL JOIN (
                SELECT p.BatchNumber, p.AccountNumber, p.FiscalYear, period_number(p.FiscalPeriod) AS FiscalPeriod,
                    p.SourceCurrencyCode, p.SourceLedgerCode, p.SourceTypeCode, sum(p.{posted}) AS amount
                FROM gl_posted_transactions AS p WHERE {_IN_A_BATCH} AND {_consolidated("p")} GROUP BY ALL
            ) AS p ON {" AND ".join(f"p.{name} = d.{name}" for name in names)}
            -- A sum may hold lines from before the history.
            WHERE d.first IS NULL OR d.first >= first_day('GLPostedTransactions')""",
        ),
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


# A sum that an account posts belongs to no entry any more.
_OF_LINES = f"BatchNumber NOT IN (SELECT p.BatchNumber FROM gl_posted_transactions AS p WHERE {_consolidated('p')})"
_ONE_CURRENCY = f"""{_OF_LINES} AND (BatchNumber, JournalEntryNumber) IN (
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
        "Debits equal credits in every posting, batch, entry and period, and in its own currency where an entry has only one; entries of which an"
        " account posted sums only are part of their batch.",
        "gl/posted_transactions",
        (
            _balanced("debits = credits of each entry", "BatchNumber JournalEntryNumber", "JournalTransactionAmount", _OF_LINES),
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
        "Every line of a posted batch is in the posted transactions with the same amounts, and every posted transaction is in its batch; where an"
        " account posts consolidated, their sums per batch, period, currency and source code.",
        "gl/posted_transactions",
        (
            _THERE,
            _posted_line("JournalTransactionAmount = Amount of the line", "JournalTransactionAmount", "Amount", home=True),
            _posted_line("SourceCurrencyAmount of both", "SourceCurrencyAmount", "SourceCurrencyAmount", home=False),
            _sum_posted("sums where an account posts consolidated, home currency", "JournalTransactionAmount", "Amount", home=True),
            _sum_posted("sums where an account posts consolidated, source currency", "SourceCurrencyAmount", "SourceCurrencyAmount", home=False),
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
                # A sum of several lines has the rate of one of them.
                where="t.SourceLedgerCode IN ('AP', 'AR') AND t.SourceTypeCode = 'IN' AND t.SourceCurrencyCode <> t.HomeCurrencyCode"
                " AND NOT is_yes(t.ConsolidationOccurredOnPost)",
            ).rated(
                "home amount of an invoice's line = source amount at the rate",
                "t.JournalTransactionAmount",
                "t.SourceCurrencyAmount",
                "t.CurrencyRateForConversion",
                "t.CurrencyRateOperator",
                parts="6",
                currency="t.SourceCurrencyCode",
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
