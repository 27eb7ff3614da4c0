from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from sage300_assets.base.errors import ConfigurationError, DataError
from sage300_assets.systems.tableau.description import DataSource, Field, Join, Refresh, TableOf
from sage300_assets.systems.tableau.extract import Files, fingerprint, make
from sage300_assets.systems.tableau.hyper import Engine
from sage300_assets.systems.tableau.publishing import Publication, Step, plan, publish
from sage300_assets.systems.tableau.session import Session
from sage300_assets_tests.tableau_house import House, parquet

VENDORS = TableOf("dim_vendor", ("company", "vendor"))
SOURCE = DataSource(
    "Payables",
    (TableOf("fact_ap_document", ("company", "document"), (Join("dim_vendor", (("company", "company"), ("vendor", "vendor"))),)), VENDORS),
    "What is owed.",
    "team:payables",
    control_totals=("open_amount",),
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    documents = pa.table(
        {
            "company": ["A", "A", "A"],
            "document": ["1", "2", "3"],
            "vendor": ["V1", "V2", "V2"],
            "open_amount": pa.array([Decimal("100.005"), Decimal("-0.004"), Decimal("999999999999.999")], pa.decimal128(18, 3)),
        }
    )
    vendors = pa.table({"company": ["A", "A"], "vendor": ["V1", "V2"], "vendor_name": ["One", "Two"]})
    return {
        "fact_ap_document": (parquet(tmp_path / "d1.parquet", documents.slice(0, 2)), parquet(tmp_path / "d2.parquet", documents.slice(2))),
        "dim_vendor": (parquet(tmp_path / "v.parquet", vendors),),
    }


def _published(house: House, session: Session, file: Path, content: object) -> Publication:
    project = next(p.id for p in house.world.site().projects.values() if p.name == "Finance")
    return Publication("Payables", project, file, content)  # type: ignore[arg-type]


def test_from_a_declaration_to_numbers_read_back(hyper: Engine, house: House, files: Files, tmp_path: Path) -> None:
    total = Decimal("1000000000100.000")
    made = make(hyper, SOURCE, files, tmp_path / "out", expected={"open_amount": total})
    assert (made.content.rows, made.content.totals) == (3, (("open_amount", total),))
    with house.session() as session:
        wanted = _published(house, session, made.file, made.content)
        publish(session, wanted)
        again = make(hyper, SOURCE, files, tmp_path / "again")
        assert plan(session, _published(house, session, again.file, again.content)).step is Step.UNCHANGED
    joined = (
        'SELECT v."vendor_name", SUM(d."open_amount") FROM "Extract"."fact_ap_document" d'
        ' JOIN "Extract"."dim_vendor" v ON v."company" = d."company" AND v."vendor" = d."vendor" GROUP BY 1 ORDER BY 1'
    )
    assert house.numbers("Payables", joined) == [("One", Decimal("100.005")), ("Two", Decimal("999999999999.995"))]


def test_the_fingerprint_follows_content_and_declaration(files: Files, tmp_path: Path) -> None:
    first = fingerprint(SOURCE, files)
    assert fingerprint(SOURCE, dict(files)) == first
    assert fingerprint(replace(SOURCE, fields=(Field("open_amount", "Owed"),)), files) != first
    other = parquet(tmp_path / "other.parquet", pa.table({"company": ["A"], "vendor": ["V1"], "vendor_name": ["Uno"]}))
    assert fingerprint(SOURCE, {**files, "dim_vendor": (other,)}) != first
    assert fingerprint(SOURCE, {**files, "fact_ap_document": files["fact_ap_document"][::-1]}) != first


def test_a_total_that_differs_is_an_error(hyper: Engine, files: Files, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"open_amount adds up to 1000000000100\.000 in the extract and to 1 in the model"):
        make(hyper, SOURCE, files, tmp_path / "out", expected={"open_amount": Decimal(1)})
    assert not list((tmp_path / "out").glob("*.tdsx"))


def test_a_model_that_is_not_built_is_named(hyper: Engine, files: Files, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the model dim_vendor has not been built"):
        make(hyper, SOURCE, {**files, "dim_vendor": ()}, tmp_path / "out")


def test_what_is_merged_by_key_must_have_one(hyper: Engine, tmp_path: Path) -> None:
    twice = parquet(tmp_path / "v.parquet", pa.table({"company": ["A", "A"], "vendor": ["V1", "V1"]}))
    source = DataSource("Vendors", (VENDORS,), "d", "o", refresh=Refresh.BY_KEY)
    with pytest.raises(DataError, match=r"the key A, V1 \(company, vendor\) stands there more than once"):
        make(hyper, source, {"dim_vendor": (twice,)}, tmp_path / "out")


def test_a_control_total_must_be_exact(hyper: Engine, files: Files, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        make(hyper, replace(SOURCE, control_totals=("document",)), files, tmp_path / "out")
