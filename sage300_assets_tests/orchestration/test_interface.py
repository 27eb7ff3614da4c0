"""The Dagster interface in a real browser: what a data engineer sees after one run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from sage300_assets.base.settings import load_settings
from sage300_assets.catalogue import MODULES, find
from sage300_assets.models import catalogue
from sage300_assets.orchestration.build import build_definitions
from sage300_assets.orchestration.models import BUILD, model_key
from sage300_assets.orchestration.names import asset_keys
from sage300_assets.orchestration.source import Source
from sage300_assets.simulators.sage300.server import Server
from sage300_assets.simulators.sage300.world import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A webserver over one finished run; gives its address."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(PROJECT / "dagster.yaml", home)
    world = World(companies=("SAMLTD",), days=10)
    with Server(world) as server:
        values = {
            "SAGE300_URL": server.url,
            "SAGE300_COMPANIES": "SAMLTD",
            "SAGE300_USERNAME": world.username,
            "SAGE300_PASSWORD": world.password,
            "SAGE300_START_DATE": (world.today - timedelta(days=10)).isoformat(),
            "LAKE_URL": str(home / "lake"),
        }
        environment = {**os.environ, **values, "DAGSTER_HOME": str(home)}
        _run_once(home, values)
        port = _free_port()
        command = [sys.executable, "-m", "dagster_webserver", "-w", str(PROJECT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        try:
            assert any("Serving dagster-webserver" in line for line in process.stdout), "the webserver ended before it was ready"
            drain = threading.Thread(target=process.stdout.read)  # what it says later must not fill the pipe
            drain.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            drain.join()
            process.stdout.close()


def _run_once(home: Path, values: dict[str, str]) -> None:
    settings = load_settings(_env_file=None, **{name.lower(): value for name, value in values.items()})
    entity = find("APInvoiceBatches")
    definitions = build_definitions(settings, Source(read_settings=lambda: settings))
    start = settings.start(Source().today("SAMLTD"))
    before = Path.cwd()
    os.chdir(home)  # the instance keeps its files below the folder it is used in
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            result = definitions.resolve_job_def("backfill_all").execute_in_process(
                instance=instance,
                asset_selection=asset_keys("SAMLTD", entity),
                tags={"dagster/asset_partition_range_start": str(start), "dagster/asset_partition_range_end": str(start + timedelta(days=10))},
            )
            models = definitions.resolve_job_def(BUILD).execute_in_process(
                instance=instance, asset_selection=[model_key(name) for name in _needed("mart_ap_ageing")]
            )
    finally:
        os.chdir(before)
    assert result.success
    assert models.success


def _needed(name: str) -> set[str]:
    known = catalogue()
    found, todo = set(), [known[name]]
    while todo:
        model = todo.pop()
        if model.name not in found:
            found.add(model.name)
            todo += [*known.upstream(model), *known.compared(model)]
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_pages_tell_the_story(interface: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        errors: list[str] = []
        page.on("pageerror", lambda problem: errors.append(str(problem)))

        page.goto(f"{interface}/assets/samltd/ap/invoices?view=overview")
        for words in (
            "Read from",
            "DateLastEdited",
            "DECIMAL(19,3)",
            "payables",
            "Parquet",
            "samltd.ap_invoices",
            "daily_transactions",
            "samltd_changes",
        ):
            page.get_by_text(words, exact=False).first.wait_for(timeout=30_000)

        newest = page.request.post(f"{interface}/graphql", data={"query": "{ assetNodes { assetKey { path } } }"})
        listed = [node["assetKey"]["path"] for node in newest.json()["data"]["assetNodes"]]
        assert len([path for path in listed if path[:2] in [["samltd", module.lower()] for module in MODULES]]) == 78
        assert len([path for path in listed if path[0] == "models"]) == len(catalogue().stored)

        page.goto(f"{interface}/assets/samltd/ap/invoices?view=partitions")
        page.get_by_text("Materialized (11)").wait_for(timeout=30_000)

        page.goto(f"{interface}/assets/samltd/ap/invoice_batches?view=checks")
        for words in ("keys_unique", "count_matches_source", "required_fields", "newest_business_date"):
            page.get_by_text(words).first.wait_for(timeout=30_000)

        page.goto(f"{interface}/automation")
        for words in ("samltd_changes", "samltd_daily_transactions", "samltd_weekly_master_data"):
            page.get_by_text(words).first.wait_for(timeout=30_000)

        assert errors == []
        browser.close()


def test_a_column_is_followed_back_to_the_sage_300_field(interface: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        page = browser.new_page(viewport={"width": 1800, "height": 1200})

        page.goto(f"{interface}/assets/models/mart_ap_ageing?view=overview")
        for words in ("Vendor ageing", "open_amount", "models.mart_ap_ageing", "models_follow_their_sources"):
            page.get_by_text(words, exact=False).first.wait_for(timeout=60_000)

        # Beside each column stand the Sage 300 fields it is made of; the graph leads there asset by asset.
        page.get_by_text("ap_posted_documents.VendorCurrencyAmountDue", exact=False).first.wait_for(timeout=60_000)
        for asset, before in (("mart_ap_ageing", "fact_ap_document"), ("fact_ap_document", "posted_documents")):
            page.goto(f"{interface}/assets/models/{asset}?view=lineage")
            page.get_by_text(before, exact=True).first.wait_for(timeout=60_000)
        query = """{ assetNodeOrError(assetKey: {path: ["models", "mart_ap_ageing"]}) { ... on AssetNode {
            assetMaterializations(limit: 1) { metadataEntries {
                ... on TableColumnLineageMetadataEntry { lineage { columnName columnDeps { assetKey { path } columnName } } } } } } } }"""
        told = page.request.post(f"{interface}/graphql", data={"query": query}).text()
        assert '"columnName": "open_amount"' in told or '"columnName":"open_amount"' in told
        browser.close()
