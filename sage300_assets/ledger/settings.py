"""Where the ledger is, and how long it remembers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings


class LedgerSettings(EnvSettings):
    """The operational database: SQLite in a local file, or PostgreSQL."""

    ledger_url: SecretStr = Field(
        default=SecretStr("sqlite:///var/ledger.db"), description="sqlite:///path/of/a/file, or postgresql://user:password@host/database."
    )
    ledger_keep_days: int = Field(default=0, ge=0, description="Days that the audit trail is kept; 0 keeps it for ever.")

    def address(self) -> URL:
        """The database's address; a wrong one is an error that says what is right, without quoting a password."""
        text = self.ledger_url.get_secret_value().strip()
        if text and "://" not in text:  # a bare path
            return URL.create("sqlite", database=str(Path(text)))
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            url = None
        if url is None:
            raise _wrong("LEDGER_URL is not an address.")
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise _wrong(f"LEDGER_URL names {url.get_backend_name()}, which cannot hold the ledger.")
        if url.get_backend_name() == "sqlite" and (not url.database or url.database == ":memory:"):
            raise _wrong("LEDGER_URL names no file, and a ledger in memory would be lost with the process.")
        return url


def _wrong(message: str) -> ConfigurationError:
    return ConfigurationError(message, cure="Write sqlite:///var/ledger.db, or postgresql://user:password@host/database.")
