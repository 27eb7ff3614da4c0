"""What a model holds: lists, modules, views, versions, time; read whole, in large reads, and changed item by item."""

from __future__ import annotations

from sage300_assets.simulators.anaplan import catalogue
from sage300_assets.simulators.anaplan.clock import Clock
from sage300_assets.simulators.anaplan.counter import NUMBER, Ask, Counter, Routes, are_objects
from sage300_assets.simulators.anaplan.faults import FaultBoard
from sage300_assets.simulators.anaplan.hub import Hub
from sage300_assets.simulators.anaplan.model import MemberList, Misfit, Module
from sage300_assets.simulators.anaplan.reading import ReadRequest, ReadRequests, members_csv
from sage300_assets.simulators.anaplan.replies import Refusal, Reply, envelope, plain
from sage300_assets.simulators.anaplan.transactional import change_members, write_cells

MOST_ITEMS = 100_000
EXPORT_TYPES = ("TABULAR_SINGLE_COLUMN", "TABULAR_MULTI_COLUMN", "GRID_ALL_PAGES")


class ContentCounter(Counter):
    """Shows what is in the model, and changes it."""

    def __init__(self, hub: Hub, faults: FaultBoard, clock: Clock, chunk_size: int) -> None:
        super().__init__(hub, faults, clock, chunk_size)
        self.current_period = ""
        self._reads = ReadRequests(clock, hub.queue.seconds, chunk_size)

    def routes(self) -> Routes:
        """What is asked here."""
        return [
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
        ]

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
        if not are_objects(items) or len(items) > MOST_ITEMS:
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
        if not are_objects(cells) or len(cells) > MOST_ITEMS:
            raise Refusal(400, "The body must be a list of at most 100000 cells")
        if not all(are_objects(cell.get("dimensions") or []) for cell in cells):
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
