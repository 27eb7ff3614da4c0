"""What timing explains is told apart from what nothing explains; what cannot be compared says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest

from sage300_assets.reconciliation.compare import State
from sage300_assets.reconciliation.control import Comparison, Control
from sage300_assets.reconciliation.controls import CONTROLS
from sage300_assets.reconciliation.forms import Rows
from sage300_assets.reconciliation.ground import days_of
from sage300_assets_tests.reconciliation.books import EVERYTHING, LOADED, compare
from sage300_assets_tests.reconciliation.planting import planted


def _unpost(books: duckdb.DuckDBPyConnection, batch: str) -> list[str]:
    """What the general ledger would look like if a batch of the sub-ledger were not posted yet."""
    rows = books.execute(
        """SELECT AccountNumber, FiscalYear, CAST(FiscalPeriod AS INTEGER), SourceCurrencyCode,
            sum(JournalTransactionAmount), sum(SourceCurrencyAmount)
        FROM gl_posted_transactions WHERE BatchNumber = ? GROUP BY ALL""",
        [batch],
    ).fetchall()
    changes = [
        f"UPDATE gl_journal_batches SET Status = 'ReadyToPost', PostingSequence = 0 WHERE BatchNumber = '{batch}'",
        f"DELETE FROM gl_posted_transactions WHERE BatchNumber = '{batch}'",
    ]
    for account, year, period, currency, home, source in rows:
        for kind, amount in (("F", home), ("S", source), ("E", home)):
            balances = ", ".join(f"Period{n:02d}balanceamount = Period{n:02d}balanceamount - {amount}" for n in range(period, 16))
            changes.append(
                f"""UPDATE gl_account_fiscal_sets SET Period{period:02d}netamount = Period{period:02d}netamount - {amount},
                YearTodateamount = YearTodateamount - {amount}, {balances}
                WHERE AccountNumber = '{account}' AND Fiscalsetyear = '{year}' AND FiscalsetDesignator = 'A' AND Currencytype = '{kind}'
                  AND Currencycode = {"home_currency()" if kind == "F" else f"'{currency}'"}"""
            )
    return changes


@pytest.mark.parametrize("side", ["AP", "AR"])
def test_a_batch_that_is_not_posted_yet_explains_the_control_account(books: duckdb.DuckDBPyConnection, side: str) -> None:
    ((batch,),) = books.execute("SELECT max(BatchNumber) FROM gl_journal_batches WHERE SourceLedger = ? AND Status = 'Posted'", [side]).fetchall()
    with planted(books, *_unpost(books, batch)):
        outcomes, differences = compare(books)
        changed = [o for o in outcomes if o.state not in {State.AGREES, State.NOTHING}]
        assert {o.control.name for o in changed} == {f"{side.lower()}_control_accounts"}
        assert {o.state for o in changed} == {State.EXPLAINED}
        assert all(o.explained > 0 for o in changed)
        assert all(d.unexplained == 0 and f"not posted yet: {batch}" in d.reason for d in differences)
        # A cent more than the batch is not explained by it.
        books.execute("UPDATE gl_account_fiscal_sets SET BeginningBalance = BeginningBalance + 0.01 WHERE AccountNumber IN ('2100100', '1200100')")
        _, more = compare(books, [pair for pair in EVERYTHING if pair[0].name == f"{side.lower()}_control_accounts"])
        assert {abs(d.unexplained) for d in more} >= {Decimal("0.01")}


@pytest.mark.parametrize(("side", "control"), [("AP", "2100100"), ("AR", "1200100")])
def test_a_waiting_batch_that_somebody_also_keyed_by_hand_is_found_though_the_balances_agree(
    books: duckdb.DuckDBPyConnection, side: str, control: str
) -> None:
    """Once the batch is posted the account holds its amount twice."""
    ((batch,),) = books.execute(
        """SELECT max(BatchNumber) FROM gl_journal_batches JOIN gl_journal_details AS d USING (BatchNumber)
        WHERE gl_journal_batches.SourceLedger = ? AND Status = 'Posted' AND d.AccountNumber = ?""",
        [side, control],
    ).fetchall()
    keyed = books.execute(
        "SELECT sum(Amount) FROM gl_journal_details WHERE BatchNumber = ? AND AccountNumber = ? AND SourceCurrency = home_currency()",
        [batch, control],
    )
    ((amount,),) = keyed.fetchall()
    assert amount
    by_hand = (
        f"UPDATE gl_account_fiscal_sets SET BeginningBalance = BeginningBalance + {amount} WHERE AccountNumber = '{control}' AND Currencytype = 'F'"
    )
    with planted(books, *_unpost(books, batch), by_hand):
        _, differences = compare(books, [pair for pair in EVERYTHING if pair[0].name == f"{side.lower()}_control_accounts"])
    (found,) = [d for d in differences if d.key["AccountNumber"] == control]
    assert found.difference == 0
    assert abs(found.unexplained) == abs(amount)
    assert f"not posted yet: {batch}" in found.reason


PREPAID = (
    ("ap", "Vendor", "ap_account_sets SET PrepaymentAccount = '1450100'", 1),
    ("ar", "Customer", "ar_account_sets SET PrepaymentLiabilityAccount = '2350100'", -1),
)


@pytest.mark.parametrize(("side", "party", "accounts", "sign"), PREPAID, ids=["vendor", "customer"])
def test_a_prepayment_is_compared_with_the_prepayment_account_of_its_currency(
    books: duckdb.DuckDBPyConnection, side: str, party: str, accounts: str, sign: int
) -> None:
    account = accounts.split("'")[1]
    chosen = [pair for pair in EVERYTHING if pair[0].name in {f"{side}_control_accounts", f"{side}_prepayment_accounts"}]
    assert len(chosen) == 4
    assert {o.state for o in compare(books, chosen[2:])[0]} == {State.NOTHING}, "without prepayments there is nothing to compare"
    documents, names = (
        f"{side}_posted_documents",
        [column for (column,) in books.execute(f"SELECT name FROM pragma_table_info('{side}_posted_documents')").fetchall()],
    )
    changed = {
        "DocumentNumber": "'PP1'",
        "DocumentType": "'Prepayment'",
        "BatchNumber": "999999",
        f"{party}CurrencyInvoiceAmount": "-200",
        f"{party}CurrencyAmountDue": "-100",
        "FunctionalCurrencyAmountDue": "-130",
    }
    values = ", ".join(changed.get(name, f'"{name}"') for name in names)
    foreign = f"INSERT INTO {documents} SELECT {values} FROM {documents} WHERE CurrencyCode <> home_currency() ORDER BY ALL LIMIT 1"
    empty = "".join(f", 0 AS Period{n:02d}netamount" for n in range(1, 16))
    sets = (
        f"""INSERT INTO gl_account_fiscal_sets BY NAME SELECT * REPLACE ('{account}' AS AccountNumber, {sign} * {amount} AS BeginningBalance,
        {currency} AS Currencycode, '{kind}' AS Currencytype {empty})
        FROM gl_account_fiscal_sets WHERE AccountNumber = '2100100' AND Currencytype = 'F' AND FiscalsetDesignator = 'A'"""
        for amount, currency, kind in (
            (130, "home_currency()", "F"),
            (100, f"(SELECT CurrencyCode FROM {documents} WHERE DocumentNumber = 'PP1')", "S"),
        )
    )
    with planted(books, f"UPDATE {accounts}", foreign, *sets):
        outcomes, differences = compare(books, chosen)
        assert differences == []
        assert [o.compared for o in outcomes[2:]] == [1, 1]
        for kind in ("F", "S"):
            with_a_cent = f"UPDATE gl_account_fiscal_sets SET BeginningBalance = BeginningBalance + 0.01 WHERE AccountNumber = '{account}'"
            books.execute(f"{with_a_cent} AND Currencytype = '{kind}'")
            found = compare(books, chosen)[1]
            assert {abs(d.unexplained) for d in found} == {Decimal("0.01")}
            assert {d.key["AccountNumber"] for d in found} == {account}


BALANCES = [pair for pair in EVERYTHING if pair[0].name == "ap_balances"]


def _busy(books: duckdb.DuckDBPyConnection) -> tuple[str, date]:
    """A vendor who has something due, and the day of its last activity."""
    ((vendor, day),) = books.execute(
        """SELECT VendorNumber, max(LastActivityDate) FROM ap_posted_documents WHERE VendorCurrencyAmountDue <> 0 AND CurrencyCode = home_currency()
        GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 1"""
    ).fetchall()
    return vendor, day


def _read(books: duckdb.DuckDBPyConnection, vendor: str, at: str, more: str = "0", *, documents: str = "2026-11-22 12:00:00+00") -> list[str]:
    """The vendor was read at a moment at which its documents of that day in UTC were not there yet; `more` is what is wrong with its balance."""
    ((due, home, number),) = books.execute(
        f"""SELECT coalesce(sum(VendorCurrencyAmountDue), 0), coalesce(sum(FunctionalCurrencyAmountDue), 0), count(*)
        FROM ap_posted_documents WHERE VendorNumber = '{vendor}' AND VendorCurrencyAmountDue <> 0 AND LastActivityDate < DATE '{_busy(books)[1]}'"""
    ).fetchall()
    return [
        f"UPDATE ap_posted_documents SET _read_at = TIMESTAMPTZ '{documents}'",
        f"""UPDATE ap_vendors SET BalanceDueInVendorCurrency = {due} + {more}, BalanceDueInFunctionalCurrency = {home} + {more},
        NumberOfOpenInvoices = {number}, _read_at = TIMESTAMPTZ '{at}' WHERE VendorNumber = '{vendor}'""",
    ]


def test_a_balance_read_before_the_last_activity_is_timing(books: duckdb.DuckDBPyConnection) -> None:
    vendor, day = _busy(books)
    with planted(books, *_read(books, vendor, f"{day} 01:00:00+00")):
        outcomes, differences = compare(books, BALANCES)
    assert {o.state for o in outcomes} == {State.EXPLAINED}
    assert {d.reason.partition(" was read")[2] for d in differences} == {" before the last activity"}


def test_a_busy_day_explains_no_more_than_its_documents_can_have_moved(books: duckdb.DuckDBPyConnection) -> None:
    vendor, day = _busy(books)
    with planted(books, *_read(books, vendor, f"{day} 01:00:00+00", "100000.01")):
        _, differences = compare(books, BALANCES)
    found = [d for d in differences if d.unexplained]
    assert {d.what for d in found} == {"balance in the vendor's currency", "balance in home currency"}
    assert {d.reason for d in found} == {"more than documents with activity since the balance was read can have moved"}
    assert all(d.unexplained == d.difference for d in found)
    with planted(books, f"UPDATE ap_vendors SET NumberOfOpenInvoices = NumberOfOpenInvoices + 1000 WHERE VendorNumber = '{vendor}'"):
        assert [d.unexplained for d in compare(books, BALANCES)[1]] == [1000]


def test_a_cent_at_a_party_without_activity_since_it_was_read_is_never_timing(books: duckdb.DuckDBPyConnection) -> None:
    vendor, day = _busy(books)
    for at, documents in ((f"{day + timedelta(days=1)} 06:00:00+00", "2026-11-22 12:00:00+00"), (f"{day} 06:00:00+00", f"{day} 05:00:00+00")):
        wrong = (
            f"UPDATE ap_vendors SET BalanceDueInVendorCurrency = BalanceDueInVendorCurrency + 0.01, _read_at = '{at}' WHERE VendorNumber = '{vendor}'"
        )
        with planted(books, f"UPDATE ap_posted_documents SET _read_at = '{documents}'", wrong):
            assert [d.unexplained for d in compare(books, BALANCES)[1]] == [Decimal("0.01")]


@pytest.mark.parametrize(("zone", "hour", "state"), [("America/Vancouver", 26, State.EXPLAINED), ("Asia/Tokyo", 20, State.DIFFERS)])
def test_days_are_those_of_the_company(books: duckdb.DuckDBPyConnection, zone: str, hour: int, state: State) -> None:
    """In an evening in Vancouver it is tomorrow in UTC, and at five in the morning in Tokyo it is still yesterday."""
    vendor, day = _busy(books)
    read = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)
    with planted(books, days_of(ZoneInfo(zone)), *_read(books, vendor, read.isoformat())):
        assert {o.state for o in compare(books, BALANCES)[0]} == {state}


def test_periods_before_the_history_are_not_compared(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in EVERYTHING if pair[0].name in {"gl_fiscal_sets", "gl_posted_as_entered"}]
    whole, _ = compare(books, chosen)
    forget = "DELETE FROM gl_posted_transactions WHERE JournalDate < DATE '2026-11-01'"
    with planted(books, forget):
        assert any(o.state is State.DIFFERS for o in compare(books, chosen)[0])
    with planted(books, forget, "UPDATE reach SET first_day = DATE '2026-11-01' WHERE resource = 'GLPostedTransactions'"):
        part, differences = compare(books, chosen)
        assert differences == []
        assert {o.state for o in part if "consolidated" not in o.comparison.what} == {State.AGREES}
        assert sum(o.compared for o in part) < sum(o.compared for o in whole)
        books.execute(
            "UPDATE gl_account_fiscal_sets SET Period11netamount = Period11netamount + 0.01 WHERE AccountNumber = '1020100' AND Currencytype = 'F'"
        )
        assert any(o.state is State.DIFFERS for o in compare(books, chosen)[0]), "a cent in a period that was read is still found"


@pytest.mark.parametrize(("side", "batches"), [("ap", "ap_payment_and_adjustment_batches"), ("ar", "ar_receipt_and_adjustment_batches")])
def test_documents_from_before_the_payments_that_were_read_are_not_compared(books: duckdb.DuckDBPyConnection, side: str, batches: str) -> None:
    """Payments are read by the day of their posting: one that is dated back says nothing of the others of its date."""
    chosen = [pair for pair in EVERYTHING if pair[0].name == f"{side}_documents_settled"]
    resource = "APPaymentAndAdjustmentBatches" if side == "ap" else "ARReceiptAndAdjustmentBatches"
    forget = (
        f"DELETE FROM {batches} WHERE DateLastEdited < DATE '2026-11-05'",
        f"UPDATE {batches} SET BatchDate = DATE '2026-10-22' WHERE rowid = (SELECT min(rowid) FROM {batches} WHERE is_posted(BatchStatus))",
    )
    with planted(books, *forget):
        assert compare(books, chosen)[1]
    with planted(books, *forget, f"UPDATE reach SET first_day = DATE '2026-11-05' WHERE resource = '{resource}'"):
        outcomes, differences = compare(books, chosen)
        assert differences == []
        assert outcomes[0].compared > 0
        due = f"{'Vendor' if side == 'ap' else 'Customer'}CurrencyAmountDue"
        books.execute(f"UPDATE {side}_posted_documents SET {due} = {due} + 0.01 WHERE PostingDate = DATE '2026-11-05'")
        assert {abs(d.unexplained) for d in compare(books, chosen[:1])[1]} == {Decimal("0.01")}


def test_a_line_dated_before_the_history_and_posted_into_a_period_of_it_is_no_difference(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in EVERYTHING if pair[0].name == "gl_fiscal_sets"]
    ((batch, entry, amount),) = books.execute(
        """SELECT BatchNumber, JournalEntryNumber, sum(JournalTransactionAmount) FROM gl_posted_transactions WHERE FiscalPeriod = '10'
        AND AccountNumber = '2100100' GROUP BY ALL ORDER BY ALL LIMIT 1"""
    ).fetchall()
    lines = f"BatchNumber = '{batch}' AND JournalEntryNumber = '{entry}'"
    accounts = books.execute(f"SELECT AccountNumber, sum(JournalTransactionAmount) FROM gl_posted_transactions WHERE {lines} GROUP BY ALL").fetchall()
    assert len(accounts) > 1
    assert amount
    later = [
        f"""UPDATE gl_account_fiscal_sets SET Period10netamount = Period10netamount - {home}, Period11netamount = Period11netamount + {home}
        WHERE AccountNumber = '{account}' AND FiscalsetDesignator = 'A' AND Currencytype = 'F' AND Fiscalsetyear = '2026'"""
        for account, home in accounts
    ]
    into = f"UPDATE gl_journal_headers SET FiscalPeriod = '11' WHERE BatchNumber = '{batch}' AND EntryNumber = '{entry}'"
    forget = (
        "DELETE FROM gl_posted_transactions WHERE JournalDate < DATE '2026-11-01'",
        "UPDATE reach SET first_day = DATE '2026-11-01' WHERE resource = 'GLPostedTransactions'",
    )
    cent = "UPDATE gl_account_fiscal_sets SET Period11netamount = Period11netamount + 0.01 WHERE AccountNumber = '1030100' AND Currencytype = 'F'"
    with planted(books, *later, into, *forget):
        outcomes, differences = compare(books, chosen)
        assert differences == []
        books.execute(cent)
        assert {d.key["AccountNumber"] for d in compare(books, chosen)[1]} == {"1030100"}, "the other accounts of the period are compared"
    # Batches that do not reach back as far say nothing, so the first period is left out, and none after it.
    short = "UPDATE reach SET first_day = DATE '2026-11-02' WHERE resource = 'GLJournalBatches'"
    with planted(books, *later, *forget, short):
        part, differences = compare(books, chosen)
        assert differences == []
        assert 0 < sum(o.compared for o in part) < sum(o.compared for o in outcomes)
        books.execute(cent.replace("11", "12"))
        assert {str(d.key["period"]) for d in compare(books, chosen)[1]} == {"12"}


def test_an_adjustment_period_is_compared_under_either_name(books: duckdb.DuckDBPyConnection) -> None:
    chosen = [pair for pair in EVERYTHING if pair[0].name == "gl_fiscal_sets"]
    for name, period in (("ADJ", 14), ("14", 14), ("CLS", 15), ("13", 13)):
        move = f"UPDATE gl_posted_transactions SET FiscalPeriod = '{name}' WHERE FiscalPeriod = '11'"
        moved = (
            f"UPDATE gl_account_fiscal_sets SET Period{period}netamount = Period11netamount, Period11netamount = 0 WHERE FiscalsetDesignator = 'A'"
        )
        with planted(books, move, moved):
            assert compare(books, chosen)[1] == [], name
        with planted(books, move):
            assert compare(books, chosen)[1], name


def test_what_is_not_loaded_is_not_compared_and_says_so(books: duckdb.DuckDBPyConnection) -> None:
    outcomes, differences = compare(books, loaded=LOADED - {"APVendors"})
    assert differences == []
    concerned = [o for o in outcomes if any(t.entity.resource == "APVendors" for t in o.comparison.tables)]
    assert len(concerned) > 5
    assert {(o.state, o.note) for o in concerned} == {(State.NOTHING, "not loaded yet: APVendors")}


@pytest.mark.parametrize(
    ("amount", "rate", "operator", "home"),
    [
        ("100.00", "1.2345000", "1", "123.45"),
        ("0.01", "0.5000000", "Multiply", "0.01"),
        ("-0.01", "0.5000000", "Multiply", "-0.01"),
        ("100.00", "3.0000000", "2", "33.33"),
        ("200.00", "3.0000000", "Divide", "66.67"),
        ("-200.00", "3.0000000", "D", "-66.67"),
        ("9999999999999999.000", "1.0000000", "", "9999999999999999.00"),
        ("12.345", "1.0000000", "", "12.35"),
    ],
)
def test_home_amounts_are_exact(books: duckdb.DuckDBPyConnection, amount: str, rate: str, operator: str, home: str) -> None:
    sql = f"SELECT home_amount(CAST('{amount}' AS DECIMAL(19,3)), CAST('{rate}' AS DECIMAL(15,7)), '{operator}')"
    ((found,),) = books.execute(sql).fetchall()
    assert isinstance(found, Decimal)
    assert found == Decimal(home)


def test_a_tolerance_lets_that_much_pass_and_no_more(books: duckdb.DuckDBPyConnection) -> None:
    comparison = Rows("ap/invoice_batches").lines("total", "t.BatchTotal", "ap/invoices", "sum(credit(d.DocumentType) * d.DocumentTotalIncludingTax)")
    control = Control("with_tolerance", "A control with a tolerance.", "ap/invoice_batches", (comparison,), tolerance=Decimal("0.02"))
    for planted_cents, found in (("0.02", 0), ("0.03", 1)):
        with planted(books, f"UPDATE ap_invoice_batches SET BatchTotal = BatchTotal + {planted_cents} WHERE rowid = 3"):
            assert len(compare(books, [(control, comparison)])[1]) == found


def test_a_wrong_declaration_fails_where_it_stands() -> None:
    good = Comparison("what", "SELECT 1 FROM ap_vendors")
    with pytest.raises(ValueError, match="reads no table"):
        Control("name", "Title.", "ap/vendors", (Comparison("what", "SELECT 1"),))
    with pytest.raises(ValueError, match="control name: No entity or table is called"):
        Control("name", "Title.", "ap/nothing", (good,))
    with pytest.raises(ValueError, match="say the same: what"):
        Control("name", "Title.", "ap/vendors", (good, good))
    with pytest.raises(ValueError, match="nothing is compared"):
        Control("name", "Title.", "ap/vendors", ())


def test_every_control_has_a_name_of_its_own_on_its_table() -> None:
    names = [(c.asset, c.name) for c in CONTROLS]
    assert len(set(names)) == len(names)
    assert all(c.title.endswith(".") for c in CONTROLS)
