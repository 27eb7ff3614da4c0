"""Debits and credits of what was posted, where accounts keep sums instead of lines too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sage300_assets_tests.models.test_worlds import account, built, offending

CHART = [account("1000"), account("2000"), account("4000")]


def posted(lines: Sequence[tuple[str, str, str, int]], *, sequence: int = 1, **of_account: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines of one posting: batch, entry, account and amount; what more is told of the lines of an account."""
    same: dict[str, Any] = {"FiscalYear": "2026", "FiscalPeriod": "03", "SourceCurrencyCode": "CAD", "SourceLedgerCode": "GL", "SourceTypeCode": "JE"}
    same |= {"JournalDate": date(2026, 3, 1), "PostingSequenceNumber": Decimal(sequence)}
    return [
        {
            "BatchNumber": batch, "JournalEntryNumber": entry, "AccountNumber": code, "JournalTransactionAmount": Decimal(amount),
            "DetailCount": Decimal(n), **same, **of_account.get(f"of_{code}", {}),
        }
        for n, (batch, entry, code, amount) in enumerate(lines, 1)
    ]  # fmt: skip


def unbalanced(folder: Path, lines: Sequence[Mapping[str, Any]], chart: Sequence[Mapping[str, Any]] = CHART) -> tuple[str, ...]:
    _, builds = built(folder, "fact_gl_line", GLAccounts=chart, GLPostedTransactions=lines)
    return offending(builds["fact_gl_line"], "every_entry_balances")


def test_what_two_batches_of_a_posting_are_out_by_does_not_cancel_out(tmp_path: Path) -> None:
    lines = [("000001", "00001", "1000", 100), ("000001", "00001", "4000", -99), ("000002", "00001", "1000", 50), ("000002", "00001", "4000", -51)]
    assert sorted(unbalanced(tmp_path, posted(lines))) == [
        "company SAMLTD, batch 000001, posting_sequence 1, journal_entry 00001, out_of_balance 1.000",
        "company SAMLTD, batch 000002, posting_sequence 1, journal_entry 00001, out_of_balance -1.000",
    ]


@pytest.mark.parametrize("flag", ["Yes", "TRUE", "1", "", None], ids=["Yes", "TRUE", "1", "only the account says so", "nor does the flag exist"])
def test_entries_of_which_an_account_keeps_the_sum_are_in_balance_with_their_batch(tmp_path: Path, flag: str | None) -> None:
    """The sum carries another entry number, so none of the batch's entries balances by itself."""
    lines = [("000001", "00001", "1000", 100), ("000001", "00002", "1000", 50), ("000001", "00000", "2000", -150)]
    plain = [("000002", "00001", "1000", 10), ("000002", "00001", "4000", -10), ("000002", "00002", "1000", 3), ("000002", "00002", "4000", -2)]
    chart = [account("1000"), account("2000", PostToAccount="" if flag else "Consolidated"), account("4000")]
    flagged = posted([*lines, *plain], of_2000={"ConsolidationOccurredOnPost": flag})
    # Entries of other batches are looked at one by one, as before.
    assert unbalanced(tmp_path / "sound", flagged, chart) == (
        "company SAMLTD, batch 000002, posting_sequence 1, journal_entry 00002, out_of_balance 1.000",
    )
    off = posted([*lines[:2], ("000001", "00000", "2000", -149)], of_2000={"ConsolidationOccurredOnPost": flag})
    assert unbalanced(tmp_path / "off", off, chart) == ("company SAMLTD, batch 000001, posting_sequence -, journal_entry -, out_of_balance 1.000",)


def test_an_entry_balances_by_itself_where_no_account_keeps_sums(tmp_path: Path) -> None:
    lines = [("000001", "00001", "1000", 100), ("000001", "00002", "4000", -100)]
    assert len(unbalanced(tmp_path, posted(lines, of_1000={"ConsolidationOccurredOnPost": "No"}))) == 2
