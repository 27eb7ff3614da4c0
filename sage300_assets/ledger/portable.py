"""What SQLite and PostgreSQL both can and SQLAlchemy keeps apart: insert unless it is there; hold a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Column, Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def insert_or_leave(db: Connection, table: Table, unique: Sequence[Column[object]] | Sequence[str] | None = None) -> Insert:
    """Insert a row; one with the same value in the unique columns (by default: in any) is left as it is."""
    if db.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=unique)
    return postgresql.insert(table).on_conflict_do_nothing(index_elements=unique)


def insert_or_change(
    db: Connection, table: Table, unique: Sequence[Column[object]] | Sequence[str], values: Mapping[str, object], changes: Mapping[str, object]
) -> None:
    """Insert a row, or change the one that has the same value in the unique columns."""
    if db.dialect.name == "sqlite":
        db.execute(sqlite.insert(table).values(**values).on_conflict_do_update(index_elements=unique, set_=dict(changes)))
    else:
        db.execute(postgresql.insert(table).values(**values).on_conflict_do_update(index_elements=unique, set_=dict(changes)))


def hold(db: Connection, names: Iterable[str]) -> None:
    """Let nobody else hold these names until the transaction ends. SQLite has one writer anyway; PostgreSQL locks what does not exist as a row yet.

    In the order of the alphabet, so that two who want several never wait for each other.
    """
    if db.dialect.name == "postgresql":
        for name in sorted(set(names)):
            db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
