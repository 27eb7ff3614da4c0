"""A simulated Anaplan model made of the declarations, and settings that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage300_assets.delivery.carry import Desk
from sage300_assets.delivery.deliver import Delivered
from sage300_assets.delivery.flow import Flow
from sage300_assets.delivery.plan import Plan
from sage300_assets.flows.anaplan.imports import IMPORTS
from sage300_assets.flows.anaplan.model import model_document
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.store import Ledger
from sage300_assets.simulators.anaplan import PASSWORD, USER, Server, blueprint_from
from sage300_assets.simulators.anaplan.model import Model
from sage300_assets_tests.models.conftest import Stock, stock

__all__ = ["stock"]
COMPANY = "SAMLTD"


def settings_for(server: Server, folder: Path) -> dict[str, str]:
    """The environment in which Anaplan is the simulator and nothing is remembered elsewhere."""
    return {
        "ANAPLAN_API_URL": server.api_url, "ANAPLAN_AUTH_URL": server.auth_url, "ANAPLAN_OAUTH_URL": server.oauth_url,
        "ANAPLAN_MODEL_ID": server.tenant.hub.model.id, "ANAPLAN_USERNAME": USER, "ANAPLAN_PASSWORD": PASSWORD,
        "ANAPLAN_STATE_FOLDER": str(folder / "anaplan"), "LEDGER_URL": f"sqlite:///{(folder / 'ledger.db').as_posix()}",
        "LAKE_URL": str(folder / "lake"), "SAGE300_COMPANIES": COMPANY,
    }  # fmt: skip


@dataclass
class Planning:
    """Everything between built models and a simulated Anaplan."""

    server: Server
    lake: Lake
    ledger: Ledger

    @property
    def model(self) -> Model:
        return self.server.tenant.model

    @property
    def desk(self) -> Desk:
        return Desk(self.lake, self.ledger, lambda: datetime.now(UTC))

    def deliver(self, flow: Flow) -> tuple[Plan, Delivered]:
        plan = self.desk.plan(flow, COMPANY)
        return plan, self.desk.carry_out(flow, plan, worker="test")


@pytest.fixture(scope="module")
def planning(stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planning]:
    folder = tmp_path_factory.mktemp("planning")
    own = stock.copy(folder / "lake")
    process = {"name": "100 Load vendors", "steps": [one.action for one in IMPORTS if one.name in ("vendor_groups", "vendors")]}
    with Server(blueprint_from({**model_document(IMPORTS), "processes": [process]}), task_seconds=0) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in settings_for(server, folder).items():
            patch.setenv(name, value)
        ledger = Ledger.at(f"sqlite:///{(folder / 'ledger.db').as_posix()}")
        yield Planning(server, own.lake, ledger)
        ledger.close()
