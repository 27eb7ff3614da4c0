"""Answers requests that write. Each is carried out whole or not at all, while nobody else reads or writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sage300_assets.simulators.sage300.amounts import number
from sage300_assets.simulators.sage300.errors import bad_action, bad_payload, no_such_endpoint, no_such_record, refused_by_business, verb_not_offered
from sage300_assets.simulators.sage300.pages import Librarian
from sage300_assets.simulators.sage300.paths import POST_ONLY, Address, KeyMember, parse_key
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.store import Store
from sage300_assets.simulators.sage300.writing.desk import Desk, side_of
from sage300_assets.simulators.sage300.writing.habits import Habits
from sage300_assets.simulators.sage300.writing.logic import drives_for, finishes_for
from sage300_assets.simulators.sage300.writing.payload import Applier
from sage300_assets.simulators.sage300.writing.posting import Poster
from sage300_assets.simulators.sage300.writing.processes import ALL, Process, processes
from sage300_assets.simulators.sage300.writing.rules import is_credit, objections, total

WRITABLE = ("GLJournalBatches", "APInvoiceBatches", "APPaymentAndAdjustmentBatches", "ARInvoiceBatches")
"""The batches a client may write here. The real server takes master data and more batches too."""
FIRST_SUBLEDGER_BATCH = 900_001
KEPT_BY_SERVER = frozenset(
    {
        "BatchNumber", "BatchPrintedFlag", "BatchSelector", "BatchStatus", "BatchTotal", "Credits", "DateCreated", "DateLastEdited", "Debits",
        "LastEntryNumber", "NextEntryNumber", "NumberOfEntries", "NumberOfErrors", "OriginalStatus", "PostingSequence", "PostingSequenceNumber",
        "ReadyToPost", "Status",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write."""

    status: int
    text: str = ""


class Clerk:
    """Writes for clients of one server."""

    def __init__(self, librarian: Librarian, habits: Habits) -> None:
        self._librarian = librarian
        self._world = librarian.world
        self._habits = habits
        self._processes = processes(habits)
        self._mine: dict[str, set[tuple[Any, ...]]] = {}
        """Keys of the batches that clients have made, by company and resource."""
        self._entered: dict[tuple[str, str, str, str], tuple[Any, ...]] = {}
        """The batches of the documents that clients have entered, by company, ledger, party and number."""

    def resolve(self, address: Address, verb: str) -> Address:
        """The address as it is really spelt; refuses what cannot be written."""
        name = next((n for n in POST_ONLY if n.casefold() == address.resource.casefold()), None)
        if name is not None and verb == "POST":
            known = self._librarian.resolve(Address(address.company, address.module, "$metadata", None))
            return Address(known.company, known.module, name, address.key)
        found = self._librarian.resolve(address)
        if found.resource not in WRITABLE or verb not in ("POST", "PATCH"):
            raise verb_not_offered(verb)
        return found

    def write(self, address: Address, verb: str, body: bytes) -> Written:
        """Carry out a request."""
        payload = _payload(body)
        with self._world.lock:
            if address.resource in POST_ONLY:
                return self._process(address, payload)
            if verb == "PATCH":
                return self._change(address, payload)
            if address.key is not None:
                if address.key.strip("'") != "$template":
                    raise bad_action(address.key)
                return Written(200, self._text(address, self._blank(address, payload)))
            return self._create(address, payload)

    # Batches.

    def _desk(self, address: Address) -> Desk:
        return Desk(self._world, self._world.companies[address.company])

    def _blank(self, address: Address, payload: dict[str, Any]) -> Row:
        desk = self._desk(address)
        row = dict(self._world.companies[address.company].shapes[address.resource].prototype)
        row["DateLastEdited"] = desk.today
        if address.resource == "GLJournalBatches":
            row.update(
                BatchNumber="000000",
                DateCreated=desk.today,
                SourceLedger="GL",
                JournalBatchType="Entered",
                EligibleForEditSwitch="Yes",
                EligibleForDeleteSwitch="Yes",
                EligibleForPostingSwitch="Yes",
            )
        else:
            row["BatchDate"] = desk.today
        if address.resource == "APPaymentAndAdjustmentBatches":
            selector = _sent(payload, "BatchSelector")
            row["BatchSelector"] = selector if selector in ("PY", "AD") else "PY"
        return row

    def _create(self, address: Address, payload: dict[str, Any]) -> Written:
        resource = address.resource
        if resource == "APPaymentAndAdjustmentBatches" and _sent(payload, "BatchSelector") not in ("PY", "AD"):
            raise bad_payload("BatchSelector must be PY or AD.")
        desk = self._desk(address)
        row = self._blank(address, payload)
        wishes = self._apply(address, row, payload, desk)
        self._refuse_duplicates(resource, row, desk, ())
        self._number(address, row, desk)
        self._mark(resource, row, wishes)
        total(resource, row)
        key = self._world.put(address.company, resource, row)
        self._remember_documents(resource, row, desk, key)
        self._mine.setdefault(f"{address.company}/{resource}", set()).add(key)
        return Written(self._habits.created, self._text(address, row))

    def _change(self, address: Address, payload: dict[str, Any]) -> Written:
        if address.key is None:
            raise verb_not_offered("PATCH")
        resource, store = address.resource, self._store(address)
        key = self._key(address)
        draft = store.find(key)
        if draft is None:
            raise no_such_record(resource)
        self._refuse_closed(address, key, draft.record())
        desk = self._desk(address)
        row = draft.record()
        wishes = self._apply(address, row, payload, desk)
        self._refuse_duplicates(resource, row, desk, key)
        self._mark(resource, row, wishes)
        total(resource, row)
        row["DateLastEdited"] = desk.today
        self._world.put(address.company, resource, row)
        self._remember_documents(resource, row, desk, key)
        return Written(self._habits.changed)

    def _apply(self, address: Address, row: Row, payload: dict[str, Any], desk: Desk) -> Row:
        """Lay a payload over a batch; gives what was sent for members that are not simply written down."""
        applier = Applier(drives_for(address.resource, desk), finishes_for(address.resource, desk), KEPT_BY_SERVER, self._habits.longest_text)
        applier.apply(row, self._librarian.shape(address.resource), payload)
        if address.resource == "ARInvoiceBatches":
            self._name_documents(row, desk)
        problems = applier.problems + objections(address.resource, row, desk)
        if problems:
            raise refused_by_business("RecordInvalid" if not applier.problems else "FieldInvalid", *problems)
        return applier.wishes

    def _name_documents(self, row: Row, desk: Desk) -> None:
        """Receivables number what comes without a number; payables want the vendor's own."""
        for bill in row["Invoices"]:
            if not bill["DocumentNumber"]:
                bill["DocumentNumber"] = f"{'CN' if is_credit(bill) else 'IN'}{self._next(desk, 'receivables', 1):020d}"

    def _refuse_duplicates(self, resource: str, row: Row, desk: Desk, key: tuple[Any, ...]) -> None:
        texts = list(self._duplicates(resource, row, desk, key))
        if texts:
            raise refused_by_business("RecordDuplicate", *texts)

    def _duplicates(self, resource: str, row: Row, desk: Desk, key: tuple[Any, ...]) -> Iterator[str]:
        """A document number can only be used once per party, whether in this batch, in another or posted; only invoices have numbers of the kind."""
        side = side_of(resource)
        seen = set()
        for bill in row.get("Invoices", ()):
            party, number_ = one = (bill[side.party], bill["DocumentNumber"])
            elsewhere = self._entered.get((desk.company.code, side.documents, *one), key) != key
            if one in seen or elsewhere or desk.draft(side.documents, *one) is not None:
                yield f"Entry {bill['EntryNumber']}: document {number_} already exists for {party}."
            seen.add(one)

    def _remember_documents(self, resource: str, row: Row, desk: Desk, key: tuple[Any, ...]) -> None:
        side = side_of(resource)
        mine = {(desk.company.code, side.documents, bill[side.party], bill["DocumentNumber"]) for bill in row.get("Invoices", ())}
        same = (desk.company.code, side.documents)
        for gone in [one for one, batch in self._entered.items() if batch == key and one[:2] == same and one not in mine]:
            del self._entered[gone]
        self._entered.update(dict.fromkeys(mine, key))

    @staticmethod
    def _next(desk: Desk, name: str, first: int) -> int:
        counters: dict[str, int] = desk.company.parts.setdefault("written", {})
        counters[name] = counters.get(name, first - 1) + 1
        return counters[name]

    def _number(self, address: Address, row: Row, desk: Desk) -> None:
        if address.resource == "GLJournalBatches":
            row["BatchNumber"] = f"{desk.books.ledger.take_batch_number():06d}"
        else:
            name = f"{address.resource} {row.get('BatchSelector', '')}"
            row["BatchNumber"] = number(self._next(desk, name, FIRST_SUBLEDGER_BATCH))
        for member in ("JournalHeaders", "Invoices", "PaymentsAdjustments"):
            for entry in row.get(member, ()):
                _renumber(entry, row["BatchNumber"])

    def _mark(self, resource: str, row: Row, wishes: Row) -> None:
        """Make a batch ready, or open it again, if that is what was sent; nobody but the server makes it anything else."""
        member = self._habits.ready_member if resource == "GLJournalBatches" else "BatchStatus"
        if wishes.get(member) in ("Yes", "No", "Open", "ReadyToPost"):
            row[member] = wishes[member]

    def _is_ready(self, resource: str, row: Row) -> bool:
        if resource == "GLJournalBatches":
            return bool(row[self._habits.ready_member] in ("Yes", "ReadyToPost"))
        return bool(row["BatchStatus"] == "ReadyToPost")

    def _refuse_closed(self, address: Address, key: tuple[Any, ...], row: Row) -> None:
        if "Posted" in (row.get("Status"), row.get("BatchStatus")):
            raise refused_by_business("General", f"Batch {key[-1]} has been posted and cannot be changed.")
        if key not in self._mine.get(f"{address.company}/{address.resource}", ()):
            raise refused_by_business("General", f"Batch {key[-1]} is in use by another user.")

    # Processes.

    def _process(self, address: Address, payload: dict[str, Any]) -> Written:
        action = (address.key or "").strip("'")
        process = self._processes.get(address.resource)
        if process is None:
            raise no_such_endpoint(address.resource)
        if action == "$template":
            return Written(200, self._parameters(process))
        if action != "$process":
            raise bad_action(action)
        known = {n.casefold(): n for n in (process.everything, process.first, process.last, process.kind, "ActionSelector") if n}
        unknown = [name for name in payload if name.casefold() not in known]
        if unknown:
            raise bad_payload(f"The property '{min(unknown)}' does not exist on type '{address.resource}'.")
        batches = self._chosen(address, process, {known[name.casefold()]: value for name, value in payload.items()})
        desk = self._desk(address)
        poster = Poster(desk)
        for row in batches:
            problems = [*objections(process.resource, row, desk), *self._duplicates(process.resource, row, desk, self._key_of(process.resource, row))]
            if problems:
                # The business layer leaves such a batch open and says so.
                row["NumberOfErrors"] = Decimal(len(problems))
                self._mark(process.resource, row, {"BatchStatus": "Open", "ReadyToPost": "No", "Status": "Open"})
                self._world.put(address.company, process.resource, row)
                raise refused_by_business("General", f"Batch {row['BatchNumber']} could not be posted.", *problems)
            poster.post(process.resource, row)
        return Written(self._habits.changed)

    def _parameters(self, process: Process) -> str:
        gl = process.resource == "GLJournalBatches"
        blank: dict[str, Any] = {"ActionSelector": 0, process.everything: ALL[0], process.first: "" if gl else 0, process.last: "" if gl else 0}
        if process.kind:
            blank[process.kind] = "PY"
        return json.dumps({"@odata.context": f"#{process.resource}", **blank})

    def _chosen(self, address: Address, process: Process, payload: dict[str, Any]) -> list[Row]:
        """The batches a posting is for: all that are ready, or those of a range, each of which must be."""
        everything = payload.get(process.everything, ALL[0])
        if everything not in ALL:
            raise bad_payload(f"Requested value '{everything}' was not found. Path '{process.everything}'.")
        at = Address(address.company, address.module, process.resource, None)
        store = self._store(at)
        keys = sorted(self._mine.get(f"{address.company}/{process.resource}", ()))
        if process.kind:
            keys = [k for k in keys if k[0] == payload.get(process.kind, "PY")]
        rows = [found.record() for found in map(store.find, keys) if found is not None]
        if everything == ALL[1]:
            return [row for row in rows if self._is_ready(process.resource, row)]
        first, last = (_batch_number(payload.get(name), name) for name in (process.first, process.last))
        rows = [row for row in rows if first <= int(row["BatchNumber"]) <= last]
        if not rows:
            raise refused_by_business("General", f"There is no batch from {first} to {last}.")
        for row in rows:
            if not self._is_ready(process.resource, row):
                raise refused_by_business("General", f"Batch {row['BatchNumber']} is not ready to post.")
        return rows

    # Records.

    def _store(self, address: Address) -> Store:
        return self._world.store(address.company, address.resource)

    def _key(self, address: Address) -> tuple[Any, ...]:
        by_field = {w.field.name: w for w in self._librarian.shape(address.resource).members if not w.role}
        names = self._world.entities[address.resource].key
        return parse_key(address.key or "", [KeyMember(by_field[n].name, by_field[n].field) for n in names])

    def _key_of(self, resource: str, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._world.entities[resource].key)

    def _text(self, address: Address, row: Row) -> str:
        return self._librarian.written(address, row)


def _renumber(row: Row, batch: Anything) -> None:
    if "BatchNumber" in row:
        row["BatchNumber"] = batch
    for value in row.values():
        if isinstance(value, list):
            for nested in value:
                _renumber(nested, batch)


def _sent(payload: dict[str, Any], member: str) -> Anything:
    return next((value for name, value in payload.items() if name.casefold() == member.casefold()), None)


def _batch_number(value: Anything, name: str) -> int:
    text = str(value).strip() if isinstance(value, int | str | Decimal) and not isinstance(value, bool) else ""
    if not text.isdigit():
        raise bad_payload(f"Cannot convert a value to a batch number. Path '{name}'.")
    return int(text)


def _payload(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body or b"{}", parse_float=Decimal, parse_constant=_no_number)
    except ValueError as problem:
        raise bad_payload("The body is not valid JSON.") from problem
    if not isinstance(sent, dict):
        raise bad_payload("The body must be a JSON object.")
    return sent


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")
