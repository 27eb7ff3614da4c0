from __future__ import annotations

import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.systems.tableau.hyper import Engine, Load, Part, Reference, columns_of, engine, worth_rewriting
from sage300_assets_tests.tableau_house import TOTAL, lines, parquet

LIMIT = Decimal("999999999999999.999")
ALL = 'SELECT * FROM "Extract"."Extract" ORDER BY 1'


def _one(*files: Path, key: tuple[str, ...] = ()) -> list[Load]:
    return [Load("Extract", files, key)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals(-LIMIT, LIMIT, places=3), min_size=1, max_size=50))
def test_every_amount_arrives_to_the_last_digit(hyper: Engine, tmp_path: Path, amounts: list[Decimal]) -> None:
    table = pa.table({"id": range(len(amounts)), "amount": pa.array(amounts, pa.decimal128(18, 3))})
    target = tmp_path / "x.hyper"
    hyper.build(_one(parquet(tmp_path / "x.parquet", table)), target)
    assert [row[1] for row in hyper.query(target, ALL)] == amounts


def test_every_type_that_fits_arrives_as_it_was(hyper: Engine, tmp_path: Path) -> None:
    row: dict[str, tuple[object, pa.DataType]] = {
        "small": (-5, pa.int16()),
        "whole": (2**31 - 1, pa.int32()),
        "big": (-(2**63), pa.int64()),
        "money": (Decimal("-0.01"), pa.decimal128(18, 2)),
        "real": (0.5, pa.float64()),
        "text": ('Zoë\'s "Ltd"; ]x[', pa.string()),
        "yes": (True, pa.bool_()),
        "nothing": (None, pa.string()),
        "name with ] and . in it": ("x", pa.string()),
    }
    table = pa.table({name: pa.array([value], kind) for name, (value, kind) in row.items()})
    hyper.build(_one(parquet(tmp_path / "it's a file.parquet", table)), tmp_path / "it's.hyper")
    assert hyper.query(tmp_path / "it's.hyper", ALL) == [tuple(value for value, _ in row.values())]


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        (pa.decimal128(38, 3), r"DECIMAL\(18,3\)"),
        (pa.float32(), "Cast it"),
        (pa.uint64(), "Cast it"),
        (pa.time32("s"), "Cast it"),
        (pa.null(), "Cast it"),
        (pa.list_(pa.int32()), "Cast it"),
        (pa.binary(), "Cast it"),
    ],
    ids=str,
)
def test_what_would_not_fit_is_named_before_anything_is_loaded(tmp_path: Path, kind: pa.DataType, cure: str) -> None:
    file = parquet(tmp_path / "x.parquet", pa.table({"amount": pa.array([None], kind)}))
    with pytest.raises(DataError, match=rf"Extract\.amount is .*{cure}"):
        columns_of(Load("Extract", (file,)))


def test_files_of_one_table_must_agree(hyper: Engine, tmp_path: Path) -> None:
    narrow = parquet(tmp_path / "a.parquet", pa.table({"amount": pa.array([Decimal("1.00")], pa.decimal128(18, 2))}))
    wide = parquet(tmp_path / "b.parquet", pa.table({"amount": pa.array([Decimal("1.005")], pa.decimal128(18, 3))}))
    with pytest.raises(DataError, match=r"b\.parquet has other columns"):  # loaded, 1.005 would have been rounded
        hyper.build(_one(narrow, wide), tmp_path / "x.hyper")
    assert not list(tmp_path.glob("*.hyper")) + list(tmp_path.glob(".*"))


def test_a_key_may_not_be_empty(hyper: Engine, tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", pa.table({"id": pa.array([1, None], pa.int64())}))
    with pytest.raises(DataError, match=r"NULL"):
        hyper.build(_one(file, key=("id",)), tmp_path / "x.hyper")


def test_a_failed_build_leaves_the_old_file(hyper: Engine, tmp_path: Path) -> None:
    target = tmp_path / "x.hyper"
    good = parquet(tmp_path / "a.parquet", lines((1, "1.000")))
    hyper.build(_one(good), target)
    broken = tmp_path / "b.parquet"
    broken.write_bytes(good.read_bytes()[:-30] + good.read_bytes()[-8:])
    with pytest.raises((DataError, OSError, pa.ArrowInvalid)):
        hyper.build(_one(broken), target)
    assert hyper.query(target, TOTAL) == [(1, Decimal("1.000"))]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_several_tables_carry_their_keys(hyper: Engine, tmp_path: Path) -> None:
    vendors = parquet(tmp_path / "v.parquet", pa.table({"company": ["A", "A"], "vendor": ["1", "2"]}))
    documents = parquet(tmp_path / "d.parquet", pa.table({"company": ["A"] * 3, "document": ["x", "y", "z"], "vendor": ["1", "2", "2"]}))
    loads = [
        Load("documents", (documents,), ("company", "document"), (Reference(("company", "vendor"), "vendors"),)),
        Load("vendors", (vendors,), ("company", "vendor")),
    ]
    target = tmp_path / "x.hyper"
    assert hyper.build(loads, target) == {"documents": 3, "vendors": 2}
    declared = hyper.query(target, "SELECT contype, COUNT(*) FROM pg_catalog.pg_constraint GROUP BY contype")
    assert sorted((str(kind), count) for kind, count in declared) == [("f", 1), ("p", 2)]


@pytest.mark.parametrize(
    ("vendors", "said"),
    [(["1", "1", "2"], r"vendors: the key 1 \(vendor\) stands there more than once"), (["1"], r"documents: 2 \(vendor\) is not in vendors")],
)
def test_the_engine_believes_keys_and_we_do_not(hyper: Engine, tmp_path: Path, vendors: list[str], said: str) -> None:
    dimension = parquet(tmp_path / "v.parquet", pa.table({"vendor": vendors}))
    documents = parquet(tmp_path / "d.parquet", pa.table({"document": ["x", "y"], "vendor": ["1", "2"]}))
    loads = [Load("documents", (documents,), ("document",), (Reference(("vendor",), "vendors"),)), Load("vendors", (dimension,), ("vendor",))]
    with pytest.raises(DataError, match=said):
        hyper.build(loads, tmp_path / "x.hyper")
    assert not list(tmp_path.glob("*.hyper"))


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ({"a": ["b", "b"]}, "not one tree"),
        ({"a": ["b"], "c": ["b"]}, "one that nothing points to"),
        ({"a": [], "b": []}, "one that nothing points to"),
        ({"a": ["b"], "b": ["a"]}, "one that nothing points to"),
        ({"a": ["elsewhere"], "b": []}, "not in the extract"),
    ],
)
def test_tables_that_are_not_one_tree_are_refused_before_the_server_would(
    hyper: Engine, tmp_path: Path, links: dict[str, list[str]], said: str
) -> None:
    file = parquet(tmp_path / "x.parquet", lines((1, "1")))
    names = {*links, *(t for targets in links.values() for t in targets if t != "elsewhere")}
    loads = [Load(n, (file,), ("id",), tuple(Reference(("id",), t) for t in links.get(n, []))) for n in sorted(names)]
    with pytest.raises(DataError, match=said):
        hyper.build(loads, tmp_path / "x.hyper")


def test_only_changed_parts_are_rewritten_and_the_result_is_the_same(hyper: Engine, tmp_path: Path) -> None:
    months = {m: parquet(tmp_path / f"{m}.parquet", lines((m, f"{m}.250"), (m + 100, "-0.004"), day=date(2026, m, 15))) for m in range(1, 7)}
    target, anew = tmp_path / "x.hyper", tmp_path / "y.hyper"
    hyper.build(_one(*months.values()), target)
    months[3] = parquet(tmp_path / "3b.parquet", lines((3, "33.330"), day=date(2026, 3, 20)))
    del months[5]
    changed = [Part("2026-03-01", "2026-04-01", (months[3],)), Part("2026-05-01", "2026-06-01", ())]
    assert hyper.rewrite(target, _one(*months.values()), "day", changed) == {"Extract": 9}
    hyper.build(_one(*months.values()), anew)
    assert hyper.query(target, ALL) == hyper.query(anew, ALL)


def test_a_part_that_holds_rows_of_another_is_refused_and_nothing_changes(hyper: Engine, tmp_path: Path) -> None:
    january = parquet(tmp_path / "1.parquet", lines((1, "1.000")))
    target = tmp_path / "x.hyper"
    hyper.build(_one(january), target)
    stray = parquet(tmp_path / "2.parquet", lines((2, "2.000"), day=date(2026, 3, 1)))
    with pytest.raises(DataError, match="1 rows lie outside"):
        hyper.rewrite(target, _one(january), "day", [Part("2026-01-01", "2026-02-01", (stray,))])
    other = parquet(tmp_path / "3.parquet", lines((2, "2.000")).append_column("more", pa.array(["x"])))
    with pytest.raises(DataError, match="other columns"):
        hyper.rewrite(target, _one(other), "day", [Part("2026-01-01", "2026-02-01", (other,))])
    assert hyper.query(target, TOTAL) == [(1, Decimal("1.000"))]


def _documents(path: Path, month: int, *rows: tuple[str, str]) -> Path:
    days = [date(2026, month, 15)] * len(rows)
    return parquet(path, pa.table({"document": [d for d, _ in rows], "vendor": [v for _, v in rows], "day": pa.array(days, pa.date32())}))


@pytest.mark.parametrize(
    ("february", "vendors", "said"),
    [
        ([("c", "1"), ("d", "3")], [("1", "New"), ("2", "Two"), ("3", "Three")], ""),
        ([("c", "1"), ("c", "1")], [("1", "One"), ("2", "Two")], "more than once"),
        ([("a", "1"), ("c", "1")], [("1", "One"), ("2", "Two")], "more than once"),  # it stands there in January
        ([("c", "9"), ("d", "1")], [("1", "One"), ("2", "Two")], "not in vendors"),
        ([("c", "1"), ("d", "1")], [("1", "One")], "key 2 is gone"),  # January may point to it
        ([("c", "1"), ("d", "1")], [("1", "One"), ("2", "Two"), ("2", "Too")], "key 2 is gone, or there twice"),
    ],
)
def test_several_tables_are_rewritten_and_what_the_engine_would_believe_is_proved(
    hyper: Engine, tmp_path: Path, february: list[tuple[str, str]], vendors: list[tuple[str, str]], said: str
) -> None:
    def loads(second: Path, dimension: Path) -> list[Load]:
        point = (Reference(("vendor",), "vendors"),)
        return [Load("documents", (january, second), ("document",), point), Load("vendors", (dimension,), ("vendor",))]

    def named(path: Path, rows: list[tuple[str, str]]) -> Path:
        return parquet(path, pa.table({"vendor": [v for v, _ in rows], "name": [n for _, n in rows]}))

    january, target, anew = _documents(tmp_path / "1.parquet", 1, ("a", "1"), ("b", "2")), tmp_path / "x.hyper", tmp_path / "y.hyper"
    old = _documents(tmp_path / "2.parquet", 2, ("c", "2"))
    hyper.build(loads(old, named(tmp_path / "v.parquet", [("1", "One"), ("2", "Two")])), target)
    before = target.read_bytes()
    new = _documents(tmp_path / "2b.parquet", 2, *february)
    wanted, part = loads(new, named(tmp_path / "w.parquet", vendors)), Part("2026-02-01", "2026-03-01", (new,))
    if said:
        with pytest.raises(DataError, match=said):
            hyper.rewrite(target, wanted, "day", [part], {"vendors"})
        assert target.read_bytes() == before
        return
    assert hyper.rewrite(target, wanted, "day", [part], {"vendors"}) == hyper.build(wanted, anew)
    for table in ("documents", "vendors"):
        everything = f'SELECT * FROM "Extract"."{table}" ORDER BY 1'
        assert hyper.query(target, everything) == hyper.query(anew, everything)


def test_a_file_that_grew_is_written_anew(hyper: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    january = parquet(tmp_path / "1.parquet", lines(*((n, "1.000") for n in range(20_000))))
    target = tmp_path / "x.hyper"
    hyper.build(_one(january), target)
    whole = [Part("2026-01-01", "2026-02-01", (january,))]
    monkeypatch.setattr("sage300_assets.systems.tableau.hyper.COMPACT_ABOVE", 1000.0)
    hyper.rewrite(target, _one(january), "day", whole)
    grown = target.stat().st_size
    monkeypatch.undo()
    hyper.build(_one(january), target)
    hyper.rewrite(target, _one(january), "day", whole)
    assert target.stat().st_size < grown
    assert hyper.query(target, TOTAL) == [(20_000, Decimal("20000.000"))]


def test_rewriting_pays_only_for_large_tables_with_few_changes() -> None:
    assert worth_rewriting(10_000, 1_000_000)
    assert not worth_rewriting(10_000, 100_000)
    assert not worth_rewriting(400_000, 1_000_000)


def test_the_settings_that_matter_are_set(hyper: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "x.hyper"
    with engine() as another:
        another.build(_one(parquet(tmp_path / "x.parquet", lines((1, "1.000")))), target)
    assert target.read_bytes()[10] == 2  # the version of the format
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.hyper", "x.parquet"]  # no log is left behind


def test_where_no_engine_exists_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tableauhyperapi", None)
    with pytest.raises(ConfigurationError, match=r"no Hyper engine for it.*All else works"), engine():
        pass


def test_sums_agree_with_duckdb(hyper: Engine, tmp_path: Path) -> None:
    table = lines(*((n, f"{(n * 7919) % 100_000 - 50_000}.{n % 1000:03d}") for n in range(5000)), day=date(2026, 1, 1) + timedelta(days=3))
    file = parquet(tmp_path / "x.parquet", table)
    hyper.build(_one(file), tmp_path / "x.hyper")
    with duckdb.connect() as other:
        assert other.execute(f"SELECT COUNT(*), SUM(amount) FROM '{file}'").fetchall() == hyper.query(tmp_path / "x.hyper", TOTAL)
