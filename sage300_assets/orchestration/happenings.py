"""What Dagster recorded, as signals for the alerts.

What a room may set, and nobody has to:

=====================================  ==========================================================================================
on an asset check result, metadata     ``alert``: ``critical``, ``warning`` or ``off``, instead of what its severity says (ERROR is critical)
..                                     ``incident``: a few words; checks with the same words, of one company, are one incident
on a run or its job, tag               ``alert``: ``warning`` or ``off``, instead of critical
=====================================  ==========================================================================================

Without ``incident`` the failed checks of one name and company are one incident; failed runs of one company are one. A check that passes ends what
it is part of. So does a step that succeeds, for the days that it read and whatever run it stands in: a failed backfill of a year is not mended by
today's run, and one of all companies is mended by runs of each. What a schedule asked for is mended by its next run too, as that asks for what was
left out. So drift, reconciliation differences and dead letters need no more than a check that fails. A run that Dagster starts again by itself is
not told; a run that a person cancels neither.

A run is heard of when it ends, and it may have begun hours before others that were heard of already. What counts is when something happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from sage300_assets.systems.alerts.incident import Book, Severity, Signal, Work

_FIRST_LOOK = timedelta(hours=24)
_ENDS = {"failed": dg.DagsterEventType.RUN_FAILURE, "succeeded": dg.DagsterEventType.RUN_SUCCESS, "cancelled": dg.DagsterEventType.RUN_CANCELED}
_OF_A_RUN = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.MANAGED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING,
]  # fmt: skip
_LONGEST_RUN = timedelta(days=7)
"""A run that is under way for longer is one that nobody will hear of."""
_PAGE = 50
_WHOLE_RUN = "the run itself"
_RUNS = "runs:"
"""So begin the keys of what is wrong with runs. A step has the same name in all of them, and names its company itself."""
_STALE = {"WARN": Severity.WARNING, "FAIL": Severity.CRITICAL}


def happenings(
    instance: dg.DagsterInstance, read_to: dict[str, str], now: datetime, enough: Callable[[], bool] = lambda: False
) -> tuple[list[Signal], bool]:
    """Signals of the runs that ended since the last look, and whether these are all; `read_to` is moved on.

    Once `enough` says so the rest is left to the next look; one page of each kind is read in any case.
    """
    found: list[Signal] = []
    all_read = True
    for end, event_type in _ENDS.items():
        more = True
        while more:
            runs, more = _ended(instance, end, event_type, read_to, now)
            for run_id, at in runs:
                run = instance.get_run_by_id(run_id)
                if run is not None:
                    found += _of_run(instance, run, end, at)
            if more and enough():
                all_read = False
                break
    return found, all_read


def older_news_from(instance: dg.DagsterInstance, now: datetime) -> datetime:
    """Since when something may have happened that nobody has heard of yet: since the oldest run that is under way began."""
    oldest = instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY), limit=1, ascending=True)
    return max(now - _LONGEST_RUN, oldest[0].create_timestamp) if oldest else now


def stale(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition, book: Book, now: datetime) -> None:
    """Bring the incidents of stale tables to what Dagster says of them now."""
    graph = repository.asset_graph
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy is not None]
    states = instance.get_freshness_state_records(keys) if keys else {}
    names = {key.to_user_string() for key in keys}
    for incident in [one for one in book.open.values() if one.key.startswith("stale:")]:
        book.forget(incident.key, set(incident.members) - names)
    signals = []
    for key in keys:
        state = states[key].freshness_state.value if key in states else "UNKNOWN"
        company, name = key.path[0], key.to_user_string()
        open_one = book.open.get(f"stale:{company}")
        if state in _STALE:
            said = "later than it may be" if state == "FAIL" else "late"
            signals.append(
                Signal(f"stale:{company}", name, now, f"{company.upper()}: tables are stale", said, f"/assets/{name}", severity=_STALE[state])
            )
        elif state == "PASS" and open_one is not None and name in open_one.members:
            signals.append(Signal(f"stale:{company}", name, now))
    book.note(signals)


def _ended(
    instance: dg.DagsterInstance, end: str, event_type: dg.DagsterEventType, read_to: dict[str, str], now: datetime
) -> tuple[list[tuple[str, datetime]], bool]:
    """A page of runs that ended in this way, and whether there are more."""
    since = (now - _FIRST_LOOK).timestamp()
    wanted = dg.RunStatusChangeRecordsFilter(event_type, after_timestamp=since)  # type: ignore[arg-type]
    result = instance.fetch_run_status_changes(wanted if end not in read_to else event_type, limit=_PAGE, cursor=read_to.get(end), ascending=True)
    if result.records:
        read_to[end] = result.cursor
    runs = [(record.event_log_entry.run_id, datetime.fromtimestamp(record.event_log_entry.timestamp, UTC)) for record in result.records]
    return runs, result.has_more


def _of_run(instance: dg.DagsterInstance, run: dg.DagsterRun, end: str, at: datetime) -> Iterator[Signal]:
    company, link = _company(run), f"/runs/{run.run_id}"
    incident = f"{_RUNS}{company}"
    severity = _severity(run.tags.get("alert"), Severity.CRITICAL)
    work = _work(run)
    started: dict[str, tuple[str, datetime]] = {}
    for entry in _entries(instance, run.run_id):
        event = entry.get_dagster_event()
        moment = datetime.fromtimestamp(entry.timestamp, UTC)
        step = event.step_key or ""
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            yield _of_check(event.asset_check_evaluation_data, moment, link)
        elif event.event_type is dg.DagsterEventType.STEP_START:
            started[step] = "it broke off", at
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            started[step] = _cause(event), moment
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            started.pop(step, None)
            yield Signal(incident, step, moment, work=work, family=_RUNS)
    whole = f"{run.job_name} ({_WHOLE_RUN})"
    if end == "succeeded":
        yield Signal(incident, whole, at)
    if end == "failed" and severity is not None and run.tags.get("dagster/will_retry") != "true":
        title = f"{company.upper()}: a run failed"
        for step, (why, when) in started.items():
            yield Signal(incident, step, when, title, why, link, severity, work, _RUNS)
        if not started:
            # Nobody knows which of its steps are lacking, so any later success of the job will do.
            yield Signal(incident, whole, at, title, "it failed before its first step", link, severity)


def _of_check(result: dg.AssetCheckEvaluation, at: datetime, link: str) -> Signal:
    company, name = result.asset_key.path[0], result.asset_key.to_user_string()
    words = _text(result.metadata, "incident") or result.check_name
    severity = _severity(_text(result.metadata, "alert"), Severity.CRITICAL if result.severity is dg.AssetCheckSeverity.ERROR else Severity.WARNING)
    title = f"{company.upper()}: {words.replace('_', ' ')}"
    member = f"{name} ({result.check_name})"
    return Signal(f"check:{company}:{words}", member, at, title, result.description or "it did not pass", link, None if result.passed else severity)


def _entries(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.EventLogEntry]:
    cursor = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=_OF_A_RUN, limit=1000)
        yield from (record.event_log_entry for record in page.records)
        cursor = page.cursor
        if not page.has_more:
            return


def _work(run: dg.DagsterRun) -> Work:
    """Which days a run was for, and which schedule asked for it."""
    one = run.tags.get("dagster/partition", "")
    first, last = run.tags.get("dagster/asset_partition_range_start", one), run.tags.get("dagster/asset_partition_range_end", one)
    schedule = run.tags.get("dagster/schedule_name", "")
    try:
        return Work(((date.fromisoformat(first), date.fromisoformat(last)),), schedule)
    except ValueError:
        return Work((), schedule)  # no days, as of what has no partitions


def _company(run: dg.DagsterRun) -> str:
    if "company" in run.tags:
        return run.tags["company"]
    first = {key.path[0] for key in run.asset_selection or ()}
    return first.pop() if len(first) == 1 else run.job_name


def _severity(asked: str | None, otherwise: Severity) -> Severity | None:
    return {"critical": Severity.CRITICAL, "warning": Severity.WARNING, "off": None}.get((asked or "").lower(), otherwise)


def _text(metadata: Mapping[str, dg.MetadataValue], name: str) -> str:
    value = metadata[name].value if name in metadata else ""
    return value if isinstance(value, str) else ""


def _cause(event: dg.DagsterEvent) -> str:
    """What the step said of its failure, rather than what lies behind that."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    if error is not None and error.cls_name == "DagsterExecutionStepExecutionError" and error.cause is not None:
        error = error.cause
    return error.message if error is not None else "it failed"
