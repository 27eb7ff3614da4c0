"""The server changes its fields: what is remembered, what a read does then, and what a person can do about it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.base.errors import DataError, RetriableError, SchemaDrift
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import RAW, REASON, Entity, OnDrift
from sage300_assets.intake import shape
from sage300_assets.intake.poll import poll
from sage300_assets.intake.shape import Memory
from sage300_assets.lake.lake import Lake
from sage300_assets.simulators.sage300 import Server
from sage300_assets.simulators.sage300.release import Release
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.metadata import parse_metadata
from sage300_assets.systems.sage300.structure import What, fingerprint, structure_of
from sage300_assets_tests.house import COMPANY, TODAY, House, open_house, settings_for
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.restless import STAMPED, Restless, authority
from sage300_assets_tests.intake.test_sweep import JANUARY, read, search
from sage300_assets_tests.intake.troubled import WhenRead
from sage300_assets_tests.truth import assert_lake_equals

EVOLVE = find(STAMPED)
HOLD, ASIDE = replace(EVOLVE, on_drift=OnDrift.HOLD), replace(EVOLVE, on_drift=OnDrift.QUARANTINE)
RETYPED = Release(retyped=((f"{STAMPED}.Name", "int"),))
_lakes = count()


@pytest.fixture
def world() -> Restless:
    made = Restless()
    for n in range(6):
        made.plant(n, JANUARY, f"{n}", lines=1)
    return made


@pytest.fixture
def one(world: Restless, tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", world=world, page_size=4, sage300_page_size=4) as house:
        yield house


def upgrade(one: House, release: Release) -> None:
    """Another release answers, and its `$metadata` is known."""
    one.server.release = release
    one.client.metadata("TX", fresh=True)


def remembering(one: House) -> Sage300Client:
    """Another process, which knows what the lake remembers of the server."""
    return Sage300Client(one.settings, COMPANY, wait=one.waits.append, metadata_store=one.lake)


def drift_of(one: House, entity: Entity = EVOLVE) -> list[str]:
    return [str(c) for c in Memory(one.lake, COMPANY).drift(entity, one.client.metadata("TX")).changes]


def aside(one: House, entity: Entity = ASIDE) -> dict[str, dict[str, Any]]:
    assert entity.quarantine is not None
    return {row["TaxAuthorityKey"]: row for row in one.lake.current(COMPANY, entity.quarantine).to_pylist()}


def held(one: House, entity: Entity) -> set[str]:
    return set(one.lake.current(COMPANY, entity.root)["TaxAuthorityKey"].to_pylist())


# --- what is remembered -----------------------------------------------------------------------------------------------------------------


def test_every_kind_of_change_is_named_and_remembered_with_its_day(one: House) -> None:
    read(one, EVOLVE)
    upgrade(
        one,
        Release(
            extra=(f"{STAMPED}.Brandnew",),
            recased=(f"{STAMPED}.TaxType",),
            lacking=(f"{STAMPED}.TaxClasses.Exempt",),
            retyped=((f"{STAMPED}.Name", "int"),),
        ),
    )
    changes = Memory(one.lake, COMPANY).drift(EVOLVE, one.client.metadata("TX")).changes
    by = {change.what: change.path for change in changes}
    assert by[What.NEW] == "Brandnew"
    assert by[What.CASE] == "Taxtype"
    assert by[What.TYPE] == "Name"
    assert by[What.MISSING].startswith("TaxClasses.")
    with pytest.raises(SchemaDrift):
        read(one, EVOLVE)
    first, second = Memory(one.lake, COMPANY).history("TX")
    assert first.changes == ()
    assert len(second.changes) == len(changes)
    assert second.first_seen.startswith(str(TODAY))
    assert first.fingerprint != second.fingerprint
    upgrade(one, Release())
    read(one, EVOLVE)
    assert len(Memory(one.lake, COMPANY).history("TX")) == 3, "going back is a change too"


@pytest.mark.parametrize("what", [read, search])
def test_a_disk_that_takes_no_shape_is_said_so(one: House, monkeypatch: pytest.MonkeyPatch, what: Callable[[House, Entity], object]) -> None:
    read(one, EVOLVE)
    shutil.rmtree(one.lake.layout.shapes(COMPANY))
    one.lake = Lake(one.lake.root)
    still = Still.of(one.lake, EVOLVE)

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(shape, "write_whole", full)
        with pytest.raises(RetriableError, match="could not be read or written") as refused:
            what(one, EVOLVE)
    assert_says_what_to_do(refused.value, STAMPED)
    still.assert_unchanged()
    what(one, EVOLVE)


def test_order_and_capitals_make_no_other_fingerprint() -> None:
    one = _document('<Property Name="A" Type="Edm.String" /><Property Name="B" Type="Edm.Decimal" Precision="19" Scale="3" />')
    two = _document('<Property Name="b" Type="Edm.Decimal" Precision="19" Scale="3" /><Property Name="a" Type="Edm.String" />')
    other = _document('<Property Name="A" Type="Edm.String" /><Property Name="B" Type="Edm.Decimal" Precision="19" Scale="4" />')
    assert one == two
    assert one != other


def _document(properties: str) -> str:
    text = (
        f'<Schema Namespace="N"><EntityType Name="X">{properties}</EntityType>'
        '<EntityContainer Name="C"><EntitySet Name="TXX" EntityType="N.X" /></EntityContainer></Schema>'
    )
    return fingerprint({"TXX": structure_of("TXX", parse_metadata("TX", text.encode()))})


# --- evolve and hold ----------------------------------------------------------------------------------------------------------------------


def test_evolve_takes_in_what_still_means_the_same(one: House) -> None:
    read(one, EVOLVE)
    upgrade(one, Release(extra=(f"{STAMPED}.Brandnew",), recased=(f"{STAMPED}.Name",)))
    loaded = read(one, EVOLVE)
    assert loaded.publication is not None
    assert {c.what for c in loaded.drift.changes} == {What.NEW, What.CASE}
    one.check(EVOLVE)


def test_evolve_leaves_a_missing_likely_field_empty(one: House) -> None:
    entity = find("APVendors")
    likely = next(f.name for f in entity.fields if f.likely and f.name not in entity.key and f.name != "DateLastMaintained")
    one.world.replace_all(COMPANY, "APVendors", [{"VendorNumber": "1", likely: None, "DateLastMaintained": JANUARY}])
    read(one, entity)
    one.server.release = Release(lacking=(f"APVendors.{likely}",))
    one.client.metadata("AP", fresh=True)
    loaded = read(one, entity)
    assert [c.what for c in loaded.drift.changes] == [What.MISSING]
    assert one.lake.current(COMPANY, entity.root)[likely].to_pylist() == [None]


@pytest.mark.parametrize("entity", [EVOLVE, HOLD], ids=["evolve", "hold"])
def test_a_text_that_became_a_number_is_refused_and_never_coerced(one: House, entity: Entity) -> None:
    read(one, entity)
    still = Still.of(one.lake, entity)
    upgrade(one, RETYPED)
    with pytest.raises(SchemaDrift, match=r"Name is int32 .*`sage300 drift accept TXTaxAuthorities`"):
        read(one, entity)
    still.assert_unchanged()
    Memory(one.lake, COMPANY).accept(entity, structure_of(STAMPED, one.client.metadata("TX")), datetime.now(UTC))
    assert read(one, entity).publication is not None, "a person has looked at it: numbers are texts here"
    assert drift_of(one) == []


def test_hold_refuses_even_a_new_field_until_it_is_accepted(one: House) -> None:
    read(one, HOLD)
    upgrade(one, Release(extra=(f"{STAMPED}.Brandnew",)))
    with pytest.raises(SchemaDrift, match="Brandnew is new"):
        read(one, HOLD)
    assert read(one, EVOLVE).publication is not None
    Memory(one.lake, COMPANY).accept(HOLD, structure_of(STAMPED, one.client.metadata("TX")), datetime.now(UTC))
    assert read(one, HOLD).publication is not None


def test_hold_goes_by_what_the_server_has_now_and_not_by_what_is_remembered(one: House) -> None:
    with remembering(one) as client:
        read(one, HOLD, client=client)
    one.server.release = Release(extra=(f"{STAMPED}.Brandnew",))
    with remembering(one) as client:
        assert read(one, EVOLVE, client=client).drift.changes == (), "what is remembered is a few minutes old"
    with remembering(one) as client, pytest.raises(SchemaDrift, match="Brandnew is new"):
        read(one, HOLD, client=client)


def test_a_remembered_document_that_is_out_of_date_refuses_nothing(one: House) -> None:
    read(one, HOLD)
    upgrade(one, Release(extra=(f"{STAMPED}.Brandnew",)))
    one.server.release = Release()
    assert read(one, HOLD).publication is not None, "the server was asked again before it was refused"


def test_a_finer_scale_passes_while_each_value_fits(one: House) -> None:
    entity = find("APVendors")
    amount = next(f.name for f in entity.fields if f.type.name == "money")
    one.world.replace_all(COMPANY, "APVendors", [{"VendorNumber": "1", "DateLastMaintained": JANUARY}])
    read(one, entity)
    before = one.lake.current(COMPANY, entity.root)
    one.server.release = Release(rescaled=((f"APVendors.{amount}", 3),))
    one.client.metadata("AP", fresh=True)
    assert [c.what for c in read(one, entity).drift.changes] == [What.SCALE]
    assert one.lake.current(COMPANY, entity.root)[amount].to_pylist() == [Decimal("0.001")] != before[amount].to_pylist()
    one.server.release = Release(rescaled=((f"APVendors.{amount}", 5),))
    one.client.metadata("AP", fresh=True)
    with pytest.raises(DataError, match=rf"{amount}.* 5 decimals, 3 are declared"):
        read(one, entity)


def test_the_poll_goes_on_with_the_other_entities(one: House) -> None:
    groups = find("TXTaxGroups")
    read(one, EVOLVE)
    read(one, groups)
    upgrade(one, RETYPED)
    refused: list[str] = []
    poll(COMPANY, [EVOLVE, groups], one.client, one.lake, today=TODAY, zone=ZoneInfo("UTC"), on_refusal=lambda e, problem: refused.append(e.resource))
    assert refused == [STAMPED]
    with pytest.raises(SchemaDrift):
        poll(COMPANY, [EVOLVE], one.client, one.lake, today=TODAY, zone=ZoneInfo("UTC"))


# --- quarantine ---------------------------------------------------------------------------------------------------------------------------


def test_records_that_do_not_fit_go_aside_with_their_reason_and_come_back(one: House, world: Restless) -> None:
    world.plant(9, JANUARY, "", lines=2)  # a text without a number in it: it fits in both
    read(one, ASIDE)
    assert aside(one) == {}
    upgrade(one, RETYPED)
    loaded = read(one, ASIDE)
    assert loaded.publication is not None
    assert loaded.publication.quarantined == 6
    assert loaded.publication.vanished == 0
    assert loaded.source_rows == 7
    assert held(one, ASIDE) == {authority(9)}, "an older version that fitted is not what the source has now"
    unfit = aside(one)
    assert unfit.keys() == {authority(n) for n in range(6)}
    assert "the server has changed its type" in unfit[authority(3)][REASON]
    assert '"Name":3' in unfit[authority(3)][RAW]
    assert unfit[authority(3)]["business_date"] == JANUARY
    upgrade(one, Release())
    read(one, ASIDE)
    assert aside(one) == {}
    one.check(ASIDE)


def test_a_record_aside_is_no_deletion_and_one_that_is_deleted_leaves_the_quarantine(one: House, world: Restless) -> None:
    read(one, ASIDE)
    upgrade(one, RETYPED)
    read(one, ASIDE)
    assert search(one, ASIDE).gone == ()
    world.remove(2)
    found = search(one, ASIDE)
    assert found.gone == ((authority(2),),)
    assert aside(one).keys() == {authority(n) for n in (0, 1, 3, 4, 5)}
    world.remove(4)
    loaded = read(one, ASIDE)
    assert loaded.publication is not None
    assert loaded.publication.vanished == 1
    assert aside(one).keys() == {authority(n) for n in (0, 1, 3, 5)}


def test_a_record_aside_that_is_deleted_before_its_days_are_read_once_more_is_gone(one: House, world: Restless) -> None:
    for n in range(40):
        world.plant(n, date(2026, 1, 1) + timedelta(days=7 * n), "5" if n == 5 else "", lines=1)
    read(one, ASIDE)
    upgrade(one, RETYPED)
    loaded = read(one, ASIDE, watch=WhenRead(40, lambda: world.remove(5)))
    assert loaded.publication is not None
    assert len(loaded.publication.covers) > 1, "the window was read once more"
    assert (loaded.source_rows, loaded.publication.quarantined, loaded.publication.vanished) == (39, 0, 1)
    assert aside(one) == {}
    assert len(held(one, ASIDE)) == 39


def test_a_key_that_changed_its_type_cannot_be_put_aside(one: House) -> None:
    read(one, ASIDE)
    upgrade(one, Release(retyped=((f"{STAMPED}.TaxAuthorityKey", "int"),)))
    with pytest.raises(SchemaDrift, match="TaxAuthorityKey"):
        read(one, ASIDE)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(Restless(), page_size=3) as running:
        yield running


@settings(max_examples=8, deadline=None)
@given(rounds=st.lists(st.dictionaries(st.integers(0, 7), st.sampled_from(["fits", "unfit", "gone"]), min_size=1), min_size=2, max_size=4))
def test_a_quarantine_neither_loses_nor_doubles(server: Server, tmp_path_factory: pytest.TempPathFactory, rounds: list[dict[int, str]]) -> None:
    """Records come, stop fitting, are deleted and come again: each is in the table, aside, or gone, and nowhere twice."""
    world = server.world
    assert isinstance(world, Restless)
    world.replace_all(COMPANY, STAMPED, [])
    server.release = RETYPED
    house = House(server, settings_for(server, tmp_path_factory.mktemp(f"lake{next(_lakes)}")))
    # The shape that was accepted is the one before the upgrade.
    server.release = Release()
    read(house, ASIDE)
    upgrade(house, RETYPED)
    days = [JANUARY, date(2026, 2, 1), TODAY, None]
    try:
        for turn, changes in enumerate(rounds):
            for number, fate in changes.items():
                if fate == "gone":
                    world.remove(number)
                else:
                    world.plant(number, days[(turn + number) % 4], "" if fate == "fits" else f"{number}", lines=number % 3)
            truth = world.truth(COMPANY, STAMPED)
            loaded = read(house, ASIDE, accept_vanished=not truth)
            unfit = {row["TaxAuthorityKey"] for row in truth if row["Name"]}
            assert loaded.source_rows == len(truth)
            assert aside(house).keys() == unfit
            fitting = [{**row, "Name": None} for row in truth if row["TaxAuthorityKey"] not in unfit]
            assert_lake_equals(house.lake, fitting, COMPANY, ASIDE)
    finally:
        house.close()
        server.release = Release()
