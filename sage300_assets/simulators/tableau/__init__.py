"""A Tableau Server with an invented site, for the demo and the tests: as awkward as the real thing, and on this machine only."""

from __future__ import annotations

from sage300_assets.simulators.tableau.app import Call
from sage300_assets.simulators.tableau.desk import Habits
from sage300_assets.simulators.tableau.faults import FaultBoard, describe_faults
from sage300_assets.simulators.tableau.server import Server
from sage300_assets.simulators.tableau.world import World

__all__ = ["Call", "FaultBoard", "Habits", "Server", "World", "describe_faults"]
