from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sage300_assets.base.errors import ConfigurationError, LedgerUnavailable
from sage300_assets.ledger import migrate
from sage300_assets.ledger.outbox import Outbox
from sage300_assets.ledger.store import Ledger
from sage300_assets.ledger.tables import METADATA
from sage300_assets.ledger.verify import verify
from sage300_assets_tests.ledger.conftest import BACKENDS
from sage300_assets_tests.ledger.release import FOLDER

RELEASED = sorted(path.stem for path in FOLDER.glob("*.sql"))


def versions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    return sorted(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def test_every_version_was_written_down_when_it_was_released() -> None:
    assert versions() == RELEASED
    assert versions()[-1] == migrate.NEWEST


@pytest.mark.parametrize("version", RELEASED)
def test_a_released_ledger_is_opened_and_nothing_in_it_is_lost(version: str, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        db.executescript((FOLDER / f"{version}.sql").read_text(encoding="utf-8"))
    db.close()
    ledger = Ledger.at(f"sqlite:///{path}")
    verdict = verify(ledger)
    assert verdict.broken is None
    assert verdict.entries >= 3
    box = Outbox(ledger, lambda: datetime(2026, 11, 21, tzinfo=UTC))
    [claim] = box.claim("new", lease=timedelta(minutes=1))
    assert (claim.item.record, claim.ask_first) == ("a/b/1", True)
    ledger.close()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("version", RELEASED)
def test_migrated_tables_are_what_the_code_expects(backend: str, version: str, new_ledger: Callable[[str], Ledger]) -> None:
    ledger = new_ledger(backend)
    engine = ledger._make()
    with engine.connect() as connection:
        migrate.migrate(connection, version)
    engine.dispose()
    with ledger.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": False})
        differences = [d for d in compare_metadata(context, METADATA) if "ledger_version" not in str(d)]
    assert differences == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ledger_of_a_newer_release_is_left_alone(backend: str, new_ledger: Callable[[str], Ledger]) -> None:
    ledger = new_ledger(backend)
    ledger.check()
    with ledger.write() as db:
        db.execute(text("UPDATE ledger_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer release"):
        Ledger(ledger.url).check()


def test_a_migration_that_dies_half_way_leaves_nothing(new_ledger: Callable[[str], Ledger], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = new_ledger("sqlite")
    engine = ledger._make()
    with engine.connect() as connection:
        monkeypatch.setattr("alembic.op.create_index", _die)
        with pytest.raises(KeyboardInterrupt):
            migrate.migrate(connection, migrate.NEWEST)
        monkeypatch.undo()
        assert connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0
    engine.dispose()
    assert verify(ledger).broken is None


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("content", [b"this is not a database, whatever its name may say" * 100, b""])
def test_a_file_that_is_no_ledger_is_told_with_a_cure(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    ledger = Ledger.at(f"sqlite:///{path}")
    if content:
        with pytest.raises(LedgerUnavailable, match="backup"):
            ledger.check()
    else:
        ledger.check()  # an empty file is how a new one begins
    ledger.close()
