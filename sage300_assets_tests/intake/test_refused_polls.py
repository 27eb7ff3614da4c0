"""An entity that cannot be asked about does not keep the others from being asked about."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.errors import AccessError, RetriableError, Sage300AssetsError
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Entity
from sage300_assets.intake.poll import poll
from sage300_assets_tests.house import COMPANY, House, open_house
from sage300_assets_tests.intake.test_sweep import read

VENDORS, CUSTOMERS, ITEMS, GROUPS = (find(name) for name in ("APVendors", "ARCustomers", "ICItems", "TXTaxGroups"))
ALL = (VENDORS, CUSTOMERS, ITEMS, GROUPS)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", days=3, page_size=500) as house:
        for entity in ALL:
            read(house, entity)
        yield house
        house.server.faults.clear()


def edit(one: House) -> None:
    """Someone edits a customer."""
    row = one.world.truth(COMPANY, "ARCustomers")[0]
    one.world.put(COMPANY, "ARCustomers", {**row, "CreditLimitCustomerCurrency": Decimal(4711), "DateLastMaintained": one.world.today})


def ask(one: House, entities: tuple[Entity, ...] = ALL) -> tuple[list[str], dict[str, type[Sage300AssetsError]]]:
    """Which entities have news, and which could not be asked about."""
    refused: dict[str, type[Sage300AssetsError]] = {}

    def hear(entity: Entity, refusal: Sage300AssetsError) -> None:
        refused[entity.resource] = type(refusal)

    found = poll(COMPANY, entities, one.client, one.lake, today=one.world.today, zone=ZoneInfo("UTC"), on_refusal=hear)
    return [touched.entity.resource for touched in found], refused


@pytest.mark.parametrize(("fault", "error"), [("forbidden", AccessError), ("bad_gateway", RetriableError), ("html_200", RetriableError)])
def test_what_is_refused_or_fails_is_said_and_the_others_are_asked_about(one: House, fault: str, error: type[Sage300AssetsError]) -> None:
    edit(one)
    one.server.faults.set(fault, times=None, resource="APVendors")
    news, refused = ask(one)
    assert news == ["ARCustomers"]
    assert refused.keys() == {"APVendors"}
    assert issubclass(refused["APVendors"], error)


def test_a_refused_password_ends_the_poll(one: House) -> None:
    one.server.faults.set("unauthorized", times=None, resource="APVendors")
    with pytest.raises(AccessError, match="401"):
        ask(one)


@pytest.mark.parametrize("fault", ["forbidden", "bad_gateway"])
def test_a_poll_that_learns_nothing_fails(one: House, fault: str) -> None:
    one.server.faults.set(fault, times=None)
    with pytest.raises(Sage300AssetsError):
        ask(one)


def test_a_server_that_is_down_is_not_asked_for_everything(one: House) -> None:
    one.server.faults.set("bad_gateway", times=None)
    before = len(one.server.calls)
    with pytest.raises(RetriableError):
        ask(one, ALL * 10)
    assert len(one.server.calls) - before < 20 * one.settings.sage300_tries
