"""What a read needs of this machine: complete settings, a folder for the lake, a ledger, a time zone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sage300_assets.base.errors import ConfigurationError, Sage300AssetsError
from sage300_assets.base.settings import Settings
from sage300_assets.intake.browse import companies_in
from sage300_assets.intake.finding import Finding, Level, problem
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.ledger.store import Ledger

_LEDGER_SECONDS = 5.0
_SPACE_NOTE, _SPACE_PROBLEM = 5 * 1024**3, 500 * 1024**2


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """What can be said of the settings without asking anyone."""
    try:
        settings.require_source()
    except ConfigurationError as wrong:
        yield problem("settings", wrong)
        return
    yield Finding(Level.OK, "settings", f"Complete, for {', '.join(settings.sage300_companies)} at {urlsplit(settings.sage300_url).hostname}.")
    strangers = sorted(set(settings.sage300_timezones) - set(settings.sage300_companies))
    if strangers:
        message = f"SAGE300_TIMEZONES names {', '.join(strangers)}, which SAGE300_COMPANIES does not."
        yield Finding(Level.NOTE, "settings", message, "Compare the spelling of the Org IDs.")
    if settings.sage300_start_date is not None and settings.sage300_start_date > datetime.now(UTC).date() + timedelta(days=1):
        message = f"SAGE300_START_DATE is {settings.sage300_start_date}, which is still to come, so nothing would be read."
        yield Finding(Level.PROBLEM, "settings", message, "Set it to the first day of history that is wanted.")
    if urlsplit(settings.sage300_url).scheme == "http" and settings.sage300_allow_http:
        yield Finding(Level.NOTE, "settings", "Name and password cross the network readably.", "Use https as soon as the server offers it.")


def lake_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the lake's folder can be written, and how much fits in."""
    try:
        folder = settings.lake_folder().resolve()
    except ConfigurationError as wrong:
        yield problem("lake", wrong)
        return
    there = folder
    try:
        there = next((path for path in (folder, *folder.parents) if path.exists()), folder)  # of a drive that is not there, nothing exists
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as refusal:
        yield Finding(
            Level.PROBLEM, "lake", f"Nothing can be written to {there}: {refusal.strerror}.", "Set LAKE_URL to a folder that this user may write to."
        )
        return
    yield free_space(folder, free)
    strangers = sorted(set(companies_in(Lake(folder))) - set(settings.sage300_companies))
    if strangers:
        message = (
            f"The lake also holds {', '.join(strangers)}, which SAGE300_COMPANIES does not name: it stays in all models and in what is made of them."
        )
        cure = "Right for a company that was sold. If it was renamed or only tried, move its folder out of the lake, and run `sage300 models build`."
        yield Finding(Level.NOTE, "lake", message, cure)


def ledger_findings(read_settings: Callable[[], LedgerSettings]) -> Iterator[Finding]:
    """Whether the ledger can be reached: without it nothing is read."""
    try:
        ledger = Ledger.of(read_settings())
        ledger.wait_seconds = _LEDGER_SECONDS
        there = ledger.reach()
    except Sage300AssetsError as wrong:
        yield problem("ledger", wrong)
        return
    yield Finding(Level.OK, "ledger", f"{ledger.place} can be written." if there else f"It will be made at {ledger.place} by the first read.")


def free_space(folder: Path, free: int) -> Finding:
    """Whether a read would fit."""
    message = f"{folder} can be written; {free / 1024**3:,.1f} GB are free."
    if free < _SPACE_PROBLEM:
        return Finding(Level.PROBLEM, "lake", message, "Make room, lower LAKE_KEEP_RAW_DAYS and run `sage300 tidy`, or set LAKE_URL to another disk.")
    if free < _SPACE_NOTE:
        return Finding(Level.NOTE, "lake", message, "A first read of a large company may need more.")
    return Finding(Level.OK, "lake", message)


def time_zone(settings: Settings, company: str, now: datetime) -> Finding:
    """In which zone the company's days begin."""
    zone = settings.zone(company)
    message = f"Days begin at midnight in {zone.key}; there it is {now.astimezone(zone):%Y-%m-%d %H:%M}."
    if not {"sage300_timezone", "sage300_timezones"} & settings.model_fields_set:
        return Finding(Level.NOTE, f"{company} time zone", message, "If the company is elsewhere, set SAGE300_TIMEZONE.")
    return Finding(Level.OK, f"{company} time zone", message)
