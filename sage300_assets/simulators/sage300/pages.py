"""Answers to data requests: pages of lists with count and nextLink, and single records."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sage300_assets.catalogue.types import Kind
from sage300_assets.simulators.sage300 import shifting
from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.encoding import Encoder, compile_encoder
from sage300_assets.simulators.sage300.errors import bad_query, no_such_endpoint, no_such_record, verb_not_offered
from sage300_assets.simulators.sage300.faults import Armed, FaultBoard
from sage300_assets.simulators.sage300.metadata import Metadata, namespace, type_name
from sage300_assets.simulators.sage300.paths import METADATA, POST_ONLY, ROOT, VERSION, Address, KeyMember, parse_key
from sage300_assets.simulators.sage300.query import Query, QueryRefused, check_query, next_query
from sage300_assets.simulators.sage300.release import Release, WireShape
from sage300_assets.simulators.sage300.rows import RowCache
from sage300_assets.simulators.sage300.shapes import Anything, Row, as_shown, shape_of
from sage300_assets.simulators.sage300.world import World

Where = tuple[str, str, str]
STRANGER = "https://files.example.net"


@dataclass
class Answer:
    """A data answer, still in parts so that faults can spoil it."""

    context: str
    rows: list[str]
    single: bool = False
    count: int | None = None
    next_link: str | None = None
    count_text: str | None = None
    spell: dict[str, str] = field(default_factory=dict)
    """Envelope members that are spelt in another way."""
    without_value: bool = False

    def text(self) -> str:
        """The JSON text."""
        if self.single:
            inner = self.rows[0][1:-1]
            return f'{{"@odata.context":{json.dumps(self.context)}{"," if inner else ""}{inner}}}'
        parts = [f"{self._name('@odata.context')}:{json.dumps(self.context)}"]
        if self.count is not None:
            parts.append(f"{self._name('@odata.count')}:{self.count_text or self.count}")
        if not self.without_value:
            parts.append('"value":[' + ",".join(self.rows) + "]")
        if self.next_link is not None:
            parts.append(f"{self._name('@odata.nextLink')}:{json.dumps(self.next_link)}")
        return "{" + ",".join(parts) + "}"

    def _name(self, member: str) -> str:
        return json.dumps(self.spell.get(member, member))


class Librarian:
    """Answers data requests about one world as one release of the server would."""

    def __init__(
        self, world: World, faults: FaultBoard, release: Release, page_size: int, dialect: str, internal: str, *, enum_types: bool = True
    ) -> None:
        self.world = world
        self.page_size = page_size
        self._faults = faults
        self._release = release
        self._dialect = dialect
        self._internal = internal
        self._enum_types = enum_types
        self._shapes: dict[str, WireShape] = {}
        self._encoders: OrderedDict[tuple[str, tuple[str, ...] | None], Encoder] = OrderedDict()
        self._rows = RowCache()
        self._resources = {r.casefold(): r for r in world.entities}
        self._companies = {c.casefold(): c for c in world.companies}
        self.modules = sorted({e.module for e in world.entities.values()})

    def resolve(self, address: Address) -> Address:
        """The address with company, module and resource as they are really spelt; IIS does not care about case."""
        company = self._companies.get(address.company.casefold())
        module = next((m for m in self.modules if m.casefold() == address.module.casefold()), None)
        if company is None or module is None:
            raise no_such_endpoint(address.company if company is None else address.module)
        if address.resource.casefold() == METADATA:
            return Address(company, module, METADATA, None)
        if address.resource.casefold() in {n.casefold() for n in POST_ONLY if n.startswith(module)}:
            raise verb_not_offered("GET")
        resource = self._resources.get(address.resource.casefold())
        if resource is None or self.world.entities[resource].module != module:
            raise no_such_endpoint(address.resource)
        return Address(company, module, resource, address.key)

    @property
    def release(self) -> Release:
        """The release that answers."""
        return self._release

    @release.setter
    def release(self, release: Release) -> None:
        """From now on another release answers, as after an upgrade of the server."""
        self._release = release
        self._shapes.clear()
        self._encoders.clear()
        self._rows = RowCache()

    def metadata(self, module: str) -> str:
        """The EDMX document of a module."""
        entities = [(e.resource, e.key, self.shape(e.resource)) for e in self.world.entities.values() if e.module == module]
        return Metadata(module, entities, enum_types=self._enum_types).xml()

    def shape(self, resource: str) -> WireShape:
        """The shape of a resource as this release shows it."""
        shape = self._shapes.get(resource)
        if shape is None:
            shape = self._shapes[resource] = WireShape(shape_of(self.world.entities[resource]), self._release)
        return shape

    def answer(self, address: Address, raw_query: str, path: str) -> Answer:
        """The answer to a request for a list or a single record."""
        shape = self.shape(address.resource)
        store = self.world.store(address.company, address.resource)
        model = f"{namespace(address.module)}.{type_name(address.resource, address.module)}"
        try:
            query = check_query(raw_query, shape, store, model, single=address.key is not None, dialect=self._dialect)
        except QueryRefused as refusal:
            raise bad_query(str(refusal)) from refusal
        if address.key is not None:
            return self._record(address, query, shape)
        return self._page(address, query, path)

    def _context(self, address: Address, query: Query, suffix: str = "") -> str:
        columns = f"({','.join(query.select)})" if query.select else ""
        return f"{self._internal}/{ROOT}/{VERSION}/-/{address.company}/{address.module}/$metadata#{address.resource}{columns}{suffix}"

    def _record(self, address: Address, query: Query, shape: WireShape) -> Answer:
        by_field = {w.field.name: w for w in shape.members if not w.role}
        entity = self.world.entities[address.resource]
        served = [name for name in entity.key if name in by_field]
        members = [by_field[name] for name in served]
        given = parse_key(address.key or "", [KeyMember(m.name, replace(m.field, type=m.shown or m.field.type)) for m in members])
        values = dict(zip(served, given, strict=True))
        retyped = {m.field.name: m.kind for m in members if m.is_retyped}
        with self.world.lock:
            draft = self._find(address, [values.get(name, "") for name in entity.key], [retyped.get(name) for name in entity.key])
            if draft is None:
                raise no_such_record(address.resource)
            rows = self._encode(address, query, [draft])
        return Answer(self._context(address, query, "/$entity"), rows, single=True)

    def _find(self, address: Address, key: Sequence[Anything], shown: Sequence[Kind | None]) -> Draft | None:
        """The record with this key, whose parts may be shown as another kind than records hold."""
        store = self.world.store(address.company, address.resource)
        if not any(shown):
            return store.find(tuple(key))
        same = (d for d in store.drafts() if [as_shown(v, k) if k else v for v, k in zip(d.key, shown, strict=True)] == list(key))
        return next(same, None)

    def written(self, address: Address, row: Row) -> str:
        """The text of a record that is answered to a write."""
        context = f"{self._internal}/{ROOT}/{VERSION}/-/{address.company}/{address.module}/$metadata#{address.resource}/$entity"
        return Answer(context, [compile_encoder(self.shape(address.resource))(row)], single=True).text()

    def _page(self, address: Address, query: Query, path: str) -> Answer:
        where = (address.company, address.module, address.resource)
        question = query.filter
        if question is not None and self._faults.take("out_of_window", *where):
            question = None
        with self.world.lock:
            found = self.world.find(address.company, address.resource, question)
            if query.skip and shifting.possible(found, query.skip) and self._faults.wants("shift", *where):
                self._shift(found, address, query.skip, behind=False)
                found = self.world.find(address.company, address.resource, question)
            if query.skip and shifting.possible(found, query.skip) and self._faults.wants("shift_behind", *where):
                self._shift(found, address, query.skip, behind=True)
                found = self.world.find(address.company, address.resource, question)
            start = query.skip
            if start and found[start:] and self._faults.take("repeated_page", *where):
                start = max(0, start - self.page_size)
            size = self.page_size if query.top is None else min(query.top, self.page_size)
            rows = self._encode(address, query, found[start : start + size])
        more = len(found) > query.skip + size and (query.top is None or query.top > self.page_size)
        link = f"{self._internal}{path}?{next_query(query, self.page_size)}" if more else None
        answer = Answer(self._context(address, query), rows, count=len(found) if query.count else None, next_link=link)
        self._spoil(answer, query, path, where)
        return answer

    def _shift(self, found: Sequence[Draft], address: Address, skip: int, *, behind: bool) -> None:
        name = "shift_behind" if behind else "shift"
        store = self.world.store(address.company, address.resource)
        plan = shifting.plan(found, store, skip, behind=behind)
        if plan is not None and self._faults.take(name, address.company, address.module, address.resource):
            gone, newcomer = plan
            self.world.put(address.company, address.resource, newcomer)
            self.world.delete(address.company, address.resource, gone)

    def _spoil(self, answer: Answer, query: Query, path: str, where: Where) -> None:
        self._spoil_rows(answer.rows, where)
        if answer.next_link is not None:
            if self._faults.take("nextlink_loop", *where):
                answer.next_link = f"{self._internal}{path}?{next_query(query, 0)}"
            if self._faults.take("foreign_nextlink", *where):
                answer.next_link = f"{STRANGER}/{ROOT}/{VERSION}/-/OTHER/{where[1]}/{where[2]}?$skip=0"
        if answer.count is not None:
            self._spoil_count(answer, query, where)
        if self._faults.take("missing_value", *where):
            answer.without_value = True

    def _spoil_rows(self, rows: list[str], where: Where) -> None:
        if rows and self._faults.take("lost_row", *where):
            del rows[len(rows) // 2]
        if rows and (fault := self._faults.take("duplicate_row", *where)):
            _repeat_row(rows, fault)
        if rows and self._faults.take("null_row", *where):
            rows[len(rows) // 2] = "null"

    def _spoil_count(self, answer: Answer, query: Query, where: Where) -> None:
        for name in ("count_changes", "count_wrong"):
            if (query.skip or name == "count_wrong") and (fault := self._faults.take(name, *where)):
                answer.count = (answer.count or 0) + int(fault.options.get("by", 1))
        if self._faults.take("count_as_string", *where):
            answer.count_text = f'"{answer.count}"'
        if fault := self._faults.take("odata_count_without_at", *where):
            answer.spell = {"@odata.count": "odata.count", "@odata.context": "odata.context"}
            if fault.options.get("nextlink"):
                answer.spell["@odata.nextLink"] = "odata.nextLink"

    def _encode(self, address: Address, query: Query, drafts: Sequence[Draft]) -> list[str]:
        known = (address.resource, query.select)
        encode = self._encoders.get(known)
        if encode is None:
            encode = self._encoders[known] = compile_encoder(self.shape(address.resource), query.select)
            if len(self._encoders) > 500:
                self._encoders.popitem(last=False)
        return self._rows.texts((address.company, *known), self.world.version, drafts, encode)


def _repeat_row(rows: list[str], fault: Armed) -> None:
    place = min(len(rows) // 2, len(rows) - 1)
    if fault.options.get("replace") and len(rows) > 1:
        rows[place] = rows[place - 1]
    else:
        rows.insert(place, rows[place])
