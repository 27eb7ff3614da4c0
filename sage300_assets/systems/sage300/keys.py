"""Keys without their records: how many there are under a condition, and which. A page of them costs a fraction of a page of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from sage300_assets.base.errors import SourceMoved
from sage300_assets.catalogue.model import Dated, Stamped
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.contract import Contract
from sage300_assets.systems.sage300.odata import query

DAY = "_day"
"""Column with the record's date; empty where it has none."""


@dataclass(frozen=True)
class Keys:
    """The keys of one entity of one company."""

    client: Sage300Client
    contract: Contract

    @property
    def few(self) -> int:
        """So many keys surely come in one answer."""
        return self.client.settings.sage300_page_size or 100

    def counts(self, conditions: Sequence[str]) -> list[int]:
        """How many records meet each condition, asked side by side."""
        if len(conditions) < 2 or self.client.parallel < 2:
            return [self.client.count(self.contract, where) for where in conditions]
        with ThreadPoolExecutor(self.client.parallel, thread_name_prefix="count") as pool:
            return list(pool.map(lambda where: self.client.count(self.contract, where), conditions))

    def pages(self, where: str) -> Iterator[pa.Table]:
        """The keys that meet a condition, with the date of each record.

        The pages are not read a second time: a key that is passed over because others moved is not lost, for whoever misses it asks for it.
        """
        reading, entity = self.contract.reading, self.contract.entity
        date = reading.field if isinstance(reading, (Stamped, Dated)) else ""
        select = tuple(dict.fromkeys((*self.contract.key_select, *([self.contract.date_field] if date else []))))
        ask = query(where=where, select=select, top=self.client.settings.sage300_page_size, count=True)
        asked: set[str] = set()
        received = 0
        while True:
            if ask in asked:
                raise SourceMoved(
                    f"{self.client.company} {entity.resource}: the server's link to the next page of keys leads in a circle.",
                    cure="Nothing was changed. Try again; if it stays, look for a proxy that alters answers.",
                )
            asked.add(ask)
            table, count, next_query = self.client.keys(self.contract, ask, more=(date,) if date else ())
            received += table.num_rows
            days = table[date] if date else pa.nulls(table.num_rows, pa.date32())
            yield table.select(list(entity.key)).append_column(DAY, days)
            if not next_query and (not table.num_rows or count is None or received >= count):
                return
            ask = next_query or query(where=where, select=select, top=self.client.settings.sage300_page_size, skip=received, count=True)
