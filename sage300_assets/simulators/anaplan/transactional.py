"""Members of lists and cells of modules changed one by one. What cannot be done is reported; the rest is done all the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sage300_assets.simulators.anaplan.model import Member, MemberList, Misfit, Model, Module, Value
from sage300_assets.simulators.anaplan.unloading import delete_members

Json = dict[str, Any]


class _Failure(Exception):
    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def change_members(model: Model, members: MemberList, action: str, items: list[Json]) -> Json:
    """Add, update or delete members."""
    failures: list[Json] = []
    for index, item in enumerate(items):
        try:
            _ACTIONS[action](model, members, item)
        except _Failure as failure:
            failures.append({"requestIndex": index, "failureType": failure.kind, "failureMessageDetails": failure.text})
    good = len(items) - len(failures)
    if action == "delete":
        return {"result": {"numberOfItemsDeleted": good, "failures": failures}} if failures else {"deleted": good}
    found: Json = {"added" if action == "add" else "updated": good, "ignored": len(failures), "total": len(items)}
    return {**found, "failures": failures} if failures else found


def _add(model: Model, members: MemberList, item: Json) -> None:
    code, name = str(item.get("code") or ""), str(item.get("name") or "")
    if members.spec.numbered and (name or not code):
        raise _Failure("INCORRECT_DATA", "a numbered list takes a code and no name")
    if not members.spec.numbered and not name:
        raise _Failure("INCOMPLETE_DATA", "name is missing")
    if (code or name) in members.members or (name and name in members.names):
        raise _Failure("DUPLICATE", f"item already exists: {code or name}")
    properties, parent = _properties(model, members, item), _parent(model, members, item)
    members.add(code or name, name, parent).properties.update(properties)


def _update(model: Model, members: MemberList, item: Json) -> None:
    member = _identified(members, item)
    if "code" not in item and "id" not in item and member.code:
        raise _Failure("INCOMPLETE_DATA", "an item with a code is identified by it")
    properties = _properties(model, members, item)
    if item.get("name") and "code" in item:
        members.rename(member, str(item["name"]))
    if "parent" in item:
        member.parent = _parent(model, members, item)
    member.properties.update(properties)


def _delete(model: Model, members: MemberList, item: Json) -> None:
    if "id" in item and "code" in item:
        raise _Failure("Ambiguous criteria", f"Specifying both ID and code not supported ({item['id']}:{item['code']})")
    delete_members(model, members.spec.name, [_identified(members, item).code])


_ACTIONS = {"add": _add, "update": _update, "delete": _delete}


def _identified(members: MemberList, item: Json) -> Member:
    found = None
    for name in ("id", "code", "name"):
        if name in item:
            found = members.by_id(str(item["id"])) if name == "id" else members.find(str(item[name]))
            if found is None:
                raise _Failure("Not found", f"{name.capitalize()} '{item[name]}' not found")
            break
    if found is None:
        raise _Failure("INCOMPLETE_DATA", "id, code or name is missing")
    return found


def _parent(model: Model, members: MemberList, item: Json) -> str:
    text = str(item.get("parent") or "")
    if not text or not members.spec.parent:
        return ""
    found = model.lists[members.spec.parent].find(text)
    if found is None:
        raise _Failure("NOT_FOUND", f"parent not found: {text}")
    return found.code


def _properties(model: Model, members: MemberList, item: Json) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, text in (item.get("properties") or {}).items():
        form = members.spec.properties.get(name)
        if form is None:
            raise _Failure("NOT_FOUND", f"no property named {name}")
        try:
            found[name] = model.value(str(text), form)
        except Misfit as misfit:
            raise _Failure("INCORRECT_FORMAT", f"incorrect format -- column name:{name}, value:{text}") from misfit
    return found


def write_cells(model: Model, module: Module, cells: list[Json]) -> Json:
    """Set cells."""
    failures: list[Json] = []
    changed = 0
    for index, sent in enumerate(cells):
        try:
            changed += _write(model, module, sent)
        except _Failure as failure:
            failures.append({"requestIndex": index, "failureType": failure.kind, "failureMessageDetails": failure.text})
    found: Json = {"numberOfCellsChanged": changed}
    return {**found, "failures": failures} if failures else found


def _write(model: Model, module: Module, sent: Json) -> bool:
    asked = sent.get("lineItemName") or sent.get("lineItemId")
    item = module.line_item_ids.get(str(asked), "") if "lineItemId" in sent and "lineItemName" not in sent else str(asked or "")
    form = module.spec.line_items.get(item)
    if form is None:
        raise _Failure("invalidLineItem", f"no line item {asked}")
    if item in module.spec.calculated:
        raise _Failure("cellIsCalculated", "the cell is calculated")
    given = dict(_coordinate(model, module, one) for one in sent.get("dimensions") or [])
    if set(given) != set(module.spec.dimensions):
        raise _Failure("cellIsInvalid", "the cell could not be found or resolved")
    cell = tuple(given[d] for d in module.spec.dimensions)
    value = sent.get("value")
    if value is None:
        raise _Failure("missingRequiredField", "value is missing")
    if isinstance(value, list | dict):
        raise _Failure("unsupportedValueType", "the type of the value is not supported")
    try:
        kept = model.value(str(Decimal(str(value))) if isinstance(value, int | float) and not isinstance(value, bool) else str(value), form)
    except Misfit as misfit:
        raise _Failure(_MISMATCHES.get(form.partition(":")[0], "valueDataTypeMismatch"), misfit.text) from misfit
    before = module.cells[item].get(cell)
    module.cells[item][cell] = kept
    return before != kept


_MISMATCHES = {"DATE": "invalidDateValue", "PERIOD": "invalidTimeScaleValue", "LIST": "invalidListItemValue"}


def _coordinate(model: Model, module: Module, sent: Json) -> tuple[str, str]:
    """A dimension and the code of its member, each told by name or by id."""
    name = str(sent.get("dimensionName") or model.dimension_ids.get(str(sent.get("dimensionId")), ""))
    if name not in module.spec.dimensions:
        raise _Failure("invalidDimension", f"no dimension {sent.get('dimensionName') or sent.get('dimensionId')}")
    text = str(sent.get("itemCode") or sent.get("itemName") or "")
    if not text and "itemId" in sent:
        text = next((one["code"] for one in model.items_of(name) if one["id"] == str(sent["itemId"])), "")
    try:
        return name, model.member_of(name, text)
    except Misfit as misfit:
        raise _Failure("invalidItem", misfit.text) from misfit
