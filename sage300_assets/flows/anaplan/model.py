"""What a model must have for these imports and exports: for its builder to compare with, and for the simulator to be made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sage300_assets.flows.anaplan.declaration import VERSIONS, AnaplanImport, Column, Kind

Document = dict[str, object]
_FORMATS = {Kind.NUMBER: "NUMBER", Kind.FLAG: "BOOLEAN", Kind.DAY: "DATE", Kind.TEXT: "TEXT"}


def model_document(imports: Iterable[AnaplanImport]) -> Document:
    """Lists, modules, files, saved imports and processes, as plain values."""
    known = tuple(imports)
    processes: dict[str, list[str]] = {}
    for one in known:
        if one.process:
            processes.setdefault(one.process, []).append(one.action)
    return {
        "lists": [_list(one) for one in known if one.is_list],
        "modules": [_module(one) for one in known if not one.is_list],
        "files": [{"name": one.file} for one in known],
        "imports": [_import(one) for one in known],
        "processes": [{"name": name, "steps": steps} for name, steps in processes.items()],
    }


def shared_document(imports: Iterable[AnaplanImport], names: Mapping[str, Callable[[str], str]]) -> Document:
    """Of a model that companies share: one list of each kind for all of them, whose codes tell them apart, and everything else for each.

    `names` says for each company how things are called. A module is one company's: its import clears what it does not bring.
    """
    known = tuple(imports)
    shared = model_document(known)
    documents = [model_document(_of_company(one, called) for one in known) for called in names.values()]
    return {kind: shared[kind] if kind == "lists" else [one for document in documents for one in _listed(document[kind])] for kind in shared}


def _of_company(one: AnaplanImport, called: Callable[[str], str]) -> AnaplanImport:
    process = called(one.process) if one.process else ""
    target = one.target if one.is_list else called(one.target)
    return replace(one, target=target, action=called(one.action), file=called(one.file), process=process)


def _listed(found: object) -> list[object]:
    return list(found) if isinstance(found, list) else []


def _format(column: Column) -> str:
    return f"LIST:{column.chooses_from}" if column.chooses_from else _FORMATS.get(column.kind, "TEXT")


def _list(one: AnaplanImport) -> Document:
    return {"name": one.target, "parent": one.parent_list, "properties": {c.goes_to: _format(c) for c in one.values}}


def _module(one: AnaplanImport) -> Document:
    asked = [d for d in one.chosen if d == VERSIONS]
    return {
        "name": one.target,
        "dimensions": [*(c.goes_to for c in one.dimensions), *asked],
        "line_items": {c.goes_to: _format(c) for c in one.values},
    }


def _import(one: AnaplanImport) -> Document:
    roles = {Kind.CODE: "code", Kind.NAME: "name", Kind.PARENT: "parent"}
    return {
        "name": one.action,
        "file": one.file,
        "target": one.target,
        "columns": {c.header: roles.get(c.kind, c.goes_to) for c in one.columns},
        "time_format": one.time_format,
        "clear": dict(one.clear),
        "asks": list(one.chosen),
    }
