"""A site, a ledger and a lake with built models, and what carries one to the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sage300_assets.base.watch import NOBODY, Nobody, Watch
from sage300_assets.catalogue import find
from sage300_assets.delivery.carry import Desk
from sage300_assets.delivery.deliver import Delivered
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import Plan
from sage300_assets.flows.tableau import all_sources
from sage300_assets.flows.tableau.offer import Door, flow_of
from sage300_assets.ledger.keeper import Keeper
from sage300_assets.ledger.store import Ledger
from sage300_assets.systems.tableau.description import DataSource
from sage300_assets_tests.delivery.conftest import empty_ledger  # noqa: F401 - a fixture
from sage300_assets_tests.models.conftest import Stock, stock  # noqa: F401 - a fixture
from sage300_assets_tests.models.pantry import put
from sage300_assets_tests.systems.tableau.conftest import hyper  # noqa: F401 - a fixture
from sage300_assets_tests.tableau_house import House, open_house

VENDORS = 'SELECT "company", "vendor", "vendor_name" FROM "Extract"."dim_vendor" ORDER BY 1, 2'
Rows = list[tuple[object, ...]]


def source_called(name: str) -> DataSource:
    return next(source for source in all_sources() if source.name == name)


@dataclass
class Steps(Nobody):
    """Remembers what was done."""

    names: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.names.append(name)


@dataclass
class Press:
    """Everything that one publication needs."""

    house: House
    stock: Stock
    ledger: Ledger
    source: DataSource

    @property
    def flow(self) -> Flow:
        return flow_of(self.source, "Finance", Door(lambda: self.house.settings, self.house.clock, self.house.clock.wait))

    @property
    def desk(self) -> Desk:
        return Desk(self.stock.lake, self.ledger, self.house.clock, Keeper(self.ledger, self.house.clock))

    def plan(self) -> Plan:
        return self.desk.plan(self.flow, "", run="test")

    def deliver(self, plan: Plan | None = None, watch: Watch = NOBODY, worker: str = "one") -> Delivered:
        return self.desk.carry_out(self.flow, plan or self.plan(), worker=worker, run="test", watch=watch)

    def published(self, sql: str = VENDORS) -> Rows:
        """Rows inside the file that the site has."""
        return self.house.numbers(self.source.name, sql)

    def modelled(self, sql: str = VENDORS) -> Rows:
        """The same question to the models."""
        with self.stock.lake.look_at_models() as db:
            return db.execute(sql.replace('"Extract".', "models.")).fetchall()

    def calls(self, name: str) -> int:
        return self.house.server.made(name)

    def rename_a_vendor(self, name: str, *, drop: int = 0) -> None:
        """Sage 300 says something new of one vendor, and the models are built."""
        entity, company = find("APVendors"), "SAMLTD"
        first, *others = self.stock.world.truth(company, entity.resource)
        put(self.stock.lake, company, entity, [{**first, "VendorName": name}, *others[drop:]], self.stock.world.today)
        self.stock.build("dim_vendor")

    def change_a_document(self, description: str) -> None:
        """Sage 300 says something new of one vendor document, and the models are built."""
        entity, company = find("APPostedDocuments"), "SAMLTD"
        first, *others = self.stock.world.truth(company, entity.resource)
        put(self.stock.lake, company, entity, [{**first, "DocumentDescription": description}, *others], self.stock.world.today)
        self.stock.build("fact_ap_document")

    def with_source(self, **changes: object) -> Press:
        return replace(self, source=replace(self.source, **changes))  # type: ignore[arg-type]


@pytest.fixture
def press(stock: Stock, tmp_path: Path, empty_ledger: Path) -> Iterator[Press]:  # noqa: F811 - a fixture
    place = shutil.copy(empty_ledger, tmp_path / "ledger.db")
    ledger = Ledger.at(f"sqlite:///{Path(place).as_posix()}")
    with open_house(tmp_path / "house") as house:
        yield Press(house, stock.copy(tmp_path / "lake"), ledger, source_called("Vendors"))
    ledger.close()
