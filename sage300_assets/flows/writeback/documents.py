"""Rows become documents: one for each transaction id. A problem anywhere in a document holds it, and only it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from sage300_assets.flows.writeback.contract import Contract, Role
from sage300_assets.flows.writeback.parse import Problem, Row

LONGEST_TRANSACTION = 40
"""So that it fits into a description of sixty characters, with room for words behind it."""
_TRANSACTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#+-]*[A-Za-z0-9]|[A-Za-z0-9]")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Document:
    """What will be one batch in Sage 300."""

    transaction: str
    rows: tuple[Row, ...]
    """Those with an amount, in the order of entry and line."""
    skipped: int = 0
    """Rows whose amount is zero; Sage 300 takes none."""

    @property
    def marker(self) -> str:
        """How the batch is found again. The brackets keep `TX1` apart from `TX10`."""
        return f"[{self.transaction}]"

    @property
    def debits(self) -> Decimal:
        """Sum of the positive amounts."""
        return sum((r.amount for r in self.rows if r.amount > 0), ZERO)

    @property
    def credits(self) -> Decimal:
        """Sum of the negative amounts, without their sign."""
        return -sum((r.amount for r in self.rows if r.amount < 0), ZERO)

    @property
    def fingerprint(self) -> str:
        """The same for the same content, whatever the order of its columns or lines in the export."""
        told = [sorted((role.name, repr(value)) for role, value in row.values.items() if role is not Role.IGNORED) for row in self.rows]
        return hashlib.sha256(repr(sorted(told)).encode()).hexdigest()

    def entries(self) -> Iterator[tuple[int, tuple[Row, ...]]]:
        """Rows by the entry they belong to."""
        grouped: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows:
            grouped[row.number(Role.ENTRY)].append(row)
        for number in sorted(grouped):
            yield number, tuple(grouped[number])


@dataclass(frozen=True, slots=True)
class Held:
    """A document that cannot be sent as it is."""

    document: Document
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Sorted:
    """An export, sorted into documents."""

    documents: tuple[Document, ...]
    held: tuple[Held, ...]
    unassigned: tuple[Row, ...]
    """Rows without a transaction id that can be read; they belong to nothing, so nothing of the export should be trusted."""

    def total(self) -> tuple[int, Decimal, Decimal]:
        """Rows, debits and credits of everything, held or not: what the export must agree with."""
        everything = [*self.documents, *(h.document for h in self.held)]
        rows = sum(len(d.rows) + d.skipped for d in everything) + len(self.unassigned)
        debits = sum((d.debits for d in everything), ZERO) + sum((r.amount for r in self.unassigned if r.amount > 0), ZERO)
        credits_ = sum((d.credits for d in everything), ZERO) - sum((r.amount for r in self.unassigned if r.amount < 0), ZERO)
        return rows, debits, credits_


def sort_rows(rows: Iterable[Row], contract: Contract) -> Sorted:
    """Group rows by their transaction id; hold documents with anything wrong in themselves."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    unassigned: list[Row] = []
    for row in rows:
        transaction = row.text(Role.TRANSACTION)
        if transaction:
            grouped[transaction].append(row)
        else:
            unassigned.append(row)
    documents: list[Document] = []
    held: list[Held] = []
    folded: dict[str, str] = {}
    for transaction, members in grouped.items():
        ordered = sorted(members, key=lambda r: (r.number(Role.ENTRY), r.number(Role.LINE), r.line))
        kept = tuple(r for r in ordered if r.amount or r.problems)
        document = Document(transaction, kept, len(ordered) - len(kept))
        problems = [*_own_problems(document, ordered, contract)]
        other = folded.setdefault(transaction.casefold(), transaction)
        if other != transaction:
            # A search in Sage 300 may not care about capitals, so the two could be taken for one.
            problems.append(Problem("transaction", ordered[0].line, f"{transaction!r} and {other!r} differ in capitals only"))
        if problems:
            held.append(Held(document, tuple(problems)))
        else:
            documents.append(document)
    return Sorted(tuple(documents), tuple(held), tuple(unassigned))


def _own_problems(document: Document, rows: list[Row], contract: Contract) -> Iterator[Problem]:
    for row in rows:
        yield from row.problems
        if row.values.get(Role.DEBIT) and row.values.get(Role.CREDIT):
            yield Problem("amount", row.line, "it has a debit and a credit")
        for role in (Role.DEBIT, Role.CREDIT):
            value = row.values.get(role)
            if isinstance(value, Decimal) and value < 0:
                yield Problem("amount", row.line, f"its {role.value} is negative")
    first = rows[0].line
    if len(document.transaction) > LONGEST_TRANSACTION or not _TRANSACTION.fullmatch(document.transaction):
        yield Problem(
            "transaction",
            first,
            f"{document.transaction!r} is no transaction id: at most {LONGEST_TRANSACTION} plain letters, digits and . _ / # + -",
        )
    if not document.rows and not any(r.problems for r in rows):
        yield Problem("amount", first, "all its amounts are zero")
    if contract.has(Role.LINE):
        seen: set[tuple[int, int]] = set()
        for row in rows:
            place = (row.number(Role.ENTRY), row.number(Role.LINE))
            if place in seen:
                yield Problem("duplicate", row.line, f"entry {place[0]}, line {place[1]} is there twice")
            seen.add(place)
