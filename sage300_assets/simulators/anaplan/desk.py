"""Answers requests about one model."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from sage300_assets.simulators.anaplan import catalogue
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.files import StoredFile
from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.model import MemberList, Misfit, Module
from sage300_assets.simulators.anaplan.reading import ReadRequest, ReadRequests, members_csv
from sage300_assets.simulators.anaplan.replies import Paging, Refusal, Reply, collection, envelope, plain
from sage300_assets.simulators.anaplan.tasks import Task
from sage300_assets.simulators.anaplan.transactional import change_members, write_cells

Json = dict[str, Any]
OCTETS = "application/octet-stream"
NUMBER = r"\d{1,9}"
KINDS = "imports|exports|processes|actions"
MOST_ITEMS = 100_000
LARGEST_CHUNK = 50 * 1024 * 1024
EXPORT_TYPES = ("TABULAR_SINGLE_COLUMN", "TABULAR_MULTI_COLUMN", "GRID_ALL_PAGES")
TASK_LIST = re.compile(rf"(?:{KINDS})/\d+/tasks")
"""Lists of tasks are empty, and no error, also for what is not there."""
_WHILE_BUSY = re.compile(rf"(?:{KINDS})(?:/\d+(?:/tasks(?:/.*)?)?)?|status|open|close")
"""What answers while an action holds the model: metadata of actions, tasks, dumps, the state."""


@dataclass(frozen=True)
class Ask:
    """A request that has been let in."""

    method: str
    path: str
    rest: str
    """Below the model."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: str

    def json(self) -> Any:  # noqa: ANN401 - whatever a client sends
        """The body."""
        try:
            return json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as problem:
            raise Refusal(400, "The request body cannot be read") from problem

    def object(self) -> Json:
        """The body, which must be an object."""
        found = self.json()
        if not isinstance(found, dict):
            raise Refusal(400, "The request body must be an object")
        return found


class ModelDesk:
    """Serves one model."""

    def __init__(self, hub: Hub, faults: FaultBoard, clock: Clock, chunk_size: int) -> None:
        self.hub = hub
        self.chunk_size = chunk_size
        self.current_period = ""
        self._reads = ReadRequests(clock, hub.queue.seconds, chunk_size)
        self._faults = faults
        self._clock = clock
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Reply]]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", r"files", self._files),
                ("POST", r"files/([^/]+)", self._set_chunks),
                ("PUT", r"files/([^/]+)", self._put_file),
                ("GET", r"files/([^/]+)", self._get_file),
                ("DELETE", r"files/([^/]+)", self._delete_file),
                ("PUT", rf"files/([^/]+)/chunks/({NUMBER})", self._put_chunk),
                ("POST", r"files/([^/]+)/complete", self._complete),
                ("GET", r"files/([^/]+)/chunks", self._chunks),
                ("GET", rf"files/([^/]+)/chunks/({NUMBER})", self._chunk),
                ("GET", rf"({KINDS})", self._actions),
                ("GET", rf"({KINDS})/(\d+)", self._metadata),
                ("POST", rf"({KINDS})/(\d+)/tasks", self._start),
                ("GET", rf"({KINDS})/(\d+)/tasks", self._tasks),
                ("GET", rf"({KINDS})/(\d+)/tasks/(\w+)", self._task),
                ("DELETE", rf"({KINDS})/(\d+)/tasks/(\w+)", self._cancel),
                ("GET", rf"imports/(\d+)/tasks/(\w+)/dump(/chunks(?:/({NUMBER}))?)?", self._import_dump),
                ("GET", rf"processes/(\d+)/tasks/(\w+)/dumps/(\d+)(/chunks(?:/({NUMBER}))?)?", self._process_dump),
                ("GET", r"lists", self._lists),
                ("GET", r"lists/(\d+)", self._list),
                ("GET", r"lists/(\d+)/items", self._items),
                ("POST", r"lists/(\d+)/items", self._change_items),
                ("PUT", r"lists/(\d+)/items", self._change_items),
                ("POST", r"lists/(\d+)/resetIndex", self._reset_index),
                ("GET", r"modules", self._modules),
                ("GET", r"(?:modules/(\d+)/)?lineItems", self._line_items),
                ("GET", r"lineItems/(\d+)/dimensions", self._dimensions),
                ("GET", r"dimensions/(\d+)/items", self._dimension_items),
                ("POST", r"modules/(\d+)/data", self._write_cells),
                ("GET", r"(?:modules/(\d+)/)?views", self._views),
                ("GET", r"views/(\d+)", self._view_metadata),
                ("POST", r"((?:views|lists)/\d+)/readRequests", self._ask_to_read),
                ("GET", r"((?:views|lists)/\d+)/readRequests/(\w+)", self._read_request),
                ("DELETE", r"((?:views|lists)/\d+)/readRequests/(\w+)", self._read_request),
                ("GET", rf"((?:views|lists)/\d+)/readRequests/(\w+)/pages/({NUMBER})", self._read_page),
                ("GET", r"(?:modules/\d+/)?views/(\d+)/data", self._view),
                ("GET", r"versions", self._versions),
                ("GET", r"modelCalendar", self._calendar),
                ("GET", r"currentPeriod", self._period),
                ("PUT", r"currentPeriod", self._period),
                ("GET", r"status", self._status),
                ("POST", r"open", self._open),
                ("POST", r"close", self._close),
            )
        ]

    def answer(self, ask: Ask) -> Reply:
        """The answer to a request."""
        self._refuse_state(ask)
        verbs = False
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(ask.rest)
            if found is not None:
                verbs = True
                if method == ask.method:
                    return handler(ask, *found.groups())
        raise Refusal(405 if verbs else 404)

    def busy_for(self, rest: str) -> float:
        """How many seconds a request has to wait for the model."""
        return 0.0 if _WHILE_BUSY.fullmatch(rest) else self.hub.queue.busy_for()

    def _refuse_state(self, ask: Ask) -> None:
        if ask.rest in ("status", "open", "close"):
            self.hub.queue.tick()
        else:
            self.hub.touch()
        states = {"ARCHIVED": 422, "LOCKED": 423, "MAINTENANCE": 424, "OFFLINE": 424}
        if self.hub.state in states and ask.rest != "status":
            raise Refusal(states[self.hub.state])

    def _page(self, ask: Ask, kind: str, key: str, rows: list[Json]) -> Reply:
        stale = self._faults.take("stale_next", ask.method, ask.path) is not None
        smaller = self._faults.take("small_pages", ask.method, ask.path)
        ordered = catalogue.sorted_rows(rows, ask.query, strict=False) or []
        paging = Paging(f"https://api.anaplan.com{ask.path}", ask.query, stale, int(smaller.number("size", 2)) if smaller else 0)
        return collection(kind, key, ordered, paging, self.hub.model.id)

    def _one(self, kind: str, key: str, payload: Json) -> Reply:
        return envelope(kind, {key: payload}, self.hub.model.id)

    # Files.

    def _file(self, file_id: str) -> StoredFile:
        found = self.hub.files.get(file_id)
        if found is None:
            raise Refusal(404)
        return found

    def _shown(self, file: StoredFile) -> Json:
        return next(f for f in catalogue.files(self.hub) if f["id"] == file.id)

    def _files(self, ask: Ask) -> Reply:
        return self._page(ask, "file", "files", catalogue.files(self.hub))

    def _set_chunks(self, ask: Ask, file_id: str) -> Reply:
        count = ask.object().get("chunkCount")
        if type(count) is not int or count < -1 or count > 1000:
            raise Refusal(400, "chunkCount is not valid")
        file = self.hub.files.get(file_id) or self.hub.create_file(file_id)
        file.begin(ask.user, count)
        payload = self._shown(file)
        if self._faults.take("wrong_file", ask.method, ask.path):
            payload["id"] = "113000000999"
        return self._one("file", "file", payload)

    def _put_file(self, ask: Ask, file_id: str) -> Reply:
        if ask.headers.get("content-type", "").partition(";")[0] != OCTETS:
            raise Refusal(415)
        self._file(file_id).put_whole(ask.user, ask.body)
        return Reply(204)

    def _put_chunk(self, ask: Ask, file_id: str, number: str) -> Reply:
        kind = ask.headers.get("content-type", "").partition(";")[0]
        body = ask.body
        if kind == "application/x-gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as problem:
                raise Refusal(400, "The chunk is not valid gzip") from problem
        elif kind != OCTETS:
            raise Refusal(415)
        if len(body) > LARGEST_CHUNK:
            raise Refusal(400, "The chunk is too large")
        if not self._file(file_id).put(ask.user, int(number), body):
            raise Refusal(400, "The chunk was not announced")
        return Reply(204)

    def _complete(self, ask: Ask, file_id: str) -> Reply:
        file = self._file(file_id)
        if file.finish(ask.user) is None:
            raise Refusal(404)
        return self._one("file", "file", self._shown(file))

    def _bytes(self, ask: Ask, file_id: str) -> bytes:
        content = self._file(file_id).content(ask.user)
        if content is None or not content.chunks:
            raise Refusal(404)
        return content.joined()

    def _get_file(self, ask: Ask, file_id: str) -> Reply:
        return Reply(200, self._bytes(ask, file_id), OCTETS)

    def _delete_file(self, ask: Ask, file_id: str) -> Reply:
        self._file(file_id).remove(ask.user)
        return Reply(204)

    def _chunks(self, ask: Ask, file_id: str) -> Reply:
        content = self._file(file_id).content(ask.user)
        count = -(-len(content.joined()) // self.chunk_size) if content else 0
        return self._page(ask, "chunk", "chunks", [{"id": str(n), "name": f"Chunk {n}"} for n in range(count)])

    def _chunk(self, ask: Ask, file_id: str, number: str) -> Reply:
        return Reply(200, self._cut(self._bytes(ask, file_id), int(number)), OCTETS)

    def _cut(self, content: bytes, number: int) -> bytes:
        # Cut by bytes: a character may well be in two chunks.
        piece = content[number * self.chunk_size : (number + 1) * self.chunk_size]
        if not piece:
            raise Refusal(404)
        return piece

    # Actions and tasks.

    def _actions(self, ask: Ask, kind: str) -> Reply:
        return self._page(ask, kind.removesuffix("s"), kind, catalogue.actions(self.hub, kind))

    def _known(self, kind: str, object_id: str) -> None:
        if object_id not in getattr(self.hub, kind):
            raise Refusal(404)

    def _metadata(self, ask: Ask, kind: str, object_id: str) -> Reply:
        self._known(kind, object_id)
        if kind == "imports":
            return self._one("import", "importMetadata", catalogue.import_metadata(self.hub, object_id))
        if kind == "exports":
            return self._one("export", "exportMetadata", catalogue.export_metadata(self.hub, object_id))
        if kind == "processes":
            sources = ask.query.get("showImportDataSource") == "true"
            return self._one("process", "processMetadata", catalogue.process_metadata(self.hub, object_id, with_sources=sources))
        raise Refusal(404)

    def _start(self, ask: Ask, kind: str, object_id: str) -> Reply:
        self._known(kind, object_id)
        sent = ask.object()
        if not isinstance(sent.get("localeName"), str):
            raise Refusal(400, "localeName is missing")
        if not _are_parameters(sent.get("mappingParameters")):
            raise Refusal(400, "mappingParameters must be a list of entityType and entityName")
        task = Task(kind, object_id, ask.user, self._clock(), sent)
        self.hub.queue.add(task)
        shown: Json = {"taskId": task.id, "taskState": task.state}
        if self._faults.take("no_creation_time", ask.method, ask.path) is None:
            shown["creationTime"] = int(task.created * 1000)
        if self._faults.take("bare_task", ask.method, ask.path):
            return plain({"taskId": task.id})
        reply = self._one("task", "task", shown)
        if self._faults.take("forget_task", ask.method, ask.path):
            self.hub.queue.forget([task.id])
        return reply

    def _tasks(self, ask: Ask, kind: str, object_id: str) -> Reply:
        # An object that is not there has no tasks; that is no error.
        found = [t for t in self.hub.queue.tasks.values() if (t.kind, t.object_id) == (kind, object_id)]
        rows = [{k: v for k, v in t.shown().items() if k in ("taskId", "taskState", "creationTime")} for t in found]
        return self._page(ask, "task", "tasks", rows)

    def _one_task(self, kind: str, object_id: str, task_id: str) -> Task:
        task = self.hub.queue.tasks.get(task_id)
        if task is None or (task.kind, task.object_id) != (kind, object_id):
            raise Refusal(404)
        return task

    def _task(self, ask: Ask, kind: str, object_id: str, task_id: str) -> Reply:
        with_time = self._faults.take("no_creation_time", ask.method, ask.path) is None
        task = self._one_task(kind, object_id, task_id)
        shown = task.shown(with_time=with_time)
        if kind == "processes" and ask.query.get("includeProcessDetails") == "true" and task.result is not None:
            shown["result"] = task.timed()
        return self._one("task", "task", shown)

    def _cancel(self, _ask: Ask, kind: str, object_id: str, task_id: str) -> Reply:
        task = self._one_task(kind, object_id, task_id)
        if not self.hub.queue.cancel(task):
            raise Refusal(400, "The task has ended")
        return self._one("task", "task", task.shown())

    def _import_dump(self, ask: Ask, object_id: str, task_id: str, chunks: str | None, number: str | None) -> Reply:
        return self._dump(ask, self._one_task("imports", object_id, task_id), object_id, chunks, number)

    def _process_dump(self, ask: Ask, process_id: str, task_id: str, object_id: str, chunks: str | None, number: str | None) -> Reply:
        task = self._one_task("processes", process_id, task_id)
        if object_id not in [step_id for _, step_id in self.hub.steps(process_id)]:
            raise Refusal(404)
        return self._dump(ask, task, object_id, chunks, number)

    def _dump(self, ask: Ask, task: Task, object_id: str, chunks: str | None, number: str | None) -> Reply:
        content = self.hub.dump(ask.user, object_id, task.id)
        if content is None:
            raise Refusal(404)
        if chunks is None:
            return Reply(200, content, "text/plain")
        if number is None:
            count = -(-len(content) // self.chunk_size)
            return self._page(ask, "dumpChunk", "chunks", [{"id": str(n), "name": f"Chunk {n}"} for n in range(count)])
        return Reply(200, self._cut(content, int(number)), "text/plain")

    # Lists, modules, time, state.

    def _list_of(self, list_id: str) -> MemberList:
        found = next((one for one in self.hub.model.lists.values() if one.id == list_id), None)
        if found is None:
            raise Refusal(404)
        return found

    def _lists(self, ask: Ask) -> Reply:
        return self._page(ask, "list", "lists", [{"id": one.id, "name": name} for name, one in self.hub.model.lists.items()])

    def _list(self, _ask: Ask, list_id: str) -> Reply:
        return self._one("list", "metadata", catalogue.list_metadata(self._list_of(list_id)))

    def _items(self, ask: Ask, list_id: str) -> Reply:
        members = self._list_of(list_id)
        if "csv" in ask.headers.get("accept", ""):
            return Reply(200, self._members_csv(members), "text/csv")
        return self._page(ask, "listItem", "listItems", [catalogue.member(self.hub, members, one) for one in members.members.values()])

    def _members_csv(self, members: MemberList) -> bytes:
        return members_csv([catalogue.member(self.hub, members, one) for one in members.members.values()], list(members.spec.properties))

    def _reset_index(self, _ask: Ask, list_id: str) -> Reply:
        members = self._list_of(list_id)
        if members.members:
            raise Refusal(400, "The list is not empty")
        members.next_index = 1
        return Reply(200)

    def _change_items(self, ask: Ask, list_id: str) -> Reply:
        members = self._list_of(list_id)
        items = ask.object().get("items")
        if not _are_objects(items) or len(items) > MOST_ITEMS:
            raise Refusal(400, "items must be a list of at most 100000 objects")
        if not all(isinstance(item.get("properties") or {}, dict) for item in items):
            raise Refusal(400, "properties must be an object")
        action = "update" if ask.method == "PUT" else ask.query.get("action", "")
        if action not in ("add", "delete", "update"):
            raise Refusal(400, "action is not valid")
        return envelope("list", change_members(self.hub.model, members, action, items))

    def _modules(self, ask: Ask) -> Reply:
        return self._page(ask, "module", "modules", [{"id": one.id, "name": name} for name, one in self.hub.model.modules.items()])

    def _module_of(self, module_id: str) -> Module:
        found = next((one for one in self.hub.model.modules.values() if one.id == module_id), None)
        if found is None:
            raise Refusal(404)
        return found

    def _modules_of(self, module_id: str | None) -> list[Module]:
        return [self._module_of(module_id)] if module_id else list(self.hub.model.modules.values())

    def _line_items(self, ask: Ask, module_id: str | None) -> Reply:
        return self._page(ask, "lineItem", "items", catalogue.line_items(self._modules_of(module_id)))

    def _dimensions(self, ask: Ask, item_id: str) -> Reply:
        module = next((one for one in self.hub.model.modules.values() if item_id in one.line_item_ids), None)
        if module is None:
            raise Refusal(404)
        return self._page(ask, "dimension", "dimensions", catalogue.view_metadata(self.hub, module)["rows"])

    def _dimension_items(self, ask: Ask, dimension_id: str) -> Reply:
        name = self.hub.model.dimension_ids.get(dimension_id)
        if name is None:
            raise Refusal(404)
        return self._page(ask, "dimensionItem", "items", list(self.hub.model.items_of(name)))

    def _views(self, ask: Ask, module_id: str | None) -> Reply:
        rows = [{"id": one.id, "name": one.spec.name, "moduleId": one.id} for one in self._modules_of(module_id)]
        return self._page(ask, "view", "views", rows)

    def _view_metadata(self, _ask: Ask, view_id: str) -> Reply:
        return envelope("view", catalogue.view_metadata(self.hub, self._module_of(view_id)), self.hub.model.id)

    # Large reads.

    def _ask_to_read(self, ask: Ask, owner: str) -> Reply:
        kind, _, object_id = owner.partition("/")
        if kind == "lists":
            content = self._members_csv(self._list_of(object_id))
        else:
            module = self._module_of(object_id)
            if ask.object().get("exportType") not in EXPORT_TYPES:
                raise Refusal(400, "exportType is not valid")
            content = catalogue.view_csv(module)
        return self._shown_read(ask, self._reads.ask(owner, content))

    def _shown_read(self, ask: Ask, request: ReadRequest) -> Reply:
        base = ask.path.partition("/readRequests")[0]
        kind = "listReadRequest" if request.owner.startswith("lists") else "viewReadRequest"
        return self._one(kind, kind, self._reads.shown(request, f"https://api.anaplan.com{base}/readRequests/{request.id}"))

    def _known_read(self, owner: str, request_id: str) -> ReadRequest:
        request = self._reads.find(owner, request_id)
        if request is None:
            raise Refusal(404)
        return request

    def _read_request(self, ask: Ask, owner: str, request_id: str) -> Reply:
        request = self._known_read(owner, request_id)
        if ask.method == "DELETE":
            self._reads.drop(request)
        return self._shown_read(ask, request)

    def _read_page(self, _ask: Ask, owner: str, request_id: str, number: str) -> Reply:
        request = self._known_read(owner, request_id)
        pages = self._reads.pages(request) if self._reads.is_ready(request) else []
        if int(number) >= len(pages):
            raise Refusal(404)
        return Reply(200, pages[int(number)], "text/csv")

    def _write_cells(self, ask: Ask, module_id: str) -> Reply:
        cells = ask.json()
        if not _are_objects(cells) or len(cells) > MOST_ITEMS:
            raise Refusal(400, "The body must be a list of at most 100000 cells")
        if not all(_are_objects(cell.get("dimensions") or []) for cell in cells):
            raise Refusal(400, "dimensions must be a list of objects")
        return envelope("writeCellDataResponse", write_cells(self.hub.model, self._module_of(module_id), cells))

    def _view(self, ask: Ask, module_id: str) -> Reply:
        module = self._module_of(module_id)
        if "json" not in ask.headers.get("accept", "") or ask.query.get("format") != "v1":
            return Reply(200, catalogue.view_csv(module), "text/csv")
        lines = catalogue.view_rows(module)
        keys = len(module.spec.dimensions)
        rows = [{"rowCoordinates": line[:keys], "cells": line[keys:]} for line in lines[1:]]
        return plain({"columnCoordinates": [[name] for name in lines[0][keys:]], "rows": rows})

    def _versions(self, ask: Ask) -> Reply:
        rows = [
            {"id": f"107{n:09d}", "name": name, "isActual": n == 1, "isCurrent": n == 1}
            for n, name in enumerate(self.hub.model.blueprint.versions, 1)
        ]
        return self._page(ask, "versionMetadata", "versionMetadata", rows)

    def _calendar(self, _ask: Ask) -> Reply:
        return self._one("modelCalendar", "modelCalendar", catalogue.model_calendar(self.hub, self.current_period))

    def _period(self, ask: Ask) -> Reply:
        if ask.method == "PUT":
            in_query, in_body = ask.query.get("date", ""), str(ask.object().get("date") or "") if ask.body else ""
            if bool(in_query) == bool(in_body):
                raise Refusal(400, "Give the date in the query or in the body")
            try:
                self.current_period = self.hub.model.period(in_query or in_body, "YYYY-MM-DD")
            except Misfit as misfit:
                raise Refusal(400, misfit.text) from misfit
        return self._one("currentPeriod", "currentPeriod", catalogue.current_period(self.current_period))

    def _status(self, _ask: Ask) -> Reply:
        running = next((t for t in self.hub.queue.tasks.values() if t.state in ("IN_PROGRESS", "CANCELLING")), None)
        step = "Processing" if running else "Open" if self.hub.loaded else "Closed"
        status: Json = {
            "peakMemoryUsageEstimate": None,
            "peakMemoryUsageTime": None,
            "progress": running.progress if running else -1.0,
            "currentStep": step,
            "tooltip": None,
            "exportTaskType": None,
            "creationTime": int(self._clock() * 1000),
            "taskId": running.id if running else None,
        }
        return plain({"requestStatus": status})

    def _open(self, _ask: Ask) -> Reply:
        return Reply(202 if self.hub.touch() else 200)

    def _close(self, _ask: Ask) -> Reply:
        self.hub.unload()
        return Reply(204)


def _are_objects(sent: Any) -> TypeGuard[list[Json]]:  # noqa: ANN401 - whatever a client sends
    return isinstance(sent, list) and all(isinstance(one, dict) for one in sent)


def _are_parameters(sent: Any) -> bool:  # noqa: ANN401 - whatever a client sends
    """Whether members for dimensions that ask are given as they must be."""
    return sent is None or (_are_objects(sent) and all(isinstance(one.get(name), str) for one in sent for name in ("entityType", "entityName")))
