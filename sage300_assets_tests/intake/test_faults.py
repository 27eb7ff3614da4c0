"""Everything that a server, a proxy or a line can do wrong ends with the truth or with a clean refusal."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.simulators.sage300 import World, describe_faults
from sage300_assets.simulators.sage300.paths import METADATA
from sage300_assets.simulators.sage300.release import Release
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, House, open_house
from sage300_assets_tests.intake.law import Before, assert_lake_keeps_secrets, assert_no_secret, assert_says_what_to_do
from sage300_assets_tests.truth import assert_lake_equals, current_rows

RECEIPTS = "ARReceiptAndAdjustmentBatches"
RELEASE = Release(
    lacking=("POGetReceipts.ReceiptLine2s",),
    extra=(f"{RECEIPTS}.ReceiptsAdjustments.CardNumber", f"{RECEIPTS}.ReceiptsAdjustments.AppliedReceiptsAdjustments.xmlString"),
)
"""Nested rows carry members that must not be kept, though nobody asked for them."""


@dataclass(frozen=True)
class Case:
    """An entity, and how many records a page takes."""

    resource: str
    page_size: int
    text: str
    """A text of its records, for faults that change what is served."""


CASES = {
    "cut into windows": Case("ARPostedReceipts", 4, "Payer"),
    "several pages": Case(RECEIPTS, 4, "Description"),
    "one page": Case("BKBanks", 100, "Description"),
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "cold_start": [{"seconds": 0.2}],
    "throttled": [{}, {"http_date": True, "seconds": 30}],
    "count_changes": [{}, {"by": -1}],
    "count_wrong": [{}, {"by": -1}, {"by": -4}],
    "duplicate_row": [{}, {"replace": True}],
    "odata_count_without_at": [{}, {"nextlink": True}],
}
SERVED = {"control_characters": "bell \x07 nul \x00 del \x7f line \u2028 end", "huge_field": "long " * 400_000}
"""These change a text into another that is just as valid: the truth is then what was served."""
NEEDS_PAGES = {"out_of_window", "repeated_page", "nextlink_loop", "foreign_nextlink", "count_changes", "shift", "shift_behind"}
MUST_FAIL = {"html_200", "redirect", "unauthorized", "forbidden", "license_error", "missing_value", "hang", "cut_json", "lone_surrogate", "null_row"}
"""When nothing else ever comes, no load may succeed."""
HARMLESS = {"count_as_string", "odata_count_without_at", "number_as_string", "control_characters", "huge_field"}
"""What a client must cope with however often it comes."""
WHOLE = os.environ.get("SAGE300_FAULTS") == "whole"
"""`make faults` tries every fault in every case; `make test` each fault once where it recovers and once where it never ends."""
TRIALS = [(case, times) for case in CASES for times in (1, None)] if WHOLE else [("cut into windows", 1), ("several pages", None)]
FAULTS = [(name, options) for name in describe_faults() for options in VARIANTS.get(name, [{}])]


def _name(value: object) -> str | None:
    return "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else None


@pytest.fixture(scope="module")
def world() -> World:
    return World(companies=(COMPANY,), days=6, today=TODAY, username=USER, password=PASSWORD)


@pytest.fixture(scope="module")
def originals(world: World) -> dict[str, list[dict[str, Any]]]:
    """Some faults change the world; every test finds it as it was."""
    return {case.resource: world.truth(COMPANY, case.resource) for case in CASES.values()}


@pytest.fixture(scope="module")
def prepared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each entity a lake that was loaded before."""
    folder = tmp_path_factory.mktemp("prepared")
    for case in CASES.values():
        with open_house(folder / case.resource, world=world, page_size=100, server={"release": RELEASE}) as one:
            one.load(case.resource)
    return folder


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = CASES[request.param]
    return found


@pytest.fixture
def one(world: World, originals: dict[str, list[dict[str, Any]]], prepared: Path, tmp_path: Path, case: Case) -> Iterator[House]:
    """A server just started, and a lake in which one record is out of date."""
    shutil.copytree(prepared / case.resource, tmp_path / "lake")
    world.replace_all(COMPANY, case.resource, originals[case.resource])
    with open_house(tmp_path / "lake", world=world, page_size=case.page_size, server={"release": RELEASE}, sage300_timeout=2) as house:
        record = world.truth(COMPANY, case.resource)[-1]
        key = {k: record[k] for k in find(case.resource).key}
        world.put(COMPANY, case.resource, {**key, case.text: f"edited, {tmp_path.name}"})
        yield house


def _truth(one: House, case: Case, fault: str) -> list[dict[str, Any]]:
    """What the world says, and where a fault has changed a text, what the server said."""
    records = one.world.truth(COMPANY, case.resource)
    if fault in SERVED:
        entity = find(case.resource)
        found = {tuple(r[k] for k in entity.key): r for r in current_rows(one.lake, COMPANY, entity)[entity.root.name]}
        for place, record in enumerate(records):
            if found[tuple(record[k] for k in entity.key)][case.text] == SERVED[fault]:
                records[place] = {**record, case.text: SERVED[fault]}
    return records


@pytest.mark.parametrize(("case", "times"), TRIALS, indirect=["case"])
@pytest.mark.parametrize(("fault", "options"), FAULTS, ids=_name)
def test_a_fault_ends_in_truth_or_in_a_clean_refusal(
    one: House, case: Case, fault: str, options: dict[str, Any], times: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    entity = find(case.resource)
    before = Before.of(one.lake, entity)
    given: dict[str, Any] = {"member": case.text} if fault in SERVED else {}
    one.server.faults.set(fault, times=times, resource=METADATA if fault == "cold_start" else case.resource, **options, **given)
    failed = False
    try:
        one.load(entity)
    except Sage300AssetsError as problem:
        failed = True
        assert_says_what_to_do(problem, case.resource)
        before.assert_unchanged(one.lake, entity)
    else:
        assert_lake_equals(one.lake, _truth(one, case, fault), COMPANY, entity)
    if case.page_size < 100 or fault not in NEEDS_PAGES:
        fired = one.server.faults.fired[fault]
        assert fired, "the fault never did any harm"
        if times is None and fault in MUST_FAIL:
            assert failed
    if fault in HARMLESS:
        assert not failed
    if fault == "throttled":
        assert max(one.waits) >= 1 if not options else 20 < max(one.waits) <= 30
    one.server.faults.clear()
    one.load(entity)
    assert_lake_equals(one.lake, one.world.truth(COMPANY, case.resource), COMPANY, entity)
    assert_lake_keeps_secrets(one.lake.root)
    assert_no_secret(caplog.text)


@pytest.mark.parametrize("times", [1, None] if WHOLE else [None])
@pytest.mark.parametrize("fault", describe_faults())
@pytest.mark.parametrize("case", ["one page"], indirect=True)
def test_a_fault_of_the_metadata_ends_in_truth_or_in_a_clean_refusal(one: House, case: Case, fault: str, times: int | None) -> None:
    entity = find(case.resource)
    before = Before.of(one.lake, entity)
    one.server.faults.set(fault, times=times, resource=METADATA)
    try:
        one.load(entity)
    except Sage300AssetsError as problem:
        assert_says_what_to_do(problem, entity.module)
        before.assert_unchanged(one.lake, entity)
    else:
        one.check(entity)
    one.server.faults.clear()
    one.load(entity)
    one.check(entity)
