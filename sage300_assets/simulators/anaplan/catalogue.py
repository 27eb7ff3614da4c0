"""What can be read about a model: its lists, modules, saved actions and time."""

from __future__ import annotations

import calendar
import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.model import LINE_ITEMS_ID, MONTHS, Member, MemberList, Module, Value
from sage300_assets.simulators.anaplan.unloading import shown

Json = dict[str, Any]


def files(hub: Hub) -> list[Json]:
    """Uploads and exports together."""
    return [
        {
            "id": f.id,
            "name": f.spec.name,
            "chunkCount": f.shown_chunks,
            "delimiter": '"',
            "encoding": f.spec.encoding,
            "firstDataRow": 0 if f.id.startswith("116") else 2,
            "format": "txt",
            "headerRow": 0 if f.id.startswith("116") else 1,
            "separator": f.spec.separator,
        }
        for f in hub.files.values()
    ]


def actions(hub: Hub, kind: str) -> list[Json]:
    """Saved imports, exports, processes or other actions."""
    if kind == "imports":
        return [
            {
                "id": i,
                "name": spec.name,
                "importDataSourceId": hub.file_named(spec.file).id,
                "importType": "HIERARCHY_DATA" if spec.target in hub.model.lists else "MODULE_DATA",
            }
            for i, spec in hub.imports.items()
        ]
    if kind == "exports":
        common = {"exportType": "TABULAR_MULTI_COLUMN", "exportFormat": "text/csv", "encoding": "UTF-8", "layout": "TABULAR_MULTI_COLUMN"}
        return [{"id": i, "name": spec.name, **common} for i, spec in hub.exports.items()]
    if kind == "processes":
        return [{"id": i, "name": spec.name} for i, spec in hub.processes.items()]
    return [{"id": i, "name": spec.name, "actionType": "DELETE_BY_SELECTION"} for i, spec in hub.actions.items()]


def process_metadata(hub: Hub, process_id: str, *, with_sources: bool) -> Json:
    """The steps of a process, in order."""
    spec = hub.processes[process_id]
    found = []
    for name in spec.steps:
        for kind, table in (("IMPORT", hub.imports), ("EXPORT", hub.exports), ("DELETE_BY_SELECTION", hub.actions)):
            for object_id, step in table.items():
                if step.name == name:
                    entry: Json = {"id": object_id, "name": name, "actionType": kind}
                    if with_sources and kind == "IMPORT":
                        entry["importDataSourceId"] = hub.file_named(hub.imports[object_id].file).id
                    found.append(entry)
    return {"name": spec.name, "actions": found}


def import_metadata(hub: Hub, import_id: str) -> Json:
    """How an import reads its file."""
    spec = hub.imports[import_id]
    file = hub.file_named(spec.file)
    return {
        "name": spec.name,
        "type": "HIERARCHY_DATA" if spec.target in hub.model.lists else "MODULE_DATA",
        "source": {
            "importDataSourceId": file.id,
            "headerNames": list(spec.columns),
            "decimalSeparator": ".",
            "encoding": file.spec.encoding,
            "separator": file.spec.separator,
        },
    }


def export_metadata(hub: Hub, export_id: str) -> Json:
    """The columns of an export. The number of rows is an estimate."""
    spec = hub.exports[export_id]
    module = hub.model.modules[spec.module]
    forms = [module.spec.line_items.get(target, "ENTITY").partition(":")[0] for target in spec.columns.values()]
    return {
        "columnCount": len(spec.columns),
        "dataTypes": ["ENTITY" if f == "LIST" else f for f in forms],
        "delimiter": '"',
        "encoding": "UTF-8",
        "exportFormat": "text/csv",
        "headerNames": list(spec.columns),
        "listNames": [t if t in module.spec.dimensions else "" for t in spec.columns.values()],
        "rowCount": 10 * max(1, max((len(c) for c in module.cells.values()), default=0) // 10),
        "separator": ",",
    }


def list_metadata(members: MemberList) -> Json:
    """A list."""
    return {
        "id": members.id,
        "name": members.spec.name,
        "numberedList": members.spec.numbered,
        "itemCount": len(members.members),
        "nextitemIndex": members.next_index,
        "properties": [{"name": name, "format": form} for name, form in members.spec.properties.items()],
        "subsets": [],
        "productionData": False,
    }


def member(hub: Hub, members: MemberList, one: Member) -> Json:
    """A member of a list. Properties are texts, numbers among them with a point."""
    above = hub.model.lists.get(members.spec.parent)
    parent = above.members.get(one.parent) if above and one.parent else None
    found: Json = {"id": one.id, "name": one.name or f"#{one.id[-4:]}", "code": one.code, "listId": members.id, "listName": members.spec.name}
    if parent is not None:
        found.update(parent=parent.name or parent.code, parentId=parent.id)
    if one.properties:
        found["properties"] = {name: _property(value) for name, value in one.properties.items()}
    return found


def _property(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(float(value))
    return value.isoformat() if isinstance(value, date) else value


def view_csv(module: Module) -> bytes:
    """The default view, tabular."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(view_rows(module))
    return out.getvalue().encode()


def view_rows(module: Module) -> list[list[str]]:
    """The default view: dimensions on the rows, line items on the columns; the first row is the header."""
    items = list(module.spec.line_items)
    found = sorted({cell for cells in module.cells.values() for cell in cells})
    rows = [[*cell, *(shown(module.cells[i].get(cell), module.spec.line_items[i]) for i in items)] for cell in found]
    return [[*module.spec.dimensions, *items], *rows]


def view_metadata(hub: Hub, module: Module) -> Json:
    """The axes of a default view; it has no pages, so they are not there."""
    ids = {name: dimension_id for dimension_id, name in hub.model.dimension_ids.items()}
    rows = [{"id": ids[name], "name": name} for name in module.spec.dimensions]
    return {"viewName": module.spec.name, "viewId": module.id, "rows": rows, "columns": [{"id": LINE_ITEMS_ID, "name": "Line Items"}]}


def line_items(modules: Iterable[Module]) -> list[Json]:
    """The line items of modules."""
    return [
        {"moduleId": m.id, "moduleName": m.spec.name, "id": item_id, "name": name, "format": m.spec.line_items[name]}
        for m in modules
        for item_id, name in m.line_item_ids.items()
    ]


def model_calendar(hub: Hub, period: str = "") -> Json:
    """The time settings."""
    blueprint = hub.model.blueprint
    start = date(blueprint.first_year, blueprint.first_month, 1)
    end = date(start.year + 1, start.month, 1) - timedelta(days=1)
    return {
        "calendarType": "Calendar Months/Quarters/Years",
        "fiscalYear": {"year": f"FY{start.year % 100:02d}", "startDate": start.isoformat(), "endDate": end.isoformat()},
        "pastYearsCount": 0,
        "futureYearsCount": blueprint.years - 1,
        "currentPeriod": current_period(period),
        "totalsSelection": {"quarterTotals": True, "halfYearTotals": False, "yearToDateSummary": False},
    }


def current_period(label: str) -> Json:
    """A month as the current period."""
    if not label:
        return {"periodText": "", "lastDay": "", "calendarType": "Calendar Months/Quarters/Years"}
    month, year = MONTHS.index(label[:3]) + 1, 2000 + int(label[4:])
    last = date(year, month, calendar.monthrange(year, month)[1])
    return {"periodText": label, "lastDay": last.isoformat(), "calendarType": "Calendar Months/Quarters/Years"}


def sorted_rows(rows: list[Json], query: Mapping[str, str], *, strict: bool) -> list[Json] | None:
    """Rows in the order asked for; nothing when the order cannot be had. Model resources ignore what they do not know."""
    order = query.get("sort", "")
    if not order:
        return rows
    name = order.lstrip("+- ")
    known = any(name in row for row in rows)
    if strict and (order[0] not in "+- " or (rows and not known)):
        return None
    return sorted(rows, key=lambda r: str(r.get(name, "")), reverse=order.startswith("-")) if known else rows
