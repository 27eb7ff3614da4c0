"""Carrying out a saved import: rows in, counts and refused rows out. Refused rows do not make an import fail."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from sage300_assets.simulators.anaplan.blueprint import FileSpec, ImportSpec
from sage300_assets.simulators.anaplan.model import LONGEST_CODE, Cell, MemberList, Misfit, Model, Module, Value

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

Detail = dict[str, object]


@dataclass
class Problem:
    """A row of a dump."""

    status: str
    row: list[str]
    line: int
    texts: list[str]


@dataclass
class Outcome:
    """What came of an import."""

    details: list[Detail]
    problems: list[Problem] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    successful: bool = True


def failure(kind: str, text: str) -> Outcome:
    """An import that did not run."""
    return Outcome([detail(kind, text)], successful=False)


def detail(kind: str, text: str, *values: object, occurrences: int = 0) -> Detail:
    """An entry of a result."""
    return {"localMessageText": text, "occurrences": occurrences, "type": kind, "values": [str(v) for v in values]}


def dump_of(outcome: Outcome, separator: str) -> bytes:
    """The refused rows as a file: everything quoted, further errors as further fields."""

    def line(fields: Sequence[str]) -> str:
        return separator.join('"' + f.replace('"', '""') + '"' for f in fields)

    header = [name or f"Column {place}" for place, name in enumerate(outcome.header, 1)]
    lines = [line(["_Status_", *header, "_Line_", "_Error_1_"])]
    lines += [line([p.status, *p.row, str(p.line), *p.texts]) for p in outcome.problems]
    return ("\n".join(lines) + "\n").encode()


def run_import(model: Model, spec: ImportSpec, file: FileSpec, content: bytes, prompted: Mapping[str, str]) -> Outcome:
    """Load a file into a list or a module."""
    try:
        text = content.decode(file.encoding)
    except UnicodeDecodeError:
        return failure("importFailedGeneralError", "The file is not in the encoding of its definition.")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=file.separator, strict=True)
    try:
        header = next(lines, [])
    except csv.Error as problem:
        misfit = _unreadable(problem)
        return failure(misfit.kind, misfit.text)
    missing = [name for name in spec.columns if name not in header and name not in prompted]
    if missing:
        return failure("missingFields", f"Columns are missing: {', '.join(missing)}")
    loader: _Loader = _ListLoader(model, spec, header) if spec.target in model.lists else _ModuleLoader(model, spec, header, prompted)
    rows = []
    for line, row in _rows(lines):
        if isinstance(row, Misfit):
            loader.lose(line, [""] * len(header), row)
        elif row:
            rows.append((line, row))
    outcome = loader.load(rows)
    outcome.header = header
    return outcome


def _rows(lines: CsvReader) -> Iterator[tuple[int, list[str] | Misfit]]:
    """Rows by their lines, and what is wrong with those that cannot be taken apart."""
    while True:
        try:
            row: list[str] | Misfit = next(lines)
        except StopIteration:
            return
        except csv.Error as problem:
            row = _unreadable(problem)
        yield lines.line_num, row


def _unreadable(problem: csv.Error) -> Misfit:
    if "expected after" in str(problem):
        return Misfit("Column separator expected", "columnSeparatorExpected")
    return Misfit("Unmatched text delimiter", "unmatchedTextDelimiter")


class _Loader:
    def __init__(self, model: Model, spec: ImportSpec, header: list[str]) -> None:
        self.model = model
        self.spec = spec
        self.places = {target: header.index(name) for name, target in spec.columns.items() if name in header}
        self.problems: list[Problem] = []
        self.kinds: Counter[tuple[str, str]] = Counter()

    def load(self, rows: list[tuple[int, list[str]]]) -> Outcome:
        raise NotImplementedError

    def lose(self, line: int, row: list[str], misfit: Misfit) -> None:
        """Refuse a row of which nothing can be used."""
        self.refuse(line, row, misfit)

    def text(self, row: list[str], target: str) -> str:
        place = self.places.get(target)
        return row[place] if place is not None and place < len(row) else ""

    def refuse(self, line: int, row: list[str], *misfits: Misfit, status: str = "E") -> None:
        self.problems.append(Problem(status, row, line, [m.text for m in misfits]))
        for misfit in misfits:
            self.kinds[misfit.kind, misfit.text.partition(":")[0]] += 1

    def details(self) -> list[Detail]:
        return [detail(kind, text, occurrences=count) for (kind, text), count in self.kinds.items()]


class _ListLoader(_Loader):
    """Creates and changes members by code; never removes any."""

    def __init__(self, model: Model, spec: ImportSpec, header: list[str]) -> None:
        super().__init__(model, spec, header)
        self.target: MemberList = model.lists[spec.target]
        self.taken: Counter[tuple[str, bool]] = Counter()
        """Rows by what became of them (`created`, `updated`, `unchanged`), and whether there was a warning."""

    def load(self, rows: list[tuple[int, list[str]]]) -> Outcome:
        seen: set[str] = set()
        good: dict[str, tuple[int, list[str]]] = {}
        refused: set[str] = set()
        for line, row in rows:
            misfit = self._key_problem(row, seen)
            if misfit is None:
                code = self.text(row, "code").strip()
                seen.add(code)
                good[code] = (line, row)
            else:
                self.refuse(line, row, misfit)
        waiting = dict(good)
        while waiting:
            ready = [code for code, (_, row) in waiting.items() if self.text(row, "parent") not in waiting or self.text(row, "parent") == code]
            if not ready:
                ready = list(waiting)  # they are each other's parents
            for code in ready:
                line, row = waiting.pop(code)
                if not self._take(code, line, row, refused):
                    refused.add(code)
        return Outcome([self._summary(), *self.details()] if self._changed() else [self._nothing()], self.problems)

    def _key_problem(self, row: list[str], seen: set[str]) -> Misfit | None:
        code, name = self.text(row, "code").strip(), self.text(row, "name")
        if not code:
            return Misfit("Error parsing key for this row; no values", "hierarchyImportEmptyKey")
        if len(code) > LONGEST_CODE:
            return Misfit(f"Invalid code: {code}", "hierarchyImportInvalidCode")
        if len(name) > LONGEST_CODE:
            return Misfit(f"Invalid name: {name}", "hierarchyImportInvalidName")
        if code in seen:
            return Misfit(f"Duplicate key in source: {code}", "hierarchyImportDuplicateKeyInSource")
        return None

    def _take(self, code: str, line: int, row: list[str], refused: set[str]) -> bool:
        misfits: list[Misfit] = []
        name, parent = self.text(row, "name"), self.text(row, "parent").strip()
        if self.target.spec.numbered:
            name = ""
        parent_code = self._parent(code, parent, refused, misfits)
        if name and self.target.names.get(name, code) != code:
            misfits.append(Misfit(f"Name already exists: {name}", "hierarchyImportNameOrCodeExists"))
        properties: dict[str, Value] = {}
        for target, form in self.target.spec.properties.items():
            text = self.text(row, target)
            if text:
                try:
                    properties[target] = self.model.value(text, form)
                except Misfit as misfit:
                    misfits.append(misfit)
        if misfits:
            self.refuse(line, row, *misfits)
            return False
        warned = False
        if self.target.spec.parent and "parent" in self.places and not parent and self.target.spec.parent != self.target.spec.name:
            warned = True
            self.refuse(line, row, Misfit("Invalid parent", "hierarchyImportInvalidParent"), status="W")
        self.taken[self._keep(code, name, parent_code, properties), warned] += 1
        return True

    def _parent(self, code: str, parent: str, refused: set[str], misfits: list[Misfit]) -> str:
        above = self.target.spec.parent
        if not parent or not above:
            return ""
        found = self.model.lists[above].find(parent)
        if found is None or parent == code:
            misfits.append(Misfit("Invalid parent", "hierarchyImportInvalidParent"))
            if parent in refused:
                misfits.append(Misfit("Has dependency on rejected row", "hierarchyImportFailedDependency"))
            return ""
        return found.code

    def _keep(self, code: str, name: str, parent: str, properties: dict[str, Value]) -> str:
        member = self.target.members.get(code)
        if member is None:
            self.target.add(code, name, parent).properties.update(properties)
            return "created"
        before = (member.name, member.parent, dict(member.properties))
        if "name" in self.places and not self.target.spec.numbered:
            self.target.rename(member, name)
        member.parent = parent if "parent" in self.places else member.parent
        member.properties.update(properties)
        return "unchanged" if before == (member.name, member.parent, member.properties) else "updated"

    def _changed(self) -> bool:
        return bool(self.problems or any(what != "unchanged" for what, _ in self.taken))

    def _nothing(self) -> Detail:
        return detail("hierarchyNoChanges", f"{self.spec.target}: no changes required", "hierarchyName", self.spec.target)

    def _rows(self, *what: str) -> tuple[int, int]:
        """Rows that were taken, without and with a warning."""
        without, warned = (sum(self.taken[one, flag] for one in what) for flag in (False, True))
        return without, warned

    def _summary(self) -> Detail:
        failed = sum(p.status == "E" for p in self.problems)
        created, updated = self._rows("created"), self._rows("updated", "unchanged")
        good, warned = (sum(counts) for counts in zip(created, updated, strict=True))
        kind = "hierarchyRowsProcessed" + ("WithFailures" if failed else "WithWarnings" if warned else "")
        text = (
            f"{self.spec.target}: {good} ({created[0]}/{updated[0]}) rows successful, "
            f"{warned} ({created[1]}/{updated[1]}) rows has warnings, {failed} failed, 0 ignored"
        )
        values = {
            "hierarchyName": self.spec.target,
            "successRowCount": good,
            "successCreateCount": created[0],
            "successUpdateCount": updated[0],
            "warningsRowCount": warned,
            "warningsCreateCount": created[1],
            "warningsUpdateCount": updated[1],
            "failedCount": failed,
            "ignoredCount": 0,
            "totalRowCount": good + warned + failed,
            "totalCreateCount": sum(created),
            "totalUpdateCount": sum(updated),
            "invalidCount": 0,
            "updatedCount": sum(updated),
            "renamedCount": sum(updated) if "name" in self.places else 0,
            "createdCount": sum(created),
        }
        return detail(kind, text, *[part for pair in values.items() for part in pair])


class _ModuleLoader(_Loader):
    """Sets cells. Several rows for one number are added up; several different values for anything else conflict."""

    def __init__(self, model: Model, spec: ImportSpec, header: list[str], prompted: Mapping[str, str]) -> None:
        super().__init__(model, spec, header)
        self.target: Module = model.modules[spec.target]
        self.prompted = prompted
        self.fresh: dict[str, dict[Cell, Value]] = {item: {} for item in self.target.spec.line_items}
        self.cells: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.present: dict[str, set[str]] = {d: set() for d in self.target.spec.dimensions}

    def load(self, rows: list[tuple[int, list[str]]]) -> Outcome:
        for line, row in rows:
            try:
                cell = self._cell(row)
            except Misfit as misfit:
                self.lose(line, row, misfit)
                continue
            misfits = list(self._set(cell, row))
            if misfits:
                self.refuse(line, row, *misfits)
        self._clear()
        for item, cells in self.fresh.items():
            self.target.cells[item].update(cells)
        return Outcome([self._summary(item) for item in self._items()] + self.details(), self.problems)

    def lose(self, line: int, row: list[str], misfit: Misfit) -> None:
        super().lose(line, row, misfit)
        for item in self._items():
            self.cells[item] += 1
            self.failed[item] += 1

    def _items(self) -> list[str]:
        return [item for item in self.target.spec.line_items if item in self.places]

    def _cell(self, row: list[str]) -> Cell:
        codes = []
        for dimension in self.target.spec.dimensions:
            text = self.prompted.get(dimension) or self.text(row, dimension)
            if not text:
                raise Misfit(f"Item not located in {dimension} list: ", "moduleImportInvalidListIdentifier")
            code = self.model.member_of(dimension, text, self.spec.time_format)
            self.present[dimension].add(code)
            codes.append(code)
        return tuple(codes)

    def _set(self, cell: Cell, row: list[str]) -> Iterator[Misfit]:
        for item in self._items():
            text = self.text(row, item)
            self.cells[item] += 1
            if item in self.target.spec.calculated:
                self.ignored[item] += 1
                continue
            if text == "":
                continue
            try:
                value = self.model.value(text, self.target.spec.line_items[item])
            except Misfit as misfit:
                self.failed[item] += 1
                yield misfit
                continue
            before = self.fresh[item].get(cell)
            if isinstance(value, Decimal) and isinstance(before, Decimal):
                self.fresh[item][cell] = before + value
            elif before is not None and before != value:
                self.failed[item] += 1
                yield Misfit(f"Repeated non-numeric value: {text}", "moduleImportRepeatedNonNumeric")
            else:
                self.fresh[item][cell] = value

    def _clear(self) -> None:
        if not self.spec.clear or not any(self.fresh.values()):
            return
        modes = [self.spec.clear.get(d, "source") for d in self.target.spec.dimensions]
        for item in self._items():
            cells = self.target.cells[item]
            for cell in [c for c in cells if self._is_cleared(c, modes)]:
                del cells[cell]

    def _is_cleared(self, cell: Cell, modes: list[str]) -> bool:
        return all(
            mode == "all" or code in self.present[dimension] for code, mode, dimension in zip(cell, modes, self.target.spec.dimensions, strict=True)
        )

    def _summary(self, item: str) -> Detail:
        failed, ignored = self.failed[item], self.ignored[item]
        ends = {(True, False): "WithFailures", (False, True): "WithIgnored", (True, True): "WithFailuresAndIgnored", (False, False): ""}
        kind = "lineItemRowsProcessed" + ends[bool(failed), bool(ignored)]
        more = "".join(f" ({count} {word})" for count, word in ((failed, "failed"), (ignored, "ignored")) if count)
        values: list[object] = ["lineItemName", item, "rowCount", self.cells[item]]
        values += ["failureCount", failed] if failed else []
        values += ["ignoredCount", ignored] if ignored else []
        return detail(kind, f"{item} cells: {self.cells[item]}{more}", *values)
