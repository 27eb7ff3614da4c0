"""Fiscal sets: balances per account, year and period against what was posted, and against themselves."""

from __future__ import annotations

from sage300_assets.reconciliation.control import CLEARED, Comparison, Control
from sage300_assets.reconciliation.controls.moments import AFTER_THE_SETS, LATER_LINES, last_sums
from sage300_assets.reconciliation.forms import Rows, pair

_SET = Rows("gl/account_fiscal_sets", currency="CASE t.Currencytype WHEN 'S' THEN t.Currencycode ELSE '' END")
_PERIODS = range(1, 16)


def _net(period: int, alias: str = "t") -> str:
    return f'{alias}."Period{period:02d}netamount"'


_SETS = "\n UNION ALL ".join(
    f"SELECT AccountNumber, Fiscalsetyear, {n} AS period, Currencycode, Currencytype, Period{n:02d}netamount AS net"
    " FROM gl_account_fiscal_sets WHERE FiscalsetDesignator = 'A'"
    for n in _PERIODS
)
_STARTS = "\n UNION ALL ".join(f"SELECT FiscalYear, {n} AS period, FiscalPeriod{n}StartDate AS starts FROM cs_fiscal_calendars" for n in range(1, 14))
# Adjustments and closing entries may be dated anywhere in their year.
_STARTS += "\n UNION ALL ".join(["", *(f"SELECT FiscalYear, {n}, FiscalPeriod1StartDate FROM cs_fiscal_calendars" for n in (14, 15))])
# Postings are read by the day they are dated, and may belong to another period. What is dated before the history and belongs to a later period
# was never read: the batch it was posted from says so. Where batches do not reach back as far, it can hide in the first period.
_UNREAD = """
    SELECT (d.AccountNumber, h.FiscalYear, period_number(h.FiscalPeriod))
    FROM gl_journal_details AS d JOIN gl_journal_headers AS h USING (BatchNumber, EntryNumber) JOIN gl_journal_batches AS b USING (BatchNumber)
    WHERE is_posted(b.Status) AND d.JournalDate < first_day('GLPostedTransactions')"""
_WHOLE = f"""first_day('GLPostedTransactions') <= DATE '0001-01-01' OR (
        c.starts >= first_day('GLPostedTransactions')
        AND (coalesce(s.AccountNumber, m.AccountNumber), coalesce(s.Fiscalsetyear, m.Fiscalsetyear), coalesce(s.period, m.period)) NOT IN ({_UNREAD})
        AND (first_day('GLJournalBatches') <= first_day('GLPostedTransactions')
            OR c.starts > (SELECT min(starts) FROM ({_STARTS}) WHERE starts >= first_day('GLPostedTransactions'))))"""
_KINDS = {
    "F": ("home_currency()", "JournalTransactionAmount", "true"),
    "S": ("SourceCurrencyCode", "SourceCurrencyAmount", "SourceCurrencyCode <> home_currency()"),
    "E": ("SourceCurrencyCode", "JournalTransactionAmount", "SourceCurrencyCode <> home_currency()"),
}
"""Type of a set -> its currency, and which amount of which lines is in it."""
_OF_A_SET = "AccountNumber, Fiscalsetyear, period, Currencycode"


def _moved(kind: str) -> str:
    currency, amount, where = _KINDS[kind]
    return f"""SELECT AccountNumber, FiscalYear AS Fiscalsetyear, period_number(FiscalPeriod) AS period, {currency} AS Currencycode,
        {amount} AS amount, PostingSequenceNumber, _read_at FROM gl_posted_transactions WHERE {where}"""


def _against_postings(what: str, kind: str) -> Comparison:
    """Net change of each period against the posted lines, where the whole period lies within what was read."""
    # The sets are read once a day, the lines as soon as there are new ones.
    fits = "list_contains(n.sums, coalesce(m.amount, 0) - coalesce(s.net, 0))"
    return Comparison(
        what,
        pair(
            key=(
                "{'AccountNumber': coalesce(s.AccountNumber, m.AccountNumber), 'Fiscalsetyear': coalesce(s.Fiscalsetyear, m.Fiscalsetyear),"
                f" 'FiscalsetDesignator': 'A', 'Currencycode': coalesce(s.Currencycode, m.Currencycode), 'Currencytype': '{kind}',"
                " 'period': coalesce(s.period, m.period)}"
            ),
            # A set that the server gives without a column is unknown; one that is not there holds nothing.
            says="CASE WHEN s.AccountNumber IS NULL THEN 0 ELSE s.net END",
            adds="coalesce(m.amount, 0)",
            currency="coalesce(s.Currencycode, m.Currencycode)" if kind == "S" else "''",
            explained=f"CASE WHEN {fits} THEN coalesce(s.net, 0) - m.amount ELSE 0 END",
            # Lines of old years are cleared away, and the balances stay.
            cleared="(coalesce(s.AccountNumber, m.AccountNumber), coalesce(s.Fiscalsetyear, m.Fiscalsetyear), coalesce(s.period, m.period)) IN"
            f" (SELECT (AccountNumber, FiscalYear, period_number(FiscalPeriod)) FROM gl_posted_transactions{CLEARED})",
            reason=f"CASE WHEN {fits} THEN '{AFTER_THE_SETS}' WHEN s.AccountNumber IS NULL THEN 'there is no such fiscal set'"
            " WHEN m.amount IS NULL THEN 'nothing was posted' ELSE '' END",
            source=f"""(SELECT * FROM ({_SETS}) WHERE Currencytype = '{kind}') AS s
                FULL JOIN (SELECT {_OF_A_SET}, sum(amount) AS amount FROM ({_moved(kind)}) GROUP BY ALL) AS m USING ({_OF_A_SET})
                LEFT JOIN ({last_sums(_OF_A_SET, f"({_moved(kind)} AND {LATER_LINES})")}) AS n USING ({_OF_A_SET})
                LEFT JOIN ({_STARTS}) AS c ON c.FiscalYear = coalesce(s.Fiscalsetyear, m.Fiscalsetyear) AND c.period = coalesce(s.period, m.period)
                WHERE {_WHOLE}""",
        ),
    )


def _carried(what: str, says: str, adds: str, where: str) -> Comparison:
    """The opening balance of a year against the year before."""
    return Comparison(
        what,
        pair(
            key="{'AccountNumber': t.AccountNumber, 'Fiscalsetyear': t.Fiscalsetyear, 'FiscalsetDesignator': t.FiscalsetDesignator,"
            " 'Currencycode': t.Currencycode, 'Currencytype': t.Currencytype}",
            says=says,
            adds=adds,
            currency="CASE t.Currencytype WHEN 'S' THEN t.Currencycode ELSE '' END",
            source=f"""gl_account_fiscal_sets AS t
                JOIN gl_account_fiscal_sets AS b ON b.AccountNumber = t.AccountNumber AND b.FiscalsetDesignator = t.FiscalsetDesignator
                  AND b.Currencycode = t.Currencycode AND b.Currencytype = t.Currencytype
                  AND TRY_CAST(b.Fiscalsetyear AS INTEGER) = TRY_CAST(t.Fiscalsetyear AS INTEGER) - 1
                JOIN gl_accounts AS a ON a.UnformattedAccount = t.AccountNumber
                WHERE t.FiscalsetDesignator = 'A' AND {where}""",
        ),
    )


_YEAR = " + ".join(_net(n, "b") for n in _PERIODS)
_RESULT = f"""(SELECT coalesce(sum({_YEAR}), 0) FROM gl_account_fiscal_sets AS b JOIN gl_accounts AS i ON i.UnformattedAccount = b.AccountNumber
    WHERE i.AccountType = 'IncomeStatement' AND b.FiscalsetDesignator = 'A' AND b.Currencytype = 'F'
      AND TRY_CAST(b.Fiscalsetyear AS INTEGER) = TRY_CAST(t.Fiscalsetyear AS INTEGER) - 1)"""


def _books_balance(what: str, amount: str) -> Comparison:
    """Over all accounts a year's actual figures in home currency add up to zero."""
    return Comparison(
        what,
        pair(
            key="{'Fiscalsetyear': Fiscalsetyear}",
            # Where all amounts stand on one side, the other side is nothing, not unknown.
            says=f"coalesce(sum({amount}) FILTER ({amount} > 0), 0)",
            adds=f"coalesce(-sum({amount}) FILTER ({amount} < 0), 0)",
            source="gl_account_fiscal_sets WHERE FiscalsetDesignator = 'A' AND Currencytype = 'F' GROUP BY Fiscalsetyear"
            f" HAVING count({amount}) FILTER ({amount} <> 0) > 0",
        ),
    )


CONTROLS = (
    Control(
        "gl_fiscal_sets",
        "What was posted per account, year, period and currency is the net change in the fiscal set; every period from 1 to 15 of which all"
        " lines were read: not those that began before the history, nor its first one where earlier lines may have been posted into it.",
        "gl/account_fiscal_sets",
        (
            _against_postings("net change = posted lines, home currency", "F"),
            _against_postings("net change = posted lines, source currency", "S"),
            _against_postings("net change = posted lines, equivalent in home currency", "E"),
        ),
    ),
    Control(
        "gl_fiscal_set_sums",
        "Year to date and the balance of each period follow from the opening balance and the net changes; budgets too.",
        "gl/account_fiscal_sets",
        (
            _SET.equal("YearTodateamount = all net changes", "t.YearTodateamount", " + ".join(_net(n) for n in _PERIODS)),
            *(
                _SET.equal(
                    f"balance of period {n} = opening balance + net changes",
                    f't."Period{n:02d}balanceamount"',
                    " + ".join(["t.BeginningBalance", *(_net(m) for m in range(1, n + 1))]),
                )
                for n in _PERIODS
            ),
        ),
    ),
    Control(
        "gl_opening_balances",
        "A year opens with what the year before closed with; its result is in retained earnings; all accounts together are zero.",
        "gl/account_fiscal_sets",
        (
            _carried(
                "opening balance = closing balance of the year before",
                "t.BeginningBalance",
                f"b.BeginningBalance + {_YEAR}",
                "a.AccountType = 'BalanceSheet'",
            ),
            _carried("income and expense open with zero", "t.BeginningBalance", "CAST(0 AS DECIMAL(19,3))", "a.AccountType = 'IncomeStatement'"),
            # Where several accounts take the result, who takes how much is not known.
            _carried(
                "retained earnings open with the result of the year before",
                "t.BeginningBalance",
                f"b.BeginningBalance + {_YEAR} + CASE t.Currencytype WHEN 'F' THEN {_RESULT} ELSE 0 END",
                "a.AccountType = 'RetainedEarnings' AND (SELECT count(*) FROM gl_accounts WHERE AccountType = 'RetainedEarnings') = 1",
            ),
            _books_balance("opening balances of all accounts", "BeginningBalance"),
            *(_books_balance(f"net changes of all accounts, period {n}", f"Period{n:02d}netamount") for n in _PERIODS),
        ),
    ),
)
