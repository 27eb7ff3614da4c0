"""Actions of a model, the tasks that run them, and the dumps of what they refused."""

from __future__ import annotations

from typing import Any

from sage300_assets.simulators.anaplan import catalogue
from sage300_assets.simulators.anaplan.counter import NUMBER, Ask, Counter, Json, Routes, are_objects
from sage300_assets.simulators.anaplan.replies import Refusal, Reply, plain
from sage300_assets.simulators.anaplan.tasks import Task

KINDS = "imports|exports|processes|actions"


class ActionCounter(Counter):
    """Starts actions and tells what became of them."""

    def routes(self) -> Routes:
        """What is asked here."""
        return [
            ("GET", rf"({KINDS})", self._actions),
            ("GET", rf"({KINDS})/(\d+)", self._metadata),
            ("POST", rf"({KINDS})/(\d+)/tasks", self._start),
            ("GET", rf"({KINDS})/(\d+)/tasks", self._tasks),
            ("GET", rf"({KINDS})/(\d+)/tasks/(\w+)", self._task),
            ("DELETE", rf"({KINDS})/(\d+)/tasks/(\w+)", self._cancel),
            ("GET", rf"imports/(\d+)/tasks/(\w+)/dump(/chunks(?:/({NUMBER}))?)?", self._import_dump),
            ("GET", rf"processes/(\d+)/tasks/(\w+)/dumps/(\d+)(/chunks(?:/({NUMBER}))?)?", self._process_dump),
        ]

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


def _are_parameters(sent: Any) -> bool:  # noqa: ANN401 - whatever a client sends
    """Whether members for dimensions that ask are given as they must be."""
    return sent is None or (are_objects(sent) and all(isinstance(one.get(name), str) for one in sent for name in ("entityType", "entityName")))
