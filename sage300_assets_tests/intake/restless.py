"""A source that changes while it is read: between any two questions, whatever they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sage300_assets.simulators.sage300 import World
from sage300_assets.simulators.sage300.drafts import Draft
from sage300_assets.simulators.sage300.world import Question
from sage300_assets_tests.house import COMPANY, PASSWORD, TODAY, USER

STAMPED, SNAPSHOT = "TXTaxAuthorities", "APTerms"
Record = dict[str, Any]
Change = Callable[[], object]


class Restless(World):
    """Does what was planned when the n-th question is asked, before it is answered."""

    def __init__(self, today: date = TODAY) -> None:
        super().__init__((COMPANY,), days=1, today=today, username=USER, password=PASSWORD)
        self._planned: dict[int, list[Change]] = defaultdict(list)
        self.asked = 0
        self._awake = False
        for name in (STAMPED, SNAPSHOT):
            self.replace_all(COMPANY, name, [])

    def find(self, company: str, resource: str, question: Question | None = None) -> list[Draft]:
        with self.lock:
            if self._awake:
                self.asked += 1
                self._awake = False
                try:
                    for change in self._planned.pop(self.asked, []):
                        change()
                finally:
                    self._awake = True
            return super().find(company, resource, question)

    @contextmanager
    def restless(self, *plan: tuple[int, Change]) -> Iterator[None]:
        """Changes before the n-th question (from 1) that is asked inside the block."""
        self._planned.clear()
        self.asked = 0
        for nth, change in plan:
            self._planned[nth].append(change)
        self._awake = True
        try:
            yield
        finally:
            self._awake = False

    # --- the records: small ones, with lines -------------------------------------------------------------------------------------------

    def plant(self, number: int, day: date | None, text: str = "first", lines: int = 2) -> None:
        """Insert a tax authority, or replace all of it."""
        key = authority(number)
        classes = [
            {"TaxAuthority": key, "TransactionType": "Sales", "ClassType": "Customers", "Class": n, "Description": f"{text} {n}"}
            for n in range(lines)
        ]
        self.put(COMPANY, STAMPED, {"TaxAuthorityKey": key, "Name": text, "LastMaintained": day, "TaxClasses": classes})

    def stamp(self, number: int, day: date | None) -> None:
        """Give a tax authority another date, and change nothing else."""
        self.put(COMPANY, STAMPED, {"TaxAuthorityKey": authority(number), "LastMaintained": day})

    def remove(self, number: int) -> None:
        """Delete a tax authority."""
        self.delete(COMPANY, STAMPED, [authority(number)])

    def plant_terms(self, number: int, text: str = "first", lines: int = 2) -> None:
        """Insert terms, or replace all of them."""
        key = authority(number)
        schedule = [{"TermsCode": key, "PaymentNumber": n, "DueNumberOfDays": len(text) + n} for n in range(lines)]
        self.put(COMPANY, SNAPSHOT, {"TermsCode": key, "Description": text, "TermsPaymentSchedule": schedule})

    def remove_terms(self, number: int) -> None:
        """Delete terms."""
        self.delete(COMPANY, SNAPSHOT, [authority(number)])


def authority(number: int) -> str:
    """Key of a record."""
    return f"K{number:04}"
