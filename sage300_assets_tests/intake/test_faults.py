"""Everything that a server, a proxy or a line can do wrong ends with the truth or with a clean refusal."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.simulators.sage300 import World, faults_of_reading
from sage300_assets.simulators.sage300.paths import METADATA
from sage300_assets.simulators.sage300.release import Release
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER, WHOLE, House, open_house
from sage300_assets_tests.intake.law import Still, assert_lake_keeps_secrets, assert_no_secret, assert_says_what_to_do, raw_answers
from sage300_assets_tests.truth import assert_lake_equals, current_rows

PAYMENTS = "APPaymentAndAdjustmentBatches"
RELEASE = Release(extra=(f"{PAYMENTS}.PaymentsAdjustments.CardNumber", f"{PAYMENTS}.PaymentsAdjustments.AppliedPayments.xmlString"))
"""Nested rows carry members that must not be kept, though nobody asked for them."""


@dataclass(frozen=True)
class Case:
    """An entity, and how many records a page takes."""

    resource: str
    page_size: int
    text: str
    """A text of its records, for faults that change what is served."""


CASES = {
    "cut into windows": Case("MTContacts", 2, "LastName"),
    "several pages": Case(PAYMENTS, 4, "Description"),
    "one page": Case("BKBanks", 100, "Description"),
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "cold_start": [{"seconds": 0.2}],
    "throttled": [{}, {"http_date": True, "seconds": 30}],
    "count_changes": [{}, {"by": -1}],
    "count_wrong": [{}, {"by": -1}, {"by": -4}],
    "duplicate_row": [{}, {"replace": True}],
    "odata_count_without_at": [{}, {"nextlink": True}],
    "redirect": [{}, {"location": "/login"}],
}
SERVED = {"control_characters": "bell \x07 nul \x00 del \x7f line \u2028 end", "huge_field": ("long " * 20_000).rstrip()}
"""These change a text into another that is just as valid: the truth is then what was served."""
NEEDS_PAGES = {"out_of_window", "repeated_page", "nextlink_loop", "foreign_nextlink", "count_changes", "shift", "shift_behind"}
NEEDS_RECORDS = NEEDS_PAGES | {
    *("cut_json", "invalid_json", "missing_value", "null_row", "lost_row", "duplicate_row"),
    *("count_wrong", "count_as_string", "odata_count_without_at", "number_as_string", "string_as_number"),
    *("oversize_decimal", "too_many_digits", "lone_surrogate", "control_characters", "huge_field"),
}
"""What harms an answer with records, in JSON, and no other: `$metadata` never meets it, which a test below makes sure of."""
MUST_FAIL = {
    *("html_200", "redirect", "unauthorized", "forbidden", "license_error", "missing_value", "hang", "cut_json", "lone_surrogate", "null_row"),
    *("short_length", "cut_gzip", "plain_gzip", "empty_body"),
}
"""When nothing else ever comes, no load may succeed."""
HARMLESS = {"count_as_string", "odata_count_without_at", "number_as_string", "control_characters", "huge_field", "cold_start"}
"""What a client must cope with however often it comes."""
FAULTS = [(name, options) for name in faults_of_reading() for options in VARIANTS.get(name, [{}])]


def _cases() -> list[tuple[str, str, dict[str, Any]]]:
    """Every fault in every case, in the short form each in one, turn and turn about; those that need pages in both that have some."""
    paged = [name for name, case in CASES.items() if case.page_size < 100]
    chosen = []
    for number, (fault, options) in enumerate(FAULTS):
        turn = [list(CASES)[number % len(CASES)]]
        chosen += [(case, fault, options) for case in (paged if fault in NEEDS_PAGES else CASES if WHOLE else turn)]
    return chosen


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
            one.check(case.resource)
    return folder


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = CASES[request.param]
    return found


TAKE_LONG = {"hang", "slow", "dribble"}
"""Only these are waited for until the time is up; elsewhere a short time would fail on a loaded machine."""


@pytest.fixture
def one(
    request: pytest.FixtureRequest, world: World, originals: dict[str, list[dict[str, Any]]], prepared: Path, tmp_path: Path, case: Case
) -> Iterator[House]:
    """A server just started, and a lake in which one record is out of date."""
    shutil.copytree(prepared / case.resource, tmp_path / "lake")
    world.replace_all(COMPANY, case.resource, originals[case.resource])
    seconds = 0.5 if request.node.callspec.params.get("fault") in TAKE_LONG else 60
    with open_house(tmp_path / "lake", world=world, page_size=case.page_size, server={"release": RELEASE}, sage300_timeout=seconds) as house:
        _edit(house, case, "before")
        yield house


def _edit(house: House, case: Case, text: str) -> None:
    record = house.world.truth(COMPANY, case.resource)[-1]
    key = {k: record[k] for k in find(case.resource).key}
    house.world.put(COMPANY, case.resource, {**key, case.text: f"edited {text}"})


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


def _one_load(one: House, case: Case, fault: str) -> bool:
    """Load while a fault is armed; says whether it failed, in the only way in which it may."""
    entity = find(case.resource)
    before = Still.of(one.lake, entity)
    try:
        one.load(entity)
    except Sage300AssetsError as problem:
        assert_says_what_to_do(problem, case.resource)
        before.assert_unchanged()
        return True
    assert_lake_equals(one.lake, _truth(one, case, fault), COMPANY, entity)
    return False


@pytest.mark.parametrize(("case", "fault", "options"), _cases(), ids=_name, indirect=["case"])
def test_a_fault_ends_in_truth_or_in_a_clean_refusal(
    one: House, case: Case, fault: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = {**options, "resource": METADATA if fault == "cold_start" else case.resource}
    if fault in SERVED:
        given |= {"member": case.text}
    if fault == "huge_field":
        given |= {"size": 100_000}
    one.server.faults.set(fault, times=1, **given)
    failed_once = _one_load(one, case, fault)
    one.server.faults.set(fault, times=None, **given)
    _edit(one, case, "again")
    failed_always = _one_load(one, case, fault)
    assert one.server.faults.fired[fault] >= 1, "the fault never did any harm"
    assert failed_always or fault not in MUST_FAIL
    assert not (failed_once or failed_always) or fault not in HARMLESS
    if fault == "throttled":
        assert 20 < max(one.waits) <= 30 if options else max(one.waits) >= 1
    one.server.faults.clear()
    one.be_patient()
    one.load(case.resource)
    one.check(case.resource)
    assert_lake_keeps_secrets(one.lake.root)
    assert_no_secret(caplog.text)


@pytest.mark.parametrize("case", ["one page"], indirect=True)
def test_what_needs_records_does_no_harm_to_the_metadata(one: House, case: Case) -> None:
    for fault in NEEDS_RECORDS:
        one.server.faults.set(fault, times=None, resource=METADATA)
    with one.new_client() as client:
        client.contract(find(case.resource))
    assert not one.server.faults.fired


@pytest.mark.parametrize("fault", sorted(set(faults_of_reading()) - NEEDS_RECORDS))
@pytest.mark.parametrize("case", ["one page"], indirect=True)
def test_a_fault_of_the_metadata_ends_in_truth_or_in_a_clean_refusal(one: House, case: Case, fault: str) -> None:
    entity = find(case.resource)
    found = []  # before anything else is asked: a cold start comes first or never
    patient = one.settings.model_copy(update={"sage300_timeout": 60.0})
    before = Still.of(one.lake, entity)
    for times in (1, None):
        one.server.faults.set(fault, times=times, resource=METADATA)
        with one.new_client() as client:
            try:
                found.append(client.contract(entity))
            except Sage300AssetsError as problem:
                assert_says_what_to_do(problem, entity.module)
    assert one.server.faults.fired[fault], "the fault never did any harm"
    before.assert_unchanged()
    one.server.faults.clear()
    one.settings = patient
    with one.new_client() as client:
        with_truth = client.contract(entity)
    assert all(contract == with_truth for contract in found)


@pytest.mark.parametrize("case", ["several pages"], indirect=True)
def test_what_must_not_be_kept_is_really_served(one: House, case: Case) -> None:
    served = one.client.transport.get(f"{one.server.url}/v1.0/-/{COMPANY}/AP/{case.resource}").body
    assert b'"CardNumber":"nobody declared this"' in served
    assert b'"xmlString":"nobody declared this"' in served
    wide = one.client.transport.get(f"{one.server.url}/v1.0/-/{COMPANY}/AR/ARPostedReceipts").body
    assert b"CANARY-" in wide
    one.load("ARPostedReceipts")
    one.check("ARPostedReceipts")
    assert_lake_keeps_secrets(one.lake.root)
    landed = "".join(text for pages in one.lake.root.glob("_raw/**/*.pages") for text in raw_answers(pages))
    assert '"CardNumber":null' in landed, "it did come, and was taken out"
