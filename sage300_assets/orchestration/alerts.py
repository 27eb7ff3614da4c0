"""The sensor that tells people what went wrong, once per incident, and that it is over.

It reads what Dagster recorded, so no other room needs to call it: runs that failed, checks that did not pass, tables that are stale.
What a room may set to be heard better is in `orchestration/happenings.py`.

A tick remembers what it has read, and what it still owes to a target that did not take it: nobody gets a message twice, and a target that is dead
keeps nobody from hearing what comes. What is refused is an error in the tick's log. A tick that has nothing to remember, because nothing happened and
nothing could be sent, fails besides: so it shows in Dagster for as long as it lasts that somebody is not told. A tick that runs out of time, after an
outage perhaps, ends before Dagster ends it, and the next one goes on where it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

import dagster as dg

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import RetriableError
from sage300_assets.base.settings import Settings, load
from sage300_assets.catalogue.model import Entity
from sage300_assets.lake.lake import Lake
from sage300_assets.orchestration.happenings import happenings, older_news_from, stale
from sage300_assets.orchestration.simulated import HOME
from sage300_assets.systems.alerts.memory import Memory
from sage300_assets.systems.alerts.post import Posted, addressed, post
from sage300_assets.systems.alerts.settings import AlertSettings

SENSOR = "alerts"
_EVERY_SECONDS = 60

_READING_SECONDS, _SENDING_SECONDS = 15.0, 40.0
"""From the beginning of a tick. Dagster ends an evaluation after a minute, and forgets with it that messages were sent; one takes seconds."""
_MOST_BYTES = 5_000_000
"""Of all attachments together; many mail servers take no more than ten million."""
_NEWS = timedelta(days=2)
"""An older picture shows what was, not what is."""

ReadSettings = Callable[[], AlertSettings]


def alert_definitions(
    settings: Settings,
    entities: Sequence[Entity],
    read_settings: ReadSettings = lambda: load(AlertSettings),
    now: Callable[[], datetime] = utc_now,
) -> dg.Definitions:
    """The sensor, if there is anybody to tell."""
    if not read_settings().targets:
        return dg.Definitions()
    return dg.Definitions(sensors=[alert_sensor(read_settings, now, lambda: Lake.of(settings).exported_views())])


def alert_sensor(read_settings: ReadSettings, now: Callable[[], datetime], views: Callable[[], Iterable[Path]] = tuple) -> dg.SensorDefinition:
    """One sensor for everything; it starts no runs. `views` are files that may go with a message."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people of failed runs, failed checks and stale tables, once per incident, and when it is over. Starts no runs.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory = Memory.from_text(context.cursor)
        settings = read_settings()
        files = attached(views(), now()) if settings.alert_views else ()
        posted = look(context.instance, context.repository_def, memory, settings, now(), files)
        for refusal in posted.refusals:
            context.log.error(str(refusal))
        return dg.SensorResult(skip_reason=dg.SkipReason(_said(memory, posted)), cursor=memory.to_text())

    return alerts


def attached(views: Iterable[Path], now: datetime) -> tuple[Path, ...]:
    """The views that are of today or yesterday, as many as a mail may hold."""
    fresh = [path for path in views if now.timestamp() - path.stat().st_mtime <= _NEWS.total_seconds()]
    sizes = accumulate(path.stat().st_size for path in fresh)
    return tuple(path for path, together in zip(fresh, sizes, strict=True) if together <= _MOST_BYTES)


def look(
    instance: dg.DagsterInstance,
    repository: dg.RepositoryDefinition | None,
    memory: Memory,
    settings: AlertSettings,
    now: datetime,
    files: Sequence[Path] = (),
) -> Posted:
    """Find what is new, tell it, and remember it; raises if nothing is new, and nothing of what waits could be told."""
    from sage300_assets.systems.alerts.send import send  # noqa: PLC0415 - apprise takes half a second, and most processes send nothing

    began = time.monotonic()
    read_before = dict(memory.read_to)
    older_news = older_news_from(instance, now)  # asked first: a run that ends meanwhile is heard of now or under way then
    signals, all_read = happenings(instance, memory.read_to, now, lambda: time.monotonic() - began > _READING_SECONDS)
    memory.book.note(signals)
    if all_read:
        memory.book.forget_before(older_news)
    if repository is not None:
        stale(instance, repository, memory.book, now)
    messages = list(memory.book.messages(now, settings.every, settings.dagster_ui_url))
    posted = post(
        [*memory.waiting, *addressed(messages, settings.targets)],
        settings.targets,
        lambda target, message: send(target, message, () if message.over else files),
        lambda: time.monotonic() - began > _SENDING_SECONDS,
    )
    learned = bool(messages) or memory.read_to != read_before  # a tick that fails forgets it, and would have to learn it again and again
    if posted.refusals and not (posted.sent or posted.untried or learned):
        raise RetriableError(
            f"No alert could be sent, so {len(posted.waiting)} wait for the next time: {' '.join(str(one) for one in posted.refusals)}"
        )
    memory.waiting = list(posted.waiting)
    return posted


def remembered_here() -> Memory | None:
    """What the sensor of the Dagster of this folder remembers, or None if it never ran."""
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given) if given else HOME.absolute()
    if not home.is_dir():
        return None
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return remembered(instance)


def remembered(instance: dg.DagsterInstance) -> Memory | None:
    """What the sensor remembers, or None if it never ran."""
    for state in instance.all_instigator_state():
        if state.instigator_name == SENSOR and state.instigator_data is not None:
            return Memory.from_text(getattr(state.instigator_data, "cursor", None))
    return None


def _said(memory: Memory, posted: Posted) -> str:
    said = f"{posted.sent} messages sent, {len(memory.book.open)} incidents open"
    if posted.untried:
        said += f", {posted.untried} messages left to the next tick for want of time"
    return f"{said}. {' '.join(str(one) for one in posted.refusals)}" if posted.refusals else said
