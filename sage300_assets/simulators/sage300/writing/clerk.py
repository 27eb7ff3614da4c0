"""Answers requests that write. Each is carried out whole or not at all, while nobody else reads or writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.simulators.sage300.amounts import number
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.drafts import Interest
from sage300_assets.simulators.sage300.errors import (
    bad_action,
    bad_payload,
    no_such_endpoint,
    no_such_record,
    not_simulated,
    refused_by_business,
    verb_not_offered,
)
from sage300_assets.simulators.sage300.ledger import Ledger
from sage300_assets.simulators.sage300.pages import Librarian
from sage300_assets.simulators.sage300.paths import OFFERED, POST_ONLY, Address, KeyMember, parse_key
from sage300_assets.simulators.sage300.shapes import Anything, Row
from sage300_assets.simulators.sage300.store import Store
from sage300_assets.simulators.sage300.trade import LONGEST_POSTING, Trade
from sage300_assets.simulators.sage300.writing.desk import Desk, cash_of, side_of
from sage300_assets.simulators.sage300.writing.habits import Habits
from sage300_assets.simulators.sage300.writing.logic import drives_for, finishes_for
from sage300_assets.simulators.sage300.writing.payload import Applier
from sage300_assets.simulators.sage300.writing.posting import Poster
from sage300_assets.simulators.sage300.writing.processes import ALL, IDLE, Process, processes
from sage300_assets.simulators.sage300.writing.rules import is_credit, objections, total

WRITABLE = ("GLJournalBatches", "APInvoiceBatches", "APPaymentAndAdjustmentBatches", "ARInvoiceBatches", "ARReceiptAndAdjustmentBatches")
"""The batches a client may write here. The real server takes master data and more batches too."""
FIRST_SUBLEDGER_BATCH = 900_001
LONGEST_RANGE = 1000
"""So many numbers of a range are looked at for batches that no client has made."""
KEPT_BY_SERVER = frozenset(
    {
        "BatchNumber", "BatchPrintedFlag", "BatchRecordType", "BatchSelector", "BatchStatus", "BatchTotal", "Credits", "DateCreated",
        "DateLastEdited", "Debits", "LastEntryNumber", "NextEntryNumber", "NumberOfEntries", "NumberOfErrors", "OriginalStatus",
        "PostingSequence", "PostingSequenceNumber", "ReadyToPost", "Status",
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
        if name is not None:
            known = self._librarian.resolve(Address(address.company, address.module, "$metadata", None))
            if not name.startswith(known.module):
                raise no_such_endpoint(name)
            if verb != "POST":
                raise verb_not_offered(verb)
            if name not in self._processes and name not in IDLE:
                raise not_simulated(verb, name)
            return Address(known.company, known.module, name, address.key)
        found = self._librarian.resolve(address)
        if verb not in OFFERED.get(found.resource, ()):
            raise verb_not_offered(verb)
        if found.resource not in WRITABLE:
            raise not_simulated(verb, found.resource)
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
        cash = cash_of(address.resource)
        if cash is not None:
            selector = _sent(payload, cash.selector)
            row[cash.selector] = selector if selector in (cash.kind, "AD") else cash.kind
        return row

    def _create(self, address: Address, payload: dict[str, Any]) -> Written:
        resource = address.resource
        cash = cash_of(resource)
        if cash is not None and _sent(payload, cash.selector) not in (cash.kind, "AD"):
            raise bad_payload(f"{cash.selector} must be {cash.kind} or AD.")
        if resource == "ARReceiptAndAdjustmentBatches" and _sent(payload, "BatchRecordType") == "AD":
            raise not_simulated("POST", "adjustments in ARReceiptAndAdjustmentBatches")  # how their distributions are called is not known
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
        self._take(address, key)
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
            name = f"{address.resource} {row.get('BatchSelector', '')}{row.get('BatchRecordType', '')}"
            row["BatchNumber"] = number(self._next(desk, name, FIRST_SUBLEDGER_BATCH))
        for member in ("JournalHeaders", "Invoices", "PaymentsAdjustments", "ReceiptsAdjustments"):
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
        if not self._is_mine(address, key) and not self._is_unposted(address, key):
            raise refused_by_business("General", f"Batch {key[-1]} is in use by another user.")

    # Batches that nobody has sent: whoever changes or posts one has it from then on.

    def _is_mine(self, address: Address, key: tuple[Any, ...]) -> bool:
        return key in self._mine.get(f"{address.company}/{address.resource}", ())

    def _keeper(self, address: Address) -> Ledger | Trade | None:
        books = books_of(self._world.companies[address.company])
        keepers: dict[str, Ledger | Trade] = {
            "GLJournalBatches": books.ledger,
            "APInvoiceBatches": books.payables,
            "ARInvoiceBatches": books.receivables,
        }
        return keepers.get(address.resource)

    def _is_unposted(self, address: Address, key: tuple[Any, ...]) -> bool:
        keeper = self._keeper(address)
        return keeper is not None and keeper.is_unposted(int(key[0]))

    def _take(self, address: Address, key: tuple[Any, ...]) -> None:
        keeper = self._keeper(address)
        if keeper is not None and not self._is_mine(address, key):
            keeper.take(int(key[0]))
        self._mine.setdefault(f"{address.company}/{address.resource}", set()).add(key)

    # Processes.

    def _process(self, address: Address, payload: dict[str, Any]) -> Written:
        action = (address.key or "").strip("'")
        if action not in ("$template", "$process"):
            raise bad_action(action)
        process = self._processes.get(address.resource)
        if process is None:
            return self._idle(address.resource, action, payload)
        if action == "$template":
            return Written(200, self._parameters(process))
        known = {n.casefold(): n for n in (process.everything, process.first, process.last, process.kind, "ActionSelector") if n}
        unknown = [name for name in payload if name.casefold() not in known]
        if unknown:
            raise bad_payload(f"The property '{min(unknown)}' does not exist on type '{address.resource}'.")
        batches = self._chosen(address, process, {known[name.casefold()]: value for name, value in payload.items()})
        desk = self._desk(address)
        poster = Poster(desk)
        for row in batches:
            self._take(Address(address.company, address.module, process.resource, None), self._key_of(process.resource, row))
            problems = [*objections(process.resource, row, desk), *self._duplicates(process.resource, row, desk, self._key_of(process.resource, row))]
            if problems:
                # The business layer leaves such a batch open and says so.
                row["NumberOfErrors"] = Decimal(len(problems))
                self._mark(process.resource, row, {"BatchStatus": "Open", "ReadyToPost": "No", "Status": "Open"})
                self._world.put(address.company, process.resource, row)
                raise refused_by_business("General", f"Batch {row['BatchNumber']} could not be posted.", *problems)
            poster.post(process.resource, row)
        return Written(self._habits.changed)

    def _idle(self, resource: str, action: str, payload: dict[str, Any]) -> Written:
        """A process for which nothing is left to do."""
        blank = {"ActionSelector": 0, **IDLE[resource]}
        if action == "$template":
            return Written(200, json.dumps({"@odata.context": f"#{resource}", **blank}))
        known = {name.casefold(): type(value) for name, value in blank.items()}
        for name, value in payload.items():
            kind = known.get(name.casefold())
            if kind is None:
                raise bad_payload(f"The property '{name}' does not exist on type '{resource}'.")
            if type(value) is not kind and name != "ActionSelector":
                raise bad_payload(f"Cannot convert a value to type '{kind.__name__}'. Path '{resource}.{name}'.")
        return Written(self._habits.changed)

    def _parameters(self, process: Process) -> str:
        gl = process.resource == "GLJournalBatches"
        blank: dict[str, Any] = {"ActionSelector": 0, process.everything: ALL[0], process.first: "" if gl else 0, process.last: "" if gl else 0}
        if process.kind:
            blank[process.kind] = process.kinds[0]
        return json.dumps({"@odata.context": f"#{process.resource}", **blank})

    def _chosen(self, address: Address, process: Process, payload: dict[str, Any]) -> list[Row]:
        """The batches a posting is for: all that are ready, or those of a range, each of which must be."""
        everything = payload.get(process.everything, ALL[0])
        if everything not in ALL:
            raise bad_payload(f"Requested value '{everything}' was not found. Path '{process.everything}'.")
        at = Address(address.company, address.module, process.resource, None)
        if everything == ALL[1]:
            recent = Interest(first=self._world.today - timedelta(days=LONGEST_POSTING))
            others = [draft.key for draft in self._store(at).drafts(recent)]
            return [row for row in self._unposted(at, others, process, payload) if self._is_ready(process.resource, row)]
        first, last = (_batch_number(payload.get(name), name) for name in (process.first, process.last))
        rows = [row for row in self._unposted(at, self._numbered(at, first, last), process, payload) if first <= int(row["BatchNumber"]) <= last]
        if not rows:
            raise refused_by_business("General", f"There is no batch from {first} to {last}.")
        for row in rows:
            if not self._is_ready(process.resource, row):
                raise refused_by_business("General", f"Batch {row['BatchNumber']} is not ready to post.")
        return rows

    def _unposted(self, at: Address, others: Iterable[tuple[Any, ...]], process: Process, payload: dict[str, Any]) -> list[Row]:
        """The batches of clients, and those of others that nobody has posted."""
        keys = set(self._mine.get(f"{at.company}/{at.resource}", ())) | {key for key in others if self._is_unposted(at, key)}
        if process.kind:
            keys = {key for key in keys if key[0] == payload.get(process.kind, process.kinds[0])}
        found = map(self._store(at).find, sorted(keys))
        return [draft.record() for draft in found if draft is not None]

    def _numbered(self, at: Address, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """Keys of the batches that others may have made with these numbers."""
        if self._keeper(at) is not None:
            for value in range(first, min(last, first + LONGEST_RANGE) + 1):
                yield (f"{value:06d}",) if at.resource == "GLJournalBatches" else (number(value),)

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
