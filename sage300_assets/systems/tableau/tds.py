"""Writes the description that Tableau shows: captions, folders, roles, formats, drill paths, filters and relationships around a Hyper file.

The order of the elements is fixed by the format. Names are bracketed, and a bracket inside a name is doubled.
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from sage300_assets.base.errors import DataError
from sage300_assets.systems.tableau.description import (
    MONEY,
    WHOLE,
    Aggregation,
    DataSource,
    DrillPath,
    Field,
    Filter,
    Role,
    TableOf,
    caption_of,
    title_of,
)
from sage300_assets.systems.tableau.hyper import SCHEMA, Column

Columns = Mapping[str, Sequence[Column]]
"""The columns of each table, as the extract has them."""
FORMAT = "18.1"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Stands for every file's date in a package, so that the same content makes the same package."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A column as Tableau names it."""

    table: str
    column: Column
    local: str
    """Unique in the source: the name itself, or with its table behind it where two tables have it."""
    field: Field


def write_tds(source: DataSource, columns: Columns, *, data: str) -> bytes:
    """The text of a `.tds`; `data` is where the Hyper file is inside the package."""
    shown = _shown(source, columns)
    root = ET.Element(
        "datasource",
        {"formatted-name": source.name, "inline": "true", "source-platform": "win", "version": FORMAT},
    )
    root.set("xmlns:user", "http://www.tableausoftware.com/xml/user")
    ET.SubElement(ET.SubElement(root, "document-format-change-manifest"), "ManifestByVersion")
    root.append(_connection(source, shown, data))
    ET.SubElement(root, "aliases", {"enabled": "yes"})
    root.extend(_column(one) for one in shown)
    if source.drill_paths:
        paths = ET.SubElement(root, "drill-paths")
        paths.extend(_drill_path(source, path, shown) for path in source.drill_paths)
    if folders := list(_folders(source, shown)):
        ET.SubElement(root, "folders-common").extend(folders)
    ET.SubElement(root, "layout", {"dim-ordering": "alphabetic", "measure-ordering": "alphabetic", "show-structure": "true"})
    root.extend(_filter(source, one, shown) for one in source.filters)
    if len(source.tables) > 1:
        root.append(_object_graph(source, shown))
    ET.indent(root)
    return b"<?xml version='1.0' encoding='utf-8' ?>\n" + ET.tostring(root, encoding="unicode").encode() + b"\n"


def write_tdsx(source: DataSource, columns: Columns, hyper: Path, target: Path) -> None:
    """A package of the description and the Hyper file; complete under its name or not there."""
    data = f"Data/Extracts/{hyper.name}"
    hidden = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(hidden, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:  # level 1: a third smaller in a fraction of the time
            package.writestr(_entry(f"{target.stem}.tds"), write_tds(source, columns, data=data))
            with hyper.open("rb") as content, package.open(_entry(data), "w", force_zip64=True) as inside:
                while piece := content.read(2**20):
                    inside.write(piece)
        hidden.replace(target)
    finally:
        hidden.unlink(missing_ok=True)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _shown(source: DataSource, columns: Columns) -> list[_Shown]:
    fields = {f.column: f for f in source.fields}
    seen: set[str] = set()
    found: list[_Shown] = []
    for table in source.tables:
        for column in columns[table.model]:
            again = column.name in seen
            local = f"{column.name} ({table.model})" if again else column.name
            seen.add(column.name)
            plain = Field(column.name, hidden=True) if again else Field(column.name)
            found.append(_Shown(table.model, column, local, plain if again else fields.get(column.name, plain)))
    named = {*fields, *(c for p in source.drill_paths for c in p.columns), *(f.column for f in source.filters), *source.control_totals}
    unknown = sorted(named - seen)
    if unknown:
        raise DataError(f"{source.name}: there is no column {unknown[0]}.", cure=f"There are: {', '.join(sorted(seen))}.")
    captions = [_caption(s) for s in found if not s.field.hidden]
    twice = sorted({c for c in captions if captions.count(c) > 1})
    if twice:
        raise DataError(f"{source.name}: two columns have the caption {twice[0]!r}.", cure="Give one of them another.")
    return found


def _connection(source: DataSource, shown: Sequence[_Shown], data: str) -> ET.Element:
    outer = ET.Element("connection", {"class": "federated"})
    named = ET.SubElement(ET.SubElement(outer, "named-connections"), "named-connection", {"caption": source.name, "name": _connection_name(source)})
    ET.SubElement(
        named,
        "connection",
        {
            "authentication": "auth-none",
            "author-locale": "en_US",
            "class": "hyper",
            "dbname": data,
            "default-settings": "yes",
            "schema": SCHEMA,
            "sslmode": "",
            "tablename": source.facts.model,
            "username": "tableau_internal_user",
        },
    )
    if len(source.tables) == 1:
        outer.append(_relation(source, source.facts))
        return outer
    collection = ET.SubElement(outer, "relation", {"type": "collection"})
    collection.extend(_relation(source, table) for table in source.tables)
    cols = ET.SubElement(outer, "cols")
    for one in shown:
        ET.SubElement(cols, "map", {"key": _bracketed(one.local), "value": f"{_bracketed(one.table)}.{_bracketed(one.column.name)}"})
    return outer


def _relation(source: DataSource, table: TableOf) -> ET.Element:
    place = f"{_bracketed(SCHEMA)}.{_bracketed(table.model)}"
    return ET.Element("relation", {"connection": _connection_name(source), "name": table.model, "table": place, "type": "table"})


def _column(shown: _Shown) -> ET.Element:
    field = shown.field
    datatype, role, kind, aggregation, form = _by_type(shown.column)
    if field.role is not None and field.role is not role:
        role = field.role
        kind = "quantitative" if role is Role.MEASURE else "ordinal" if datatype in {"integer", "real"} else "nominal"
        aggregation = Aggregation.SUM if role is Role.MEASURE else None
        form = (WHOLE if datatype == "integer" else MONEY) if role is Role.MEASURE else ""
    aggregation = field.aggregation or aggregation
    given = {"caption": _caption(shown), "datatype": datatype, "name": _bracketed(shown.local), "role": role.value, "type": kind}
    if aggregation is not None:
        given["aggregation"] = aggregation.value
    if field.format or form:
        given["default-format"] = field.format or form
    if field.hidden:
        given["hidden"] = "true"
    made = ET.Element("column", dict(sorted(given.items())))
    if field.comment:
        ET.SubElement(ET.SubElement(ET.SubElement(made, "desc"), "formatted-text"), "run").text = field.comment
    return made


def _by_type(column: Column) -> tuple[str, Role, str, Aggregation | None, str]:
    """Datatype, role, kind, aggregation and format that follow from a type. A whole number is a period or a code, and is not summed."""
    kind = column.sql_type.partition("(")[0]
    if kind in {"NUMERIC", "DOUBLE PRECISION"}:
        return "real", Role.MEASURE, "quantitative", Aggregation.SUM, MONEY
    if kind in {"SMALLINT", "INT", "BIGINT"}:
        return "integer", Role.DIMENSION, "ordinal", None, ""
    if kind == "BOOL":
        return "boolean", Role.DIMENSION, "nominal", None, ""
    if kind == "DATE":
        return "date", Role.DIMENSION, "ordinal", None, ""
    if kind.startswith("TIMESTAMP"):
        return "datetime", Role.DIMENSION, "ordinal", None, ""
    return "string", Role.DIMENSION, "nominal", None, ""


def _drill_path(source: DataSource, path: DrillPath, shown: Sequence[_Shown]) -> ET.Element:
    made = ET.Element("drill-path", {"name": path.name})
    for column in path.columns:
        ET.SubElement(made, "field").text = _bracketed(_local(source, column, shown))
    return made


def _folders(source: DataSource, shown: Sequence[_Shown]) -> Iterator[ET.Element]:
    names = dict.fromkeys([s.field.folder for s in shown if s.field.folder] + [p.folder for p in source.drill_paths if p.folder])
    for name in names:
        folder = ET.Element("folder", {"name": name})
        for path in source.drill_paths:
            if path.folder == name:
                ET.SubElement(folder, "folder-item", {"name": _bracketed(path.name), "type": "drillpath"})
        for one in shown:
            if one.field.folder == name:
                ET.SubElement(folder, "folder-item", {"name": _bracketed(one.local), "type": "field"})
        yield folder


def _filter(source: DataSource, wanted: Filter, shown: Sequence[_Shown]) -> ET.Element:
    level = _bracketed(_local(source, wanted.column, shown))
    made = ET.Element("filter", {"class": "categorical", "column": level})
    parent = made
    if len(wanted.values) > 1:
        parent = ET.SubElement(made, "groupfilter", {"function": "union"})
    for value in wanted.values:
        ET.SubElement(parent, "groupfilter", {"function": "member", "level": level, "member": f'"{value}"'})
    return made


def _object_graph(source: DataSource, shown: Sequence[_Shown]) -> ET.Element:
    graph = ET.Element("object-graph")
    objects = ET.SubElement(graph, "objects")
    ids = {t.model: f"{t.model}_{uuid.uuid5(uuid.NAMESPACE_OID, f'{source.name}/{t.model}').hex.upper()}" for t in source.tables}
    for table in source.tables:
        one = ET.SubElement(objects, "object", {"caption": title_of(table.model), "id": ids[table.model]})
        ET.SubElement(one, "properties", {"context": ""}).append(_relation(source, table))
    relationships = ET.SubElement(graph, "relationships")
    locals_ = {(s.table, s.column.name): s.local for s in shown}
    for table in source.tables:
        for join in table.joins:
            relationship = ET.SubElement(relationships, "relationship")
            pairs = []
            for ours, theirs in join.columns:
                equal = ET.Element("expression", {"op": "="})
                ET.SubElement(equal, "expression", {"op": _bracketed(locals_[table.model, ours])})
                ET.SubElement(equal, "expression", {"op": _bracketed(locals_[join.table, theirs])})
                pairs.append(equal)
            if len(pairs) == 1:
                relationship.append(pairs[0])
            else:
                ET.SubElement(relationship, "expression", {"op": "AND"}).extend(pairs)
            ET.SubElement(relationship, "first-end-point", {"object-id": ids[table.model]})
            ET.SubElement(relationship, "second-end-point", {"object-id": ids[join.table]})
    return graph


def _local(source: DataSource, column: str, shown: Sequence[_Shown]) -> str:
    for one in shown:
        if one.column.name == column:
            return one.local
    raise DataError(f"{source.name}: there is no column {column}.")


def _caption(shown: _Shown) -> str:
    if shown.field.caption:
        return shown.field.caption
    suffix = f" ({title_of(shown.table)})" if shown.local != shown.column.name else ""
    return caption_of(shown.column.name) + suffix


def _connection_name(source: DataSource) -> str:
    return f"hyper.{uuid.uuid5(uuid.NAMESPACE_OID, source.name).hex}"


def _bracketed(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"
