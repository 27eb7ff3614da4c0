"""One model as the API serves it: its saved actions with their ids, its files, its queue of tasks, the dumps of refused rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sage300_assets.simulators.anaplan.blueprint import ActionSpec, Blueprint, ExportSpec, FileSpec, ImportSpec
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.files import KEPT_SECONDS, StoredFile
from sage300_assets.simulators.anaplan.loading import Outcome, detail, dump_of, failure, run_import
from sage300_assets.simulators.anaplan.model import Model
from sage300_assets.simulators.anaplan.tasks import Queue, Task
from sage300_assets.simulators.anaplan.unloading import run_action, run_export

Json = dict[str, Any]
IDLE_SECONDS = 3600.0


@dataclass
class _Dump:
    task: str
    content: bytes
    used: float


class Hub:
    """A model with everything around it."""

    def __init__(self, blueprint: Blueprint, model_id: str, clock: Clock, faults: FaultBoard, task_seconds: float) -> None:
        self.model = Model(blueprint, model_id)
        self.state = "UNLOCKED"
        """`activeState`: UNLOCKED, LOCKED, ARCHIVED, MAINTENANCE."""
        self.queue = Queue(clock, task_seconds, self._run)
        self._clock = clock
        self._faults = faults
        self._used = clock()
        self.loaded = True
        self.imports = {f"112{n:09d}": spec for n, spec in enumerate(blueprint.imports, 1)}
        self.exports = {f"116{n:09d}": spec for n, spec in enumerate(blueprint.exports, 1)}
        self.actions = {f"117{n:09d}": spec for n, spec in enumerate(blueprint.actions, 1)}
        self.processes = {f"118{n:09d}": spec for n, spec in enumerate(blueprint.processes, 1)}
        self.files = {f"113{n:09d}": StoredFile(spec, f"113{n:09d}", clock) for n, spec in enumerate(blueprint.files, 1)}
        for export_id, export in self.exports.items():
            self.files[export_id] = StoredFile(FileSpec(export.name), export_id, clock)
        self._dumps: dict[tuple[str, str], _Dump] = {}
        """By user and import."""

    def touch(self) -> bool:
        """Somebody uses the model. Says whether it had to be loaded for that; whoever was idle for an hour had been unloaded."""
        now = self._clock()
        if self.loaded and now - self._used > IDLE_SECONDS:
            self.unload()
        self._used = now
        woken = not self.loaded
        self.loaded = True
        self.queue.tick()
        return woken

    def unload(self) -> None:
        """Close the model: its tasks are forgotten."""
        self.queue.forget()
        self.loaded = False

    def file_named(self, name: str) -> StoredFile:
        """A file by its name."""
        return next(f for f in self.files.values() if f.spec.name == name)

    def create_file(self, name: str) -> StoredFile:
        """What asking for an unknown file does: a new one, which no import reads."""
        file_id = f"113{len(self.files) + 500:09d}"
        self.files[file_id] = StoredFile(FileSpec(name), file_id, self._clock)
        return self.files[file_id]

    def steps(self, process_id: str) -> list[tuple[str, str]]:
        """Names and ids of what a process runs, in order."""
        ids = {s.name: i for table in (self.imports, self.exports, self.actions) for i, s in table.items()}
        return [(name, ids[name]) for name in self.processes[process_id].steps]

    def dump(self, user: str, import_id: str, task_id: str) -> bytes | None:
        """The rows that a run of an import has refused, while it is the user's last; gone after two days, or after a clean run."""
        found = self._dumps.get((user, import_id))
        if found is None or found.task != task_id or self._clock() - found.used > KEPT_SECONDS:
            return None
        found.used = self._clock()
        return found.content

    # Carrying out.

    def _run(self, task: Task) -> Json:
        path = f"{task.kind}/{task.object_id}"
        if self._faults.take("task_fails", "", path):
            return {"successful": False, "failureDumpAvailable": False, "objectId": task.object_id}
        if task.kind == "processes":
            return self._process(task)
        return self._step(task, task.object_id)

    def _process(self, task: Task) -> Json:
        nested: list[Json] = []
        hide = self._faults.take("no_object_name", "", f"processes/{task.object_id}") is not None
        for name, step_id in self.steps(task.object_id):
            result = self._step(task, step_id)
            if not hide:
                result["objectName"] = name
            nested.append(result)
        unsure = self._faults.take("process_unsure", "", f"processes/{task.object_id}") is not None
        return {
            "objectId": task.object_id,
            "successful": all(r["successful"] for r in nested) and not unsure,
            "failureDumpAvailable": any(r["failureDumpAvailable"] for r in nested),
            "nestedResults": nested,
        }

    def _step(self, task: Task, object_id: str) -> Json:
        if object_id in self.imports:
            return self._import(task, object_id)
        if object_id in self.exports:
            return self._export(task, object_id)
        spec: ActionSpec = self.actions[object_id]
        count = run_action(self.model, spec)
        text = f"{count} items deleted from {spec.list}"
        values = ("affectedItems", count, "targetName", spec.list, "filterName", spec.line_item)
        details = [detail("deleteFromSelectionSucceeded", text, *values)]
        return {"successful": True, "failureDumpAvailable": False, "objectId": object_id, "details": details}

    def _import(self, task: Task, import_id: str) -> Json:
        spec: ImportSpec = self.imports[import_id]
        file = self.file_named(spec.file)
        content = file.content(task.user)
        prompted = _prompted(task, import_id)
        unasked = [d for d in spec.asks if d not in prompted]
        if content is None:
            outcome = failure("uploadedFileNoLongerAvailable", "The uploaded file is no longer available. Please upload the file again.")
        elif not content.is_whole():
            outcome = failure("importFailedGeneralError", "The file has not been uploaded completely.")
        elif unasked:
            outcome = failure("moduleImportDimensionIdentifiersUnmapped", f"No member was chosen for {', '.join(unasked)}.")
        else:
            outcome = run_import(self.model, spec, file.spec, content.joined(), prompted)
        return self._result(task, import_id, outcome, file.spec.separator)

    def _result(self, task: Task, import_id: str, outcome: Outcome, separator: str) -> Json:
        at = (task.user, import_id)
        self._dumps.pop(at, None)
        if outcome.problems:
            self._dumps[at] = _Dump(task.id, dump_of(outcome, separator), self._clock())
        return {
            "successful": outcome.successful,
            "failureDumpAvailable": bool(outcome.problems),
            "objectId": import_id,
            "details": outcome.details,
        }

    def _export(self, task: Task, export_id: str) -> Json:
        spec: ExportSpec = self.exports[export_id]
        partial = self._faults.take("partial_export", "", f"exports/{export_id}") is not None
        self.files[export_id].put_whole(task.user, run_export(self.model, spec, partial=partial))
        return {"failureDumpAvailable": False, "objectId": export_id, "successful": True}


def _prompted(task: Task, import_id: str) -> dict[str, str]:
    """Members chosen for dimensions that ask; in a process an entry may name the import it is for. `Version` stands for `Versions`."""
    found = {}
    for entry in task.prompted.get("mappingParameters") or []:
        if entry.get("importId", import_id) == import_id:
            name = entry["entityType"]
            found["Versions" if name == "Version" else name] = entry["entityName"]
    return found
