"""Shapes that many comparisons have, so that a control reads as a sentence and not as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sage300_assets.catalogue import table
from sage300_assets.lake.schema import BUSINESS_DATE
from sage300_assets.reconciliation.control import CLEARED, Comparison

NO_MONEY = "CAST(0 AS DECIMAL(19,3))"


def view(name: str) -> str:
    """`ap/invoices` -> `ap_invoices`, as SQL calls it."""
    found = table(name)
    return f"{found.module}_{found.name}"


def key_of(name: str, alias: str = "t") -> str:
    """The key of a table's rows as a struct."""
    return "{" + ", ".join(f"'{k}': {alias}.\"{k}\"" for k in table(name).key) + "}"


def same(name: str, left: str, right: str) -> str:
    """That two rows have the same key of this table."""
    return " AND ".join(f'{left}."{k}" = {right}."{k}"' for k in table(name).key)


def pair(  # noqa: PLR0913 - the columns of a comparison
    *,
    key: str,
    says: str,
    adds: str,
    source: str,
    currency: str = "''",
    slack: str = "0",
    explained: str = NO_MONEY,
    reason: str = "''",
    not_known: str = "false",
    cleared: str = "false",
) -> str:
    """The query of a comparison, from its parts."""
    return (
        f"SELECT {key} AS key, {currency} AS currency, {says} AS says, {adds} AS adds, {slack} AS slack, "
        f"{explained} AS explained, {reason} AS reason, {not_known} AS not_known, "
        f"{cleared} AS cleared FROM {source}"
    )


@dataclass(frozen=True)
class Rows:
    """The rows of one table, called `t`, and how their amounts are denominated."""

    table: str
    currency: str = "''"
    joined: str = ""
    """Further tables, as SQL joins them."""
    where: str = "true"

    @property
    def source(self) -> str:
        """What stands behind FROM."""
        return f"{view(self.table)} AS t {self.joined}"

    def equal(self, what: str, says: str, adds: str, *, slack: str = "0", where: str = "true", home: bool = False) -> Comparison:
        """Two expressions over one row are equal; `home` says that both are in home currency."""
        return Comparison(
            what,
            pair(
                key=key_of(self.table),
                says=says,
                adds=adds,
                source=f"{self.source} WHERE ({self.where}) AND ({where})",
                currency="''" if home else self.currency,
                slack=slack,
            ),
        )

    def nothing(self, what: str, fields: Iterable[str], unless: str, *, home: bool = False) -> Comparison:
        """These amounts are zero, unless a condition holds."""
        held = " + ".join(f'abs(t."{f}")' for f in fields)
        return self.equal(what, f"CASE WHEN {unless} THEN 0 ELSE {held} END", NO_MONEY, home=home)

    def rated(
        self, what: str, home: str, source: str, rate: str, operator: str = "''", *, parts: str = "1", currency: str = "", other: str = ""
    ) -> Comparison:
        """An amount in home currency is another one times the exchange rate.

        Where the other one was rounded in several parts, each may be off by half a unit, and so may the whole; one part is that rounding itself.
        `other` is a second way to come to it. `currency` is the one that the rate is of: there is nothing to compare where it is foreign and
        its rate is not told.
        """
        at_rate = f"home_amount({source}, {rate}, {operator})"
        slack = f"CASE WHEN {rate} IN (0, 1) OR ({parts}) < 2 THEN 0 ELSE CAST(({parts}) + 1 AS INTEGER) // 2 * home_unit() END"
        return self.equal(
            what,
            home,
            nearest(home, at_rate, other) if other else at_rate,
            slack="0" if parts == "1" else slack,
            where=f"is_told({rate}, {currency or self.currency})",
            home=True,
        )

    def lines(self, what: str, says: str, child: str, added: str, *, plus: str = "0", where: str = "true", home: bool = False) -> Comparison:
        """An amount of a record is what its lines, called `d`, add up to."""
        keys = ", ".join(f'd."{k}"' for k in table(self.table).key)
        below = f"(SELECT {keys}, count(*) AS lines, {added} AS added FROM {view(child)} AS d GROUP BY {keys}) AS b"
        return Comparison(
            what,
            pair(
                key=key_of(self.table),
                says=says,
                # Without lines the sum is zero; with lines whose amounts the server does not give it is unknown.
                adds=f"CASE WHEN b.lines IS NULL THEN 0 ELSE b.added END + ({plus})",
                source=f"{self.source} LEFT JOIN {below} ON {same(self.table, 'b', 't')} WHERE ({self.where}) AND ({where})",
                currency="''" if home else self.currency,
            ),
        )

    def counted(self, what: str, says: str, child: str, *, where: str = "true") -> Comparison:
        """A record has as many lines as it says."""
        lines = self.lines(what, f"CAST({says} AS DECIMAL(19,3))", child, "count(*)", where=where)
        return Comparison(what, lines.sql, counts=True)

    def known(self, what: str, columns: str, target: str, target_columns: str, *, where: str = "true", clears: bool = False) -> Comparison:
        """Every row refers to a record that exists. Blank references refer to nothing; `clears` says that old ones are cleared away at the source.

        Lists are read daily or weekly, documents as soon as there are new ones: what was entered since may refer to a record that is as new.
        """
        later = f"last_read('{table(target).entity.resource}')"
        since = f"(t._read_at > {later} AND t.{BUSINESS_DATE} >= local_day({later}))"
        pairs = list(zip(columns.split(), target_columns.split(), strict=True))
        met = " AND ".join(f'x."{there}" = t."{here}"' for here, there in pairs)
        given = " AND ".join(f"coalesce(t.\"{here}\", '') <> ''" for here, _ in pairs[:1])
        named = " || ' ' || ".join(f't."{here}"' for here, _ in pairs)
        exists = f"EXISTS (SELECT 1 FROM {view(target)} AS x WHERE {met})"
        gone = f"NOT {exists} AND EXISTS (SELECT 1 FROM {view(target)}{CLEARED} AS x WHERE {met})" if clears else "false"
        sql = pair(
            key=key_of(self.table),
            says="CAST(1 AS DECIMAL(19,3))",
            adds=f"CAST({exists} AS INTEGER)",
            source=f"{self.source} WHERE ({self.where}) AND ({where}) AND {given}",
            explained=f"CASE WHEN {since} AND NOT {exists} THEN 1 ELSE 0 END",
            reason=f"'refers to ' || {named} || CASE WHEN {since} THEN ', and {view(target)} was read before' ELSE '' END",
            cleared=gone,
        )
        return Comparison(what, sql, counts=True)


def nearest(says: str, *readings: str) -> str:
    """The reading that an amount comes closest to, where nobody says which of several it follows. A cent misses them all."""
    best = readings[0]
    for other in readings[1:]:
        best = f"CASE WHEN abs(({says}) - ({other})) < abs(({says}) - ({best})) THEN {other} ELSE {best} END"
    return best


def total(*names: str, alias: str = "t") -> str:
    """Columns added up: `total("TaxAmount1-5")`."""
    return "(" + " + ".join(f'{alias}."{n}"' for n in expand(*names)) + ")"


def expand(*names: str) -> list[str]:
    """`TaxAmount1-5` -> the five names."""
    found = []
    for name in names:
        if name.endswith("1-5"):
            found += [f"{name[:-3]}{n}" for n in range(1, 6)]
        else:
            found.append(name)
    return found
