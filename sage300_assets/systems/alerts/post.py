"""Carrying messages to their targets, each target for itself: what one of them does not take waits for the next time, and only for that one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sage300_assets.base.errors import Sage300AssetsError
from sage300_assets.systems.alerts.incident import Message
from sage300_assets.systems.alerts.memory import Waiting
from sage300_assets.systems.alerts.settings import Target

Send = Callable[[Target, Message], None]


@dataclass(frozen=True)
class Posted:
    """What became of the messages."""

    sent: int
    waiting: tuple[Waiting, ...]
    refusals: tuple[Sage300AssetsError, ...]
    untried: int = 0
    """Of what waits: messages for which there was no time."""


def addressed(messages: Iterable[Message], targets: Sequence[Target]) -> list[Waiting]:
    """Each message for each target that wants its severity, or has heard of the same before."""
    return [Waiting(target.name, message) for message in messages for target in targets if target.severities & {message.severity, *message.heard}]


def post(waiting: Iterable[Waiting], targets: Sequence[Target], send: Send, enough: Callable[[], bool] = lambda: False) -> Posted:
    """Try to send everything. A target that refuses one message is not asked again now, so that its messages keep their order.

    Once `enough` says so nothing more is tried. What was not tried comes first the next time, and what was refused after it, so that a target that
    keeps one waiting keeps nobody from the others. What waits for a target that is not in the settings any more is let go.
    """
    known = {target.name: target for target in targets}
    refusals: dict[str, Sage300AssetsError] = {}
    left: list[Waiting] = []
    sent = untried = 0
    for one in waiting:
        if one.target not in known:
            continue
        if one.target in refusals:
            left.append(one)
            continue
        if untried or enough():
            left.append(one)
            untried += 1
            continue
        try:
            send(known[one.target], one.message)
            sent += 1
        except Sage300AssetsError as refusal:
            refusals[one.target] = refusal
            left.append(one)
    left.sort(key=lambda one: one.target in refusals)
    return Posted(sent, tuple(left), tuple(refusals.values()), untried)
