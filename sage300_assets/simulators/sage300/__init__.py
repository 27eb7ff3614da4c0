"""A Sage 300 Web API with invented companies, for the demo and the tests: as awkward as the real thing, and on this machine only."""

from __future__ import annotations

from sage300_assets.simulators.sage300.app import Call
from sage300_assets.simulators.sage300.faults import FaultBoard, describe_faults, faults_of_reading
from sage300_assets.simulators.sage300.release import Release
from sage300_assets.simulators.sage300.server import Server, run
from sage300_assets.simulators.sage300.world import World
from sage300_assets.simulators.sage300.writing.habits import Habits

__all__ = ["Call", "FaultBoard", "Habits", "Release", "Server", "World", "describe_faults", "faults_of_reading", "run"]
