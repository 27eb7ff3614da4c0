"""Options that several verbs take, and what may be written as their values."""

from __future__ import annotations

import argparse
from datetime import date


def company_option(parser: argparse.ArgumentParser) -> None:
    """Take companies."""
    parser.add_argument("--company", metavar="ORGID", help="Org ID, or several separated by commas (default: all of SAGE300_COMPANIES)")


def lake_option(parser: argparse.ArgumentParser) -> None:
    """Take the lake's folder."""
    parser.add_argument("--lake", type=folder, metavar="DIR", help="folder of the lake (default: LAKE_URL, or var/lake)")


def world_options(parser: argparse.ArgumentParser) -> None:
    """Take what an invented company is made from."""
    parser.add_argument(
        "--companies", type=codes, default=("SAMLTD", "SAMINC"), metavar="ORGIDS", help="separated by commas (default: SAMLTD,SAMINC)"
    )
    parser.add_argument("--days", type=days, default=90, help="days of business before today (default: 90)")
    parser.add_argument("--scale", type=positive, default=1, help="how much business there is (default: 1)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed invents the same business (default: 7)")


def server_options(parser: argparse.ArgumentParser) -> None:
    """Take what every simulator needs."""
    parser.add_argument("--port", type=port, default=0, help="port (default: any free one)")
    parser.add_argument("--fault", type=fault, action="append", default=[], metavar="NAME", help="misbehave; may be given several times")
    parser.add_argument("--list-faults", action="store_true", help="show every fault and what it does")


def day(text: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as {date(2026, 1, 31)}") from None


def positive(text: str) -> int:
    """A whole number above zero."""
    return _number(text, 1, 1_000_000)


def days(text: str) -> int:
    """So many days before today, which no calendar runs out of."""
    return _number(text, 1, 36_500)


def port(text: str) -> int:
    """A port; 0 is any free one."""
    return _number(text, 0, 65_535)


def codes(text: str) -> tuple[str, ...]:
    """Org IDs."""
    found = tuple(dict.fromkeys(code.strip().upper() for code in text.split(",") if code.strip()))
    if not found:
        raise argparse.ArgumentTypeError("at least one Org ID is needed")
    return found


def fault(text: str) -> tuple[str, dict[str, object]]:
    """`slow:times=always,seconds=2`."""
    name, _, options = text.partition(":")
    return name, {key: _value(value) for key, _, value in (pair.partition("=") for pair in options.split(",") if pair)}


def folder(text: str) -> str:
    """A folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty text is no folder")
    return text


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _value(text: str) -> object:
    known: dict[str, object] = {"always": None, "true": True, "false": False}
    if text in known:
        return known[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
