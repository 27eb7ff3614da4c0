"""Running imports, exports, processes and actions: started once, followed to their end, judged by what they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sage300_assets.base.errors import BadAnswer, PermanentError, Sage300AssetsError, UnknownOutcome
from sage300_assets.base.transport import Request
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.systems.anaplan.client import AnaplanClient, Named
from sage300_assets.systems.anaplan.download import pieces
from sage300_assets.systems.anaplan.failures import Json, parse
from sage300_assets.systems.anaplan.results import DumpReader, Result, parse_result

Runnable = Literal["imports", "exports", "processes", "actions"]
FIRST_LOOK = 5.0
"""Seconds between two looks at a task at the least, as the vendor asks."""
SLOWEST_LOOK = 30.0
SETTLE_SECONDS = 5.0
_GOES_ON = frozenset({"NOT_STARTED", "IN_PROGRESS", "CANCELLING"})
SKEW_SECONDS = 120.0
"""How far our clock and Anaplan's may be apart."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A member chosen for a dimension that asks for one each time; in a process perhaps for one import only."""

    dimension: str
    member: str
    import_id: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A run that was started."""

    kind: Runnable
    object: Named
    id: str
    adopted: bool = False
    """Whether its start was found out from the list of tasks, because the answer was lost."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended."""

    task: Task
    cancelled: bool
    result: Result


def start(client: AnaplanClient, kind: Runnable, what: Named, choices: Sequence[Choice] = ()) -> Task:
    """Start a run, once. When the answer is lost, the list of tasks is asked before anything is sent again."""
    address = f"{client.model}/{kind}/{what.id}/tasks"
    said = f"Anaplan start of {what.name}"
    before = {str(t.get("taskId")) for t in _listed(client, address, said)}
    began = client.clock()
    body: dict[str, object] = {"localeName": "en_US"}
    if choices:
        body["mappingParameters"] = [
            {"entityType": c.dimension, "entityName": c.member, **({"importId": c.import_id} if c.import_id else {})} for c in choices
        ]
    try:
        return Task(kind, what, _task_id(parse(client.post(address, body, said, repeatable=False), said), said))
    except (UnknownOutcome, BadAnswer) as lost:
        client.wait(SETTLE_SECONDS)
        try:
            new = [t for t in _listed(client, address, said) if str(t.get("taskId")) not in before and _is_since(t, began)]
        except Sage300AssetsError as trouble:
            raise UnknownOutcome(
                f"{said}: whether it was started is not known, and the list of tasks cannot be read. {lost.message} {trouble.message}",
                cure="Look at what the import has done; when it has done nothing, start it again.",
            ) from lost
        if not new:
            # The list knows nothing of tasks of a model that was unloaded meanwhile: that it is empty proves nothing.
            raise UnknownOutcome(
                f"{said}: whether it was started is not known, and the list of tasks shows no new one. {lost.message}",
                cure="Look at what the import has done; when it has done nothing, start it again.",
            ) from lost
        first = min(new, key=lambda t: str(t.get("creationTime") or ""))
        return Task(kind, what, str(first.get("taskId")), adopted=True)


def is_running(client: AnaplanClient, kind: Runnable, what: Named) -> bool:
    """Whether a run of it waits or goes on; also one that somebody else has started."""
    tasks = _listed(client, f"{client.model}/{kind}/{what.id}/tasks", f"Anaplan tasks of {what.name}")
    return any(str(task.get("taskState")) in _GOES_ON for task in tasks)


def _listed(client: AnaplanClient, address: str, said: str) -> list[Json]:
    return list(client.rows(address, "tasks", said))


def _is_since(task: Json, began: float) -> bool:
    created = task.get("creationTime")
    return not isinstance(created, int) or created / 1000 >= began - SKEW_SECONDS


def _task_id(body: Json, said: str) -> str:
    task = body.get("task")
    found = (task if isinstance(task, dict) else body).get("taskId")
    if not found:
        raise BadAnswer(f"{said}: the answer names no task.")
    return str(found)


def follow(client: AnaplanClient, task: Task, watch: Watch = NOBODY) -> Ended:
    """Wait for the end of a run. There is no state for a failure: one that failed is complete, and its result says so."""
    address = f"{client.model}/{task.kind}/{task.object.id}/tasks/{task.id}"
    said = f"Anaplan run of {task.object.name}"
    pause = FIRST_LOOK
    while True:
        try:
            found = parse(client.get(address, said), said).get("task")
        except PermanentError as gone:
            if gone.status != 404:
                raise
            raise UnknownOutcome(
                f"{said}: Anaplan does not know the task any more; the model was unloaded, and nobody can tell how it ended.",
                cure="Look at what it has done, and run it again if that is not all.",
            ) from gone
        state = str(found.get("taskState")) if isinstance(found, dict) else ""
        if isinstance(found, dict) and state in ("COMPLETE", "CANCELLED"):
            return Ended(task, state == "CANCELLED", _judged(client, task, found))
        if state not in _GOES_ON:
            raise BadAnswer(f"{said}: {state or 'no'} state is not one that a task has.")
        watch.step(state.lower())
        client.wait(pause)
        pause = min(SLOWEST_LOOK, pause * 1.3)


def cancel(client: AnaplanClient, task: Task) -> None:
    """Ask for a run to be rolled back; `follow` waits until it is."""
    address = f"{client.model}/{task.kind}/{task.object.id}/tasks/{task.id}"
    client.send(Request("DELETE", address, repeatable=True), f"Anaplan cancellation of {task.object.name}")


def run(client: AnaplanClient, kind: Runnable, what: Named, choices: Sequence[Choice] = (), watch: Watch = NOBODY) -> Ended:
    """Start a run and wait for its end."""
    return follow(client, start(client, kind, what, choices), watch)


def _judged(client: AnaplanClient, task: Task, found: Json) -> Result:
    result = found.get("result")
    if not isinstance(result, dict):
        # Cancelled runs have none.
        return Result(task.object.id, task.object.name, successful=False, has_dump=False, details=(), nested=())
    parsed = parse_result(result)
    named = replace(parsed, name=parsed.name or task.object.name)
    if named.nested:
        known = {one.id: one.name for one in client.named("imports")} if any(not n.name for n in named.nested) else {}
        return replace(named, nested=tuple(_with_dump(client, task, replace(n, name=n.name or known.get(n.object_id, ""))) for n in named.nested))
    return _with_dump(client, task, named)


def _with_dump(client: AnaplanClient, task: Task, step: Result) -> Result:
    """Fetch the refused rows at once: the next run of the same import overwrites them."""
    if not step.has_dump:
        return step
    root = f"{client.model}/{task.kind}/{task.object.id}/tasks/{task.id}"
    address = f"{root}/dumps/{step.object_id}" if task.kind == "processes" else f"{root}/dump"
    said = f"Anaplan refused rows of {step.name or step.object_id}"
    content = b"".join(pieces(client, address, said))
    return replace(step, rejected=tuple(DumpReader(said, _separator(content)).rows(content)))


def _separator(content: bytes) -> str:
    """The separator of a dump is that of the file that was sent; every field is quoted, so it stands behind the first one."""
    begin = content.lstrip(b"\xef\xbb\xbf")
    end = begin.find(b'"', 1)
    return chr(begin[end + 1]) if 0 < end < len(begin) - 1 and begin[end + 1 : end + 2] in b",;\t|" else ","
