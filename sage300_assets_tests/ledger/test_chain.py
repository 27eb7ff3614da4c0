"""Whatever is done to the trail is found, and called by its name."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sage300_assets.base.audit import Anchor, ApiCall, Entry, Event, PageRead, RecordSent
from sage300_assets.base.errors import LedgerBroken
from sage300_assets.ledger.chain import append, as_row, content_hash, link_hash
from sage300_assets.ledger.export import export
from sage300_assets.ledger.retention import let_go
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import AUDITED, audit_chain
from sage300_assets.ledger.verify import verify
from sage300_assets.ledger.walk import Anchored, Tampering
from sage300_assets_tests.ledger.conftest import BACKENDS, Clock

CLOCK = Clock()
TABLES = {table.name: [c.name for c in table.columns if c.name != "sequence"] for table in (*AUDITED.values(), audit_chain)}


def entries(clock: Clock, count: int = 5) -> list[Entry]:
    """Some of each kind, each different."""
    some: list[Entry] = []
    for n in range(count):
        clock.pass_(seconds=1)
        at = clock()
        some += [
            ApiCall(at, "sage300", "GET", f"http://host/AP/APVendors?$skip={n}", 200, 1000 + n, 1, run="r1", company="SAMLTD", asset="ap/vendors"),
            PageRead(at, "SAMLTD", "ap/vendors", "read", f"window {n}", n, None if n == 2 else n, f"{n:064x}", "r1"),
            RecordSent(at, "SAMLTD", "flow", "target", f"ap/vendors/{n}", "create", f"{n:064x}", "h", "done", 1, "\x00 201 \ud800"),
            Event(at, "something", f"subject {n}"),
        ]
    return some


def filled(ledger: Ledger, clock: Clock, count: int = 5) -> Anchor:
    with ledger.write() as db:
        return append(db, entries(clock, count))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a whole ledger."""
    path = tmp_path_factory.mktemp("chain") / "whole.db"
    ledger = Ledger.at(f"sqlite:///{path}")
    filled(ledger, CLOCK)
    assert verify(ledger).broken is None
    ledger.close()
    with sqlite3.connect(path) as whole:
        whole.execute("PRAGMA journal_mode = DELETE")
    whole.close()
    return path


def tampered(original: Path, *statements: str) -> Ledger:
    """A copy, changed by somebody who knows SQL."""
    copy = original.with_name("tampered.db")
    copy.unlink(missing_ok=True)
    shutil.copyfile(original, copy)
    with sqlite3.connect(copy) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return Ledger.at(f"sqlite:///{copy}")


def found(ledger: Ledger, anchors: list[Anchored] | None = None) -> tuple[Tampering, int] | None:
    try:
        broken = verify(ledger, anchors or []).broken
    finally:
        ledger.close()
    return None if broken is None else (broken.kind, broken.sequence)


LAST = 21
SWAP = (
    "UPDATE {0} SET sequence = -1 WHERE sequence = {1}",
    "UPDATE {0} SET sequence = {1} WHERE sequence = {2}",
    "UPDATE {0} SET sequence = {2} WHERE sequence = -1",
)


@pytest.mark.parametrize(
    ("statements", "kind", "sequence"),
    [
        (["UPDATE api_calls SET status = 500 WHERE sequence = 6"], Tampering.EDIT, 6),
        (["UPDATE page_reads SET rows = 0 WHERE rows IS NULL"], Tampering.EDIT, 11),
        (["UPDATE audit_chain SET hash = 'x' WHERE sequence = 6"], Tampering.EDIT, 6),
        (["UPDATE audit_chain SET content = 'x' WHERE sequence = 6"], Tampering.EDIT, 6),
        (["UPDATE audit_head SET hash = 'x'"], Tampering.EDIT, LAST),
        (["DELETE FROM api_calls WHERE sequence = 6"], Tampering.DELETION, 6),
        (["DELETE FROM audit_chain WHERE sequence = 6"], Tampering.DELETION, 6),
        (["DELETE FROM api_calls WHERE sequence = 6", "DELETE FROM audit_chain WHERE sequence = 6"], Tampering.DELETION, 6),
        (["DELETE FROM audit_chain WHERE sequence < 6", "DELETE FROM audit_events WHERE sequence < 6"], Tampering.DELETION, 1),
        (["DELETE FROM audit_head"], Tampering.DELETION, 0),
        ([s.format("api_calls", 6, 10) for s in SWAP], Tampering.REORDERING, 6),
        ([s.format("audit_chain", 6, 10) for s in SWAP], Tampering.REORDERING, 6),
        ([s.format(t, 6, 10) for t in ("api_calls", "audit_chain") for s in SWAP], Tampering.REORDERING, 6),
        (["INSERT INTO audit_events (sequence, at, action, subject, detail) VALUES (6, '', 'x', 'x', '')"], Tampering.INSERTION, 6),
        (["INSERT INTO audit_events (sequence, at, action, subject, detail) VALUES (0, '', 'x', 'x', '')"], Tampering.INSERTION, 0),
        (["INSERT INTO audit_events (sequence, at, action, subject, detail) VALUES (99, '', 'x', 'x', '')"], Tampering.INSERTION, 99),
        (["INSERT INTO audit_chain VALUES (22, 'event', 'x', 'x', 'x')"], Tampering.INSERTION, 22),
        ([f"DELETE FROM {t} WHERE sequence > 15" for t in TABLES], Tampering.TRUNCATION, 16),
    ],
)
def test_what_was_done_is_named(original: Path, statements: list[str], kind: Tampering, sequence: int) -> None:
    assert found(tampered(original, *statements)) == (kind, sequence)


def renumbered(from_: int, by: int) -> list[str]:
    """Move everything from a number on, as somebody would who covers up a gap or makes room."""
    steps = [f"UPDATE {t} SET sequence = -(sequence + {by}) WHERE sequence >= {from_}" for t in TABLES]
    return [*steps, *(f"UPDATE {t} SET sequence = -sequence WHERE sequence < 0" for t in TABLES), f"UPDATE audit_head SET sequence = sequence + {by}"]


def test_a_gap_that_was_closed_by_numbering_anew_is_a_deletion(original: Path) -> None:
    gap = ["DELETE FROM api_calls WHERE sequence = 6", "DELETE FROM audit_chain WHERE sequence = 6"]
    assert found(tampered(original, *gap, *renumbered(7, -1))) == (Tampering.DELETION, 6)


def test_an_entry_for_which_room_was_made_is_an_insertion(original: Path) -> None:
    with sqlite3.connect(original) as db:
        [[previous]] = db.execute("SELECT hash FROM audit_chain WHERE sequence = 5").fetchall()
    db.close()
    row = as_row(Event(CLOCK(), "forged", "x"))
    content = content_hash("event", row)
    forged = [
        f"INSERT INTO audit_events (sequence, at, action, subject, detail) VALUES (6, '{row['at']}', 'forged', 'x', '')",
        f"INSERT INTO audit_chain VALUES (6, 'event', '{content}', '{previous}', '{link_hash(previous, 6, content)}')",
    ]
    assert found(tampered(original, *renumbered(6, 1), *forged)) == (Tampering.INSERTION, 6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_single_change_of_what_is_stored_is_found(original: Path, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(sorted(TABLES)))
    with sqlite3.connect(original) as db:
        numbers = [n for (n,) in db.execute(f"SELECT sequence FROM {table} ORDER BY sequence")]
    db.close()
    number = data.draw(st.sampled_from(numbers))
    what = data.draw(st.sampled_from(["value", "number", "remove", "copy"]))
    column = data.draw(st.sampled_from(TABLES[table]))
    other = data.draw(st.sampled_from(["'x'", "''", "NULL", "0", "1", "'1'", f"{column} || ' '", f"upper({column}) || 'x'"]))
    columns = ", ".join(TABLES[table])
    change = {
        "value": f"UPDATE OR IGNORE {table} SET {column} = {other} WHERE sequence = {number}",
        "number": f"UPDATE OR IGNORE {table} SET sequence = sequence + {data.draw(st.integers(-30, 30).filter(bool))} WHERE sequence = {number}",
        "remove": f"DELETE FROM {table} WHERE sequence = {number}",
        "copy": f"INSERT OR IGNORE INTO {table} (sequence, {columns}) SELECT sequence + {data.draw(st.integers(-30, 30))}, {columns} "
        f"FROM {table} WHERE sequence = {number}",
    }[what]
    ledger = tampered(original, change)
    differs = rows_of(original, table) != rows_of(Path(str(ledger.url.database)), table)
    assert (found(ledger) is not None) == differs


def rows_of(path: Path, table: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        rows = db.execute(f"SELECT * FROM {table} ORDER BY sequence").fetchall()
    db.close()
    return rows


@pytest.fixture(params=BACKENDS)
def fresh(request: pytest.FixtureRequest, new_ledger: Callable[[str], Ledger]) -> Ledger:
    return new_ledger(request.param)


def cut(ledger: Ledger, through: int) -> None:
    """Leave the ledger as it was after an entry, its head too: what an old backup looks like."""
    with ledger.write() as db:
        for table in TABLES:
            db.execute(text(f"DELETE FROM {table} WHERE sequence > {through}"))
        db.execute(text(f"UPDATE audit_head SET sequence = {through}, hash = (SELECT hash FROM audit_chain WHERE sequence = {through})"))


def test_what_was_kept_elsewhere_shows_old_copies_and_rewriting(fresh: Ledger, clock: Clock) -> None:
    early = Anchored(filled(fresh, clock), "read one", clock())
    late = Anchored(filled(fresh, clock), "read two", clock())
    whole = verify(fresh, [early, late, late])
    assert (whole.broken, whole.anchors, whole.entries) == (None, 2, late.anchor.sequence)
    other = replace(early, anchor=replace(early.anchor, ledger="0" * 32))
    assert found(fresh, [other]) == (Tampering.OTHER_LEDGER, early.anchor.sequence)
    cut(fresh, early.anchor.sequence + 2)
    assert found(fresh) is None
    assert found(fresh, [early, late]) == (Tampering.OLD_COPY, early.anchor.sequence + 3)
    clock.pass_(hours=1)
    filled(fresh, clock)
    assert found(fresh) is None
    assert found(fresh, [early, late]) == (Tampering.OLD_COPY, late.anchor.sequence)


def test_a_chain_that_was_made_anew_is_a_rewriting(fresh: Ledger, clock: Clock) -> None:
    kept = Anchored(filled(fresh, clock), "read one", clock())
    with fresh.write() as db:
        db.execute(text("UPDATE api_calls SET status = 404 WHERE sequence = 2"))
        previous = db.execute(text("SELECT hash FROM audit_chain WHERE sequence = 1")).scalar_one()
        links = db.execute(text("SELECT sequence, content FROM audit_chain WHERE sequence > 1 ORDER BY sequence")).all()
        row = dict(db.execute(text("SELECT * FROM api_calls WHERE sequence = 2")).mappings().one())
        for sequence, before in links:
            content = content_hash("call", row) if sequence == 2 else before
            own = link_hash(previous, sequence, content)
            values = {"c": content, "p": previous, "h": own, "s": sequence}
            db.execute(text("UPDATE audit_chain SET content = :c, previous = :p, hash = :h WHERE sequence = :s"), values)
            previous = own
        db.execute(text("UPDATE audit_head SET hash = :h"), {"h": previous})
    assert found(fresh) is None
    assert found(fresh, [kept]) == (Tampering.REWRITE, kept.anchor.sequence)


def test_nothing_is_added_to_a_trail_that_does_not_end_where_it_says(fresh: Ledger, clock: Clock) -> None:
    last = filled(fresh, clock).sequence
    with fresh.write() as db:
        db.execute(text(f"DELETE FROM audit_chain WHERE sequence = {last}"))
    with pytest.raises(LedgerBroken, match="audit verify"), fresh.write() as db:
        append(db, [Event(clock(), "x", "x")])


def test_what_is_past_its_time_goes_and_the_rest_is_still_proven(fresh: Ledger) -> None:
    clock = Clock(datetime.now(UTC))  # that of the entry which began the ledger
    old = Anchored(filled(fresh, clock), "old read", clock())
    clock.pass_(days=40)
    new = Anchored(filled(fresh, clock), "new read", clock())
    assert let_go(fresh, clock()) == 0
    fresh.keep_days = 30
    assert let_go(fresh, clock()) == old.anchor.sequence
    assert let_go(fresh, clock()) == 0
    verdict = verify(fresh, [old, new])
    assert (verdict.broken, verdict.too_old, verdict.anchors, verdict.entries) == (None, 1, 1, 20 + 1)
    clock.pass_(days=40)
    filled(fresh, clock)
    assert let_go(fresh, clock()) == 20 + 1  # the first checkpoint too: a newer one takes its place
    assert verify(fresh, [old, new]).broken is None
    with fresh.write() as db:
        first = db.execute(text("SELECT min(sequence) FROM audit_chain")).scalar_one()
        for table in TABLES:
            db.execute(text(f"DELETE FROM {table} WHERE sequence = {first}"))
    assert found(fresh) == (Tampering.DELETION, 1)


def test_everything_can_be_taken_away_and_checked_without_us(fresh: Ledger, clock: Clock, tmp_path: Path) -> None:
    filled(fresh, clock)
    written = export(fresh, tmp_path, "csv")
    assert written["audit_chain.csv"] == LAST
    with (tmp_path / "audit_chain.csv").open(encoding="utf-8", newline="") as file:
        links = list(csv.DictReader(file))
    with (tmp_path / "page_reads.csv").open(encoding="utf-8", newline="") as file:
        pages = {row.pop("sequence"): row for row in csv.DictReader(file)}
    with (tmp_path / "audit_head.csv").open(encoding="utf-8", newline="") as file:
        [head] = csv.DictReader(file)
    previous = head["ledger"]
    for link in links:
        assert link["previous"] == previous
        assert link["hash"] == hashlib.sha256(f"{previous}|{link['sequence']}|{link['content']}".encode()).hexdigest()
        previous = link["hash"]
        if link["kind"] == "page":
            page = pages[link["sequence"]]
            says = {n: int(v) if n in {"number", "rows"} else v for n, v in page.items() if (n, v) != ("rows", "")}
            told = json.dumps({"kind": "page", "says": says}, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(told.encode()).hexdigest() == link["content"]
    assert previous == head["hash"]
