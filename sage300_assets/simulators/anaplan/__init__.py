"""An Anaplan tenant with invented models, for the demo and the tests: as awkward as the real thing, and on this machine only."""

from __future__ import annotations

from sage300_assets.simulators.anaplan.blueprint import Blueprint, blueprint_from
from sage300_assets.simulators.anaplan.clock import StoppedClock
from sage300_assets.simulators.anaplan.faults import FaultBoard, describe_faults
from sage300_assets.simulators.anaplan.guard import OAuthClient
from sage300_assets.simulators.anaplan.sample import SAMPLE
from sage300_assets.simulators.anaplan.server import Server
from sage300_assets.simulators.anaplan.tenant import CODE_CLIENT, CODE_REDIRECT, CODE_SECRET, DEVICE_CLIENT, PASSWORD, SECOND_USER, USER

__all__ = [
    "CODE_CLIENT",
    "CODE_REDIRECT",
    "CODE_SECRET",
    "DEVICE_CLIENT",
    "PASSWORD",
    "SAMPLE",
    "SECOND_USER",
    "USER",
    "Blueprint",
    "FaultBoard",
    "OAuthClient",
    "Server",
    "StoppedClock",
    "blueprint_from",
    "describe_faults",
]
