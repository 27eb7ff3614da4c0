"""Jobs, refresh tasks and schedules."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sage300_assets.simulators.tableau.desk import Desk
from sage300_assets.simulators.tableau.errors import Refusal, missing, taken
from sage300_assets.simulators.tableau.listing import listed
from sage300_assets.simulators.tableau.routes import GONE, Asked, Reply, answered, route
from sage300_assets.simulators.tableau.site import Job, Schedule, Site, Source, Task
from sage300_assets.simulators.tableau.xml import Attributes, needed, node

S = "/sites/{site}"


@route("GET", S + "/jobs", "job.list")
def _jobs(asked: Asked) -> Reply:
    readers = {
        "status": lambda j: j.status,
        "jobType": _listed_kind,
        "createdAt": lambda j: j.created_at,
        "title": lambda j: j.target_name,
    }
    shown = [job for job in asked.site.jobs.values() if not (job.vanishes and job.completed_at)]
    return listed(asked.query, shown, readers, "backgroundJobs", lambda j: _draw_in_list(j, titled=asked.desk.habits.job_titles))


@route("GET", S + "/jobs/{job}", "job.get")
def _job(asked: Asked) -> Reply:
    job = _find(asked.site, asked.names["job"])
    if job.completed_at is None and not job.stuck:
        job.polls -= 1
        job.started_at = job.started_at or asked.desk.now()
        if job.polls < 0:
            asked.desk.finish(asked.site, job)
    if job.completed_at is not None and job.vanishes:
        del asked.site.jobs[job.id]
        raise Refusal(int(job.vanishes[:3]), job.vanishes[3:], "Resource Not Found", f"The job '{job.id}' could not be found.")
    return answered(draw_job(job))


@route("PUT", S + "/jobs/{job}", "job.cancel")
def _cancel(asked: Asked) -> Reply:
    job = _find(asked.site, asked.names["job"])
    if job.type != "RefreshExtract":
        raise Refusal(400, "033", "Bad Request", f"Jobs of type {job.type} cannot be cancelled.")
    if job.completed_at is None:
        job.completed_at, job.finish_code = asked.desk.now(), 2
    return answered(draw_job(job))


@route("POST", S + "/datasources/{source}/refresh", "refresh")
def _refresh(asked: Asked) -> Reply:
    source = asked.site.sources.get(asked.names["source"])
    if source is None:
        raise missing("data source", asked.names["source"])
    return answered(draw_job(refresh(asked.desk, asked.site, source, queued=asked.fault("refresh_queued") is not None)), status=202)


@route("GET", S + "/tasks/extractRefreshes", "tasks.list")
def _tasks(asked: Asked) -> Reply:
    return answered(node("tasks", None, *[node("task", None, _draw_task(t)) for t in asked.site.tasks.values()]))


@route("POST", S + "/tasks/extractRefreshes", "tasks.add")
def _add_task(asked: Asked) -> Reply:
    asked.must_administer("schedule refreshes")
    root = asked.xml
    given = needed(root, "extractRefresh")
    timetable = _schedule_of(asked.desk, root.find("schedule"), "")
    return answered(*_drawn_alone(_task(asked, asked.site, given, timetable, own=True)))


@route("GET", S + "/tasks/extractRefreshes/{task}", "tasks.get")
def _one_task(asked: Asked) -> Reply:
    return answered(node("task", None, _draw_task(_find_task(asked.site, asked.names["task"]))))


@route("POST", S + "/tasks/extractRefreshes/{task}/runNow", "tasks.run")
def _run(asked: Asked) -> Reply:
    task = _find_task(asked.site, asked.names["task"])
    job = refresh(asked.desk, asked.site, asked.site.sources[task.target_id], queued=asked.fault("refresh_queued") is not None)
    return answered(draw_job(job))


@route("DELETE", S + "/tasks/extractRefreshes/{task}", "tasks.remove")
def _remove_task(asked: Asked) -> Reply:
    del asked.site.tasks[_find_task(asked.site, asked.names["task"]).id]
    return GONE


@route("GET", "/schedules", "schedules.list")
def _schedules(asked: Asked) -> Reply:
    _only_on_server(asked)
    return listed(asked.query, asked.lagging([*asked.desk.world.schedules.values()]), {"name": lambda s: s.name}, "schedules", _draw_schedule_in_list)


@route("POST", "/schedules", "schedules.add")
def _add_schedule(asked: Asked) -> Reply:
    _only_on_server(asked)
    asked.must_administer("add schedules")
    given = needed(asked.xml, "schedule")
    name = given.get("name", "")
    if any(s.name == name for s in asked.desk.world.schedules.values()):
        raise taken("schedule", name)
    made = _schedule_of(asked.desk, given, name)
    asked.desk.world.schedules[made.id] = made
    return answered(_draw_schedule(made), status=201)


@route("GET", "/schedules/{schedule}", "schedules.get")
def _schedule(asked: Asked) -> Reply:
    return answered(_draw_schedule(_find_schedule(asked.desk, asked.names["schedule"])))


@route("PUT", "/schedules/{schedule}", "schedules.update")
def _update_schedule(asked: Asked) -> Reply:
    asked.must_administer("change schedules")
    known = _find_schedule(asked.desk, asked.names["schedule"])
    given = needed(asked.xml, "schedule")
    known.name = given.get("name", known.name)
    known.state = given.get("state", known.state)
    if given.find("frequencyDetails") is not None:
        other = _schedule_of(asked.desk, given, known.name)
        known.frequency, known.start, known.intervals = other.frequency, other.start, other.intervals
    known.updated_at = asked.desk.now()
    return answered(_draw_schedule(known))


@route("DELETE", "/schedules/{schedule}", "schedules.remove")
def _remove_schedule(asked: Asked) -> Reply:
    asked.must_administer("remove schedules")
    del asked.desk.world.schedules[_find_schedule(asked.desk, asked.names["schedule"]).id]
    return GONE


@route("GET", S + "/schedules/{schedule}/extracts", "schedules.extracts")
def _extracts(asked: Asked) -> Reply:
    known = _find_schedule(asked.desk, asked.names["schedule"])
    tasks = [t for t in asked.site.tasks.values() if t.schedule.id == known.id]
    return listed(asked.query, tasks, {}, "extracts", _draw_extract)


@route("PUT", S + "/schedules/{schedule}/datasources", "schedules.attach")
def _attach(asked: Asked) -> Reply:
    known = _find_schedule(asked.desk, asked.names["schedule"])
    given = needed(asked.xml, "task/extractRefresh")
    task = _task(asked, asked.site, given, known, own=False)
    inside = node("extractRefresh", None, node("schedule", {"id": known.id}), node("datasource", {"id": task.target_id}))
    return answered(node("task", None, inside))


def refresh(desk: Desk, site: Site, source: Source, *, queued: bool = False) -> Job:
    """Begin to refresh an extract."""
    if not source.is_extract:
        raise Refusal(409, "090", "Resource Conflict", "Extract operation is not allowed: the data source has nothing to refresh from.")
    running = any(j.type == "RefreshExtract" and j.target_id == source.id and j.completed_at is None for j in site.jobs.values())
    if running or queued:
        raise Refusal(409, "093", "Resource Conflict", f"Job for '{source.name}' is already queued. Not queuing a duplicate.")
    desk.event(site, "datasource-refresh-started", "EXTRACTS", source.name, source.id)

    def work() -> None:
        source.updated_at = desk.now()
        desk.event(site, "datasource-refresh-succeeded", "EXTRACTS", source.name, source.id)

    return desk.start_job(site, "RefreshExtract", work, target=("datasource", source.id, source.name))


_INNER = {"RefreshExtract": "extractRefreshJob", "UpdateUploadedFile": "updateUploadedFileJob"}


def draw_job(job: Job) -> ET.Element:
    """A job as XML."""
    done = job.completed_at is not None
    code = job.finish_code if done else 0 if job.early and job.started_at else 1
    target = node(job.target_kind, {"id": job.target_id, "name": job.target_name}) if job.target_kind and job.type in _INNER else None
    connection = node("connectionLuid", text=job.connection) if job.connection else None
    notes = node("notes", text=job.notes) if job.notes else None
    inner = node(_INNER.get(job.type, "extractRefreshJob"), None, target, connection, notes) if target is not None or notes is not None else None
    status = None
    if done and job.error_code:
        text = f"The work failed (errorCode={job.error_code})"
        status = node("statusNotes", None, node("statusNote", {"type": "errorCode", "value": job.error_code, "text": text}))
    shown: Attributes = {"id": job.id, "mode": "Asynchronous", "type": job.type, "progress": 100 if done else 0, "createdAt": job.created_at}
    times: Attributes = {"startedAt": job.started_at, "completedAt": job.completed_at, "finishCode": code}
    return node("job", {**shown, **times}, inner, status)


def _listed_kind(job: Job) -> str:
    """The list spells kinds otherwise than the job itself: refresh_extracts."""
    spelled = "".join(f"_{c.lower()}" if c.isupper() else c for c in job.type).lstrip("_")
    return "refresh_extracts" if job.type == "RefreshExtract" else spelled


def _draw_in_list(job: Job, *, titled: bool) -> ET.Element:
    shown: Attributes = {"id": job.id, "status": job.status, "createdAt": job.created_at, "startedAt": job.started_at, "endedAt": job.completed_at}
    title: Attributes = {"title": job.target_name, "subtitle": ""} if titled else {}
    return node("backgroundJob", {**shown, "priority": 50, "jobType": _listed_kind(job), **title})


def _draw_task(task: Task) -> ET.Element:
    kind = "IncrementExtractTask" if task.kind == "IncrementalRefresh" else "RefreshExtractTask"
    shown: Attributes = {"id": task.id, "priority": 50, "consecutiveFailedCount": task.failures, "type": kind}
    return node(
        "extractRefresh",
        shown,
        _draw_schedule(task.schedule, own=True) if task.own_schedule else _draw_schedule_in_list(task.schedule),
        node(task.target_kind, {"id": task.target_id}),
    )


def _drawn_alone(task: Task) -> tuple[ET.Element, ET.Element]:
    inside = node("extractRefresh", {"id": task.id, "priority": 50, "type": task.kind}, node(task.target_kind, {"id": task.target_id}))
    return inside, _draw_schedule(task.schedule, own=True)


def _draw_extract(task: Task) -> ET.Element:
    return node("extract", {"id": task.id, "priority": 50, "type": task.kind}, node(task.target_kind, {"id": task.target_id}))


def _draw_schedule_in_list(schedule: Schedule) -> ET.Element:
    """A list does not say when; the schedule itself does."""
    drawn = _draw_schedule(schedule)
    drawn.remove(needed(drawn, "frequencyDetails"))
    return drawn


def _draw_schedule(schedule: Schedule, *, own: bool = False) -> ET.Element:
    intervals = node("intervals", None, *[node("interval", {name: value}) for name, value in schedule.intervals]) if schedule.intervals else None
    details = node("frequencyDetails", {"start": schedule.start}, intervals)
    if own:
        return node("schedule", {"frequency": schedule.frequency}, details)
    shown: Attributes = {"id": schedule.id, "name": schedule.name, "state": schedule.state, "priority": schedule.priority, "type": schedule.kind}
    times: Attributes = {"createdAt": schedule.created_at, "updatedAt": schedule.updated_at}
    return node("schedule", {**shown, **times, "frequency": schedule.frequency, "executionOrder": schedule.order}, details)


def _task(asked: Asked, site: Site, given: ET.Element, timetable: Schedule, *, own: bool) -> Task:
    target = given.find("datasource")
    key = "" if target is None else target.get("id", "")
    if key not in site.sources:
        raise missing("data source", key)
    if not site.sources[key].is_extract:
        raise Refusal(409, "090", "Resource Conflict", "Extract operation is not allowed: the data source has nothing to refresh from.")
    if any((t.target_id, t.schedule.id) == (key, timetable.id) for t in site.tasks.values()):
        raise Refusal(409, "004", "Resource Conflict", "The data source is refreshed by this schedule already.")
    task = Task(asked.desk.world.new_id(), "datasource", key, given.get("type", "FullRefresh"), timetable, own)
    site.tasks[task.id] = task
    return task


def _schedule_of(desk: Desk, given: ET.Element | None, name: str) -> Schedule:
    if given is None:
        raise Refusal(400, "000", "Bad Request", "Payload is either malformed or incomplete: schedule is missing")
    details = needed(given, "frequencyDetails")
    intervals = [pair for interval in details.iter("interval") for pair in interval.attrib.items()]
    made = Schedule(desk.world.new_id(), name, given.get("type", "Extract"), given.get("frequency", ""), details.get("start", ""), intervals)
    if made.frequency not in {"Hourly", "Daily", "Weekly", "Monthly"} or not made.start:
        raise Refusal(400, "013", "Bad Request", f"Invalid schedule: frequency {made.frequency!r}, start {made.start!r}")
    made.created_at = made.updated_at = desk.now()
    return made


def _only_on_server(asked: Asked) -> None:
    if asked.desk.habits.cloud:
        raise Refusal(403, "157", "Forbidden", "Schedules are not available on this site.")


def _find(site: Site, key: str) -> Job:
    if key not in site.jobs:
        raise Refusal(404, "031", "Resource Not Found", f"The job '{key}' could not be found.")
    return site.jobs[key]


def _find_task(site: Site, key: str) -> Task:
    if key not in site.tasks:
        raise missing("task", key)
    return site.tasks[key]


def _find_schedule(desk: Desk, key: str) -> Schedule:
    if key not in desk.world.schedules:
        raise missing("schedule", key)
    return desk.world.schedules[key]
