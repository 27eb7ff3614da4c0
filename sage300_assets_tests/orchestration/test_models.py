"""Models in Dagster: what the graph says, what a run brings, and that a change in any old day reaches every mart."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from sage300_assets import cli
from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.catalogue import find
from sage300_assets.lake.lake import Lake
from sage300_assets.models import catalogue
from sage300_assets.models.build import Order, build_all
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.models import BUILD, model_key, plot, told
from sage300_assets.orchestration.names import asset_key
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.sage300 import World
from sage300_assets_tests.house import TODAY
from sage300_assets_tests.models.conftest import used_entities
from sage300_assets_tests.models.pantry import fill, put, small_lake
from sage300_assets_tests.models.test_worlds import BOOKS, COMPANY, balance, purchase


@dataclass
class Ran:
    """Definitions, and a run of the job over a small lake."""

    definitions: dg.Definitions
    result: dg.ExecuteInProcessResult
    instance: dg.DagsterInstance


def settings_for(folder: Path) -> Settings:
    given = {"sage300_url": "http://127.0.0.1:1/Sage300WebApi", "sage300_companies": "SAMLTD", "sage300_username": "X", "sage300_password": "Y"}
    return load_settings(_env_file=None, lake_url=str(folder), sage300_start_date="2026-10-01", **given)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("lake")
    lake = fill(folder, World(companies=("SAMLTD",), days=8, today=TODAY), used_entities())
    put(lake, "SOLD", find("ICLocations"), World(companies=("SAMLTD",), days=8, today=TODAY).truth("SAMLTD", "ICLocations"), TODAY)
    settings = settings_for(folder)
    now = datetime(TODAY.year, TODAY.month, TODAY.day, 15, tzinfo=UTC)
    definitions = build_definitions(settings, Source(read_settings=lambda: settings, now=lambda: now))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ran(definitions, definitions.resolve_job_def(BUILD).execute_in_process(instance=instance), instance)


def materialization(ran: Ran, name: str) -> dg.AssetMaterialization:
    found = ran.instance.get_latest_materialization_event(model_key(name))
    assert found is not None
    assert found.asset_materialization is not None
    return found.asset_materialization


def test_one_run_builds_everything_and_every_check_says_something(ran: Ran) -> None:
    assert ran.result.success
    evaluated = [e.event_specific_data for e in ran.result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    assert all(check.passed for check in evaluated)  # type: ignore[union-attr]
    graph = ran.definitions.resolve_asset_graph()
    mine = {key for key in graph.asset_check_keys if key.asset_key.path[0] == "models"}
    assert {check.asset_check_key for check in evaluated} == mine  # type: ignore[union-attr]
    assert {m.name for m in catalogue().stored} == {key.path[1] for key in graph.materializable_asset_keys if key.path[0] == "models"}


def test_a_company_that_is_no_longer_configured_stays_in_the_models_as_on_the_command_line(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    lake = materialization(ran, "dim_location").metadata["folder"].value
    root = Path(str(lake)).parents[1]
    with Lake(root).look_at_models() as db:
        assert db.execute("SELECT DISTINCT company FROM models.dim_location ORDER BY 1").fetchall() == [("SAMLTD",), ("SOLD",)]
    assert cli.main(["models", "build", "dim_location", "--lake", str(root)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_lineage_of_a_mart_leads_column_by_column_to_the_sage_300_asset(ran: Ran) -> None:
    at, column = model_key("mart_ap_ageing"), "open_amount"
    seen = set()
    todo = [(at, column)]
    while todo:
        at, column = todo.pop()
        if at.path[0] != "models":
            seen.add((at.to_user_string(), column))
            continue
        lineage = materialization(ran, at.path[1]).metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        todo += [(dep.asset_key, dep.column_name) for dep in lineage.deps_by_column[column]]
    assert ("samltd/ap/posted_documents", "VendorCurrencyAmountDue") in seen
    known = ran.definitions.resolve_asset_graph()
    for key, name in seen:
        schema = known.get(dg.AssetKey.from_user_string(key)).metadata["dagster/column_schema"]
        assert name in [c.name for c in schema.columns], (key, name)


def test_a_materialisation_shows_rows_totals_preview_and_plot(ran: Ran) -> None:
    shown = materialization(ran, "mart_ap_ageing").metadata
    assert int(str(shown["dagster/row_count"].value)) > 50
    assert "| company |" in str(shown["preview"].value)
    assert "data:image/png" in str(shown["plot"].value)
    assert "31 to 60" in str(shown["plot"].value) or "0 not due" in str(shown["plot"].value)
    total = materialization(ran, "mart_trial_balance").metadata["total_home_closing_amount"].value
    assert str(total) == "CAD 0.000"


def test_totals_keep_currencies_and_sets_apart_and_add_up_no_units(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for company, home in (("SAMEUR", "EUR"), ("SAMLTD", "CAD")):
        books = BOOKS | {"CSCompanyProfile": [{"DatabaseID": company, "FunctionalCurrency": home}]}
        held = [balance("1000", p3=100), balance("1000", held_in="1", p3=30), balance("1000", held_in="Q", p3=7)]
        small_lake(tmp_path, TODAY, company, **books, GLAccountFiscalSets=[row | {"Currencycode": home} for row in held])
    lake = Lake(tmp_path)
    built = {b.model.name: b for b in build_all(lake, Order(("SAMEUR", "SAMLTD"), TODAY), ["mart_actual_vs_budget"])}
    total = told(lake, built["fact_gl_balance"])["total_home_net_amount"].value
    assert total == "CAD set 1 30.000, CAD set A 100.000, EUR set 1 30.000, EUR set A 100.000"
    assert told(lake, built["mart_actual_vs_budget"])["total_home_budget_amount"].value == "CAD set 1 30.000, EUR set 1 30.000"


def test_a_total_tells_how_many_rows_have_no_amount(tmp_path: Path) -> None:
    orders = [purchase(1, "V", date(2026, 3, 9), Currency="USD"), purchase(2, "V", date(2026, 3, 9), Currency="CAD")]
    lake = small_lake(tmp_path, TODAY, COMPANY, **BOOKS, POPurchaseOrders=orders)
    built = {b.model.name: b for b in build_all(lake, Order((COMPANY,), TODAY), ["mart_commitments"])}
    lines, mart = (told(lake, built[name]) for name in ("fact_purchase_order_line", "mart_commitments"))
    assert [shown["total_home_open_commitment"].value for shown in (lines, mart)] == ["CAD 50.000 (1 empty)"] * 2
    # A bar of a period of which something is not known would be too short.
    assert "plot" not in mart


def test_what_is_below_zero_hangs_from_a_line() -> None:
    def columns(*values: int) -> list[list[bytes]]:
        """Colours of each bar, from the top."""
        png = base64.b64decode(plot([("", Decimal(value)) for value in values]).partition("base64,")[2].partition(")")[0])
        start = png.index(b"IDAT") + 4
        raw = zlib.decompress(png[start : start + int.from_bytes(png[start - 8 : start - 4])])
        width = 1 + 3 * 5 * len(values)
        rows = [raw[n : n + width] for n in range(0, len(raw), width)]
        return [[row[1 + 15 * n : 4 + 15 * n] for row in rows] for n in range(len(values))]

    (blue, *_), (*_, red) = columns(1)[0][::-1], columns(-1)[0]
    gain, loss, half = columns(100, -100, 50)
    assert blue != red
    assert gain.count(blue) == loss.count(red) == 2 * half.count(blue) == 30
    below = loss.index(red)
    assert gain[below - 1] == blue
    assert gain[below] not in {blue, gain[-1]}, "a line at zero"
    assert {red, gain[below]} & set(columns(100)[0]) == set()


def test_a_change_in_any_old_partition_asks_for_every_mart_below(ran: Ran) -> None:
    vendor_documents = asset_key("SAMLTD", find("APPostedDocuments").root)
    first = dg.evaluate_automation_conditions(ran.definitions, instance=ran.instance)
    quiet = dg.evaluate_automation_conditions(ran.definitions, instance=ran.instance, cursor=first.cursor)
    assert quiet.total_requested == 0
    ran.instance.report_runless_asset_event(dg.AssetMaterialization(vendor_documents, partition="2026-10-02"))
    asked = dg.evaluate_automation_conditions(ran.definitions, instance=ran.instance, cursor=quiet.cursor)
    requested = {key.path[1] for key in ran.definitions.resolve_asset_graph().materializable_asset_keys if asked.get_num_requested(key)}
    assert {"fact_ap_document", "fact_ap_application", "mart_ap_ageing", "mart_overdue_invoices", "mart_days_outstanding"} <= requested
    assert "mart_trial_balance" not in requested


def test_every_asset_is_described_owned_fresh_and_grouped(ran: Ran) -> None:
    graph = ran.definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        if key.path[0] == "models":
            node = graph.get(key)
            assert node.description
            assert node.owners[0].startswith("team:")
            assert node.group_name in {"models_dimensions", "models_facts", "models_marts"}
            assert {"sql", "parquet", "duckdb"} <= set(node.kinds)
            assert node.freshness_policy is not None
