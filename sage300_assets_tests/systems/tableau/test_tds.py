from __future__ import annotations

import zipfile
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.errors import DataError
from sage300_assets.systems.tableau.description import MONEY, DataSource, DrillPath, Field, Filter, Join, Refresh, Role, TableOf, caption_of
from sage300_assets.systems.tableau.hyper import Column, Engine, Load
from sage300_assets.systems.tableau.publishing import publish
from sage300_assets.systems.tableau.tds import write_tds, write_tdsx
from sage300_assets_tests.tableau_house import House, lines, parquet

# The order in which Tableau's own schema of documents has the children of a data source.
ORDER = [
    "document-format-change-manifest",
    "repository-location",
    "connection",
    "overridable-settings",
    "aliases",
    "column",
    "column-instance",
    "group",
    "drill-paths",
    "folders-common",
    "folders-parameters",
    "actions",
    "extract",
    "layout",
    "style",
    "semantic-values",
    "date-options",
    "default-date-format",
    "default-sorts",
    "filter",
    "object-graph",
]
DATATYPES = {"integer", "real", "string", "datetime", "date", "boolean"}
COLUMNS = {
    "fact_ap_document": [
        Column("company", "TEXT", required=True),
        Column("vendor", "TEXT", required=False),
        Column("document", "TEXT", required=True),
        Column("fiscal_year", "INT", required=False),
        Column("due_date", "DATE", required=False),
        Column("home_open_amount", "NUMERIC(18, 3)", required=False),
        Column("odd]name", "BOOL", required=False),
    ],
    "dim_vendor": [
        Column("company", "TEXT", required=True),
        Column("vendor", "TEXT", required=True),
        Column("vendor_group", "TEXT", required=False),
    ],
}
FACTS = TableOf("fact_ap_document", ("company", "document"))
JOINED = TableOf("fact_ap_document", ("company", "document"), (Join("dim_vendor", (("company", "company"), ("vendor", "vendor"))),))
VENDORS = TableOf("dim_vendor", ("company", "vendor"))


def _source(*tables: TableOf, **more: object) -> DataSource:
    return DataSource("Payables", tables or (FACTS,), "What is owed.", "team:payables", **more)  # type: ignore[arg-type]


def _read(source: DataSource) -> ET.Element:
    root: ET.Element = fromstring(write_tds(source, COLUMNS, data="Data/Extracts/x.hyper"))
    _obeys_the_rules(root)
    return root


def _obeys_the_rules(root: ET.Element) -> None:
    """What the official schema asks for, and what it leaves unsaid but Tableau relies on: every name leads somewhere."""
    assert root.tag == "datasource"
    assert root.get("inline") == "true"
    assert root.get("version")
    places = [ORDER.index(child.tag) for child in root]
    assert all(a <= b for a, b in pairwise(places))
    names = [c.get("name", "") for c in root.findall("column")]
    assert len(set(names)) == len(names)
    for column in root.findall("column"):
        assert column.get("datatype") in DATATYPES
        assert (column.get("role"), column.get("type")) in {
            ("dimension", "nominal"),
            ("dimension", "ordinal"),
            ("measure", "quantitative"),
        }
        assert ("aggregation" in column.attrib) == (column.get("role") == "measure")
    paths = [f"[{p.get('name')}]" for p in root.iter("drill-path")]
    assert {f.text for f in root.iter("field")} <= set(names)
    for item in root.iter("folder-item"):
        assert item.get("name") in (paths if item.get("type") == "drillpath" else names)
    assert {f.get("column") for f in root.findall("filter")} <= set(names)
    connections = {n.get("name") for n in root.iter("named-connection")}
    relations = [r for r in root.iter("relation") if r.get("type") == "table"]
    assert {r.get("connection") for r in relations} <= connections
    objects = {o.get("id") for o in root.iter("object")}
    assert {e.get("object-id") for tag in ("first-end-point", "second-end-point") for e in root.iter(tag)} <= objects
    assert {e.get("op") for e in root.iter("expression")} <= {*names, "=", "AND"}


def test_what_is_not_said_follows_from_name_and_type() -> None:
    columns = {c.get("name"): c.attrib for c in _read(_source()).findall("column")}
    assert columns["[home_open_amount]"] == {
        "aggregation": "Sum",
        "caption": "Home Open Amount",
        "datatype": "real",
        "default-format": MONEY,
        "name": "[home_open_amount]",
        "role": "measure",
        "type": "quantitative",
    }
    assert (columns["[fiscal_year]"]["role"], columns["[fiscal_year]"]["type"]) == ("dimension", "ordinal")  # a year is not summed
    assert columns["[odd]]name]"]["datatype"] == "boolean"


def test_what_is_said_is_written() -> None:
    field = Field("home_open_amount", "Open", folder="Amounts", comment="still <due> & payable", format="p0.0%")
    source = _source(
        fields=(field, Field("fiscal_year", role=Role.MEASURE), Field("document", hidden=True)),
        drill_paths=(DrillPath("Vendor", ("company", "vendor"), "Who"),),
        filters=(Filter("company", ('SAM"LTD', "SAMINC")), Filter("vendor", ("V1",))),
    )
    root = _read(source)
    column = next(c for c in root.findall("column") if c.get("name") == "[home_open_amount]")
    assert (column.get("caption"), column.get("default-format"), column.findtext("desc/formatted-text/run")) == ("Open", "p0.0%", field.comment)
    assert [f.text for f in root.iter("field")] == ["[company]", "[vendor]"]
    assert {f.get("name"): [(i.get("name"), i.get("type")) for i in f] for f in root.iter("folder")} == {
        "Amounts": [("[home_open_amount]", "field")],
        "Who": [("[Vendor]", "drillpath")],
    }
    assert [[m.get("member") for m in f.iter("groupfilter")] for f in root.findall("filter")] == [[None, '"SAM"LTD"', '"SAMINC"'], ['"V1"']]


def test_several_tables_are_joined_by_their_whole_keys() -> None:
    root = _read(_source(JOINED, VENDORS))
    assert [r.get("name") for r in root.findall("connection/relation/relation")] == ["fact_ap_document", "dim_vendor"]
    equal = [[e.get("op") for e in pair] for pair in root.findall("object-graph/relationships/relationship/expression/expression")]
    assert equal == [["[company]", "[company (dim_vendor)]"], ["[vendor]", "[vendor (dim_vendor)]"]]
    hidden = [c.get("name") for c in root.findall("column") if c.get("hidden")]
    assert hidden == ["[company (dim_vendor)]", "[vendor (dim_vendor)]"]


@pytest.mark.parametrize(
    "more", [{"fields": (Field("nowhere"),)}, {"drill_paths": (DrillPath("x", ("vendor", "nowhere")),)}, {"control_totals": ("nowhere",)}]
)
def test_a_column_that_does_not_exist_is_named(more: dict[str, object]) -> None:
    with pytest.raises(DataError, match="there is no column nowhere"):
        _read(_source(**more))


def test_two_columns_with_one_caption_are_refused() -> None:
    with pytest.raises(DataError, match="two columns have the caption 'Vendor'"):
        _read(_source(fields=(Field("document", "Vendor"),)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: _source(FACTS, refresh=Refresh.BY_KEY, fields=(Field("a"), Field("a"))), "declared twice"),
        (lambda: _source(JOINED, VENDORS, refresh=Refresh.BY_KEY), "single table with a key"),
        (lambda: _source(JOINED), "not one of its tables"),
        (lambda: _source(TableOf("f", (), (Join("dim_vendor", (("vendor", "vendor"),)),)), VENDORS), "the whole key"),
        (lambda: _source(note="because"), "certified"),
        (lambda: DrillPath("x", ("a",)), "at least two"),
        (lambda: Filter("x", ()), "nothing through"),
    ],
)
def test_a_declaration_that_makes_no_sense_fails_at_once(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20))
def test_any_name_and_caption_survives(name: str) -> None:
    columns = {"t": [Column(name, "TEXT", required=False)]}
    source = DataSource("S", (TableOf("t"),), "d", "o", fields=(Field(name, caption=name, comment=name),))
    root: ET.Element = fromstring(write_tds(source, columns, data="x"))
    found = root.find("column")
    assert found is not None
    assert (found.get("name"), found.get("caption")) == ("[" + name.replace("]", "]]") + "]", name)


def test_captions_know_the_abbreviations() -> None:
    assert [caption_of(n) for n in ("gl_account", "home_open_amount", "dso")] == ["GL Account", "Home Open Amount", "DSO"]


def test_a_package_is_published_and_read_back(hyper: Engine, house: House, tmp_path: Path) -> None:
    file = parquet(tmp_path / "x.parquet", lines((1, "1.005"), (2, "-0.004")))
    hyper.build([Load("Extract", (file,), ("id",))], tmp_path / "gl.hyper")
    source = DataSource("GL Detail", (TableOf("Extract", ("id",)),), "Lines.", "team:gl", drill_paths=(DrillPath("When", ("day", "id")),))
    columns = {
        "Extract": [Column("id", "BIGINT", required=True), Column("day", "DATE", required=False), Column("amount", "NUMERIC(18, 3)", required=False)]
    }
    write_tdsx(source, columns, tmp_path / "gl.hyper", tmp_path / "GL Detail.tdsx")
    write_tdsx(source, columns, tmp_path / "gl.hyper", tmp_path / "again.tdsx")
    with zipfile.ZipFile(tmp_path / "GL Detail.tdsx") as package:
        assert package.namelist() == ["GL Detail.tds", "Data/Extracts/gl.hyper"]
        assert package.read("GL Detail.tds").startswith(b"<?xml ")
    with house.session() as session:
        publish(session, house.publication(session, tmp_path / "GL Detail.tdsx", "d" * 16, 2))
    assert str(house.numbers()) == "[(2, Decimal('1.001'))]"
    assert not house.world.source("GL Detail").is_extract  # so rows can be changed by key
