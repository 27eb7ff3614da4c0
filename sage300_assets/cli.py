"""The `sage300` command. Each verb imports what it needs, so that `sage300 --help` is quick."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sage300_assets.intake.arguments import SHOWN_ROWS, parse

if TYPE_CHECKING:
    from sage300_assets.base.settings import Settings
    from sage300_assets.catalogue.model import Entity
    from sage300_assets.intake.pull import Pulled
    from sage300_assets.lake.lake import Lake


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; gives the exit code: 0, 1 when something failed, 2 when a setting or the command is wrong, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a console that lacks a character shows its number instead of failing
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    args = parse(argv)
    try:
        code = _VERBS[args.verb](args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("sage300: interrupted.\n")
        return 130
    except BrokenPipeError:  # whoever read the answer, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python puts the rest when it ends
        return 1
    except Exception as problem:  # noqa: BLE001 - one line instead of a traceback, whatever it is
        return _failed(problem)
    return code


# --- the verbs -----------------------------------------------------------------------------------------------------------------------


def _simulate(args: argparse.Namespace) -> int:
    import gc
    import threading

    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.intake.screen import grid, say
    from sage300_assets.simulators.sage300 import Server, World, describe_faults

    unknown = [name for name, _ in args.fault if name not in describe_faults()]
    if unknown:
        raise ConfigurationError(f"There is no fault {unknown[0]!r}.", cure="`sage300 simulate sage300 --list-faults` shows all.")
    if args.list_faults:
        grid(("fault", "what it does"), list(describe_faults().items()))
        return 0
    gc.set_threshold(100_000, 50, 100)  # a large world is many small objects that live long
    world = World(args.companies, args.days, args.scale, args.seed)
    server = Server(world, dict(args.fault), args.page_size, port=args.port)
    try:
        server.start()
    except OSError as refusal:
        raise ConfigurationError(f"Port {args.port} cannot be used: {refusal.strerror}.", cure="Leave out --port to use any free one.") from refusal
    say(f"Sage 300 simulator at {server.url}")
    say(f"User {world.username}, password {world.password}, companies {', '.join(args.companies)}")
    say(f"Control panel at {server.control_url}")
    say("\nSettings for .env or the environment; Ctrl+C ends the simulator.\n")
    say(f"SAGE300_URL={server.url}\nSAGE300_COMPANIES={','.join(args.companies)}")
    say(f"SAGE300_USERNAME={world.username}\nSAGE300_PASSWORD={world.password}")
    say(f"SAGE300_START_DATE={world.today - timedelta(days=args.days)}")
    sys.stdout.flush()
    never = threading.Event()
    try:
        while not never.wait(1):  # Windows hears Ctrl+C only between waits
            pass
    finally:
        server.stop()
    return 0


def _pull(args: argparse.Namespace) -> int:
    from sage300_assets.base.days import Span
    from sage300_assets.intake import screen
    from sage300_assets.intake.pull import pull

    entities = _entities(args.entities)
    settings = _settings(args)
    settings.require_source()
    lake = _lake(settings)
    wanted = [(company, entity) for company in settings.sage300_companies for entity in entities]
    done: list[Pulled] = []
    with screen.progress(wanted) as (watch, tell):
        try:
            for one in pull(settings, lake, wanted, Span(args.start, args.end), watch=watch, accept_vanished=args.accept_vanished):
                done.append(one)
                tell(one)
        finally:
            read = [(one.company, one.entity) for one in done if one.loaded]
            fresh = lake.refresh_warehouse(read) if read else True
    screen.pulled(done, lake, args.lake or "")
    if not fresh:
        screen.complain(f"sage300: {lake.layout.warehouse} is in use by another program; the next read brings it up to date.")
    codes = [_failed(one.problem) for one in done if one.problem is not None]
    if len(done) < len(wanted):
        screen.complain(f"sage300: {len(wanted) - len(done)} more were not tried because of this.")
    return max(codes, default=0)


def _tables(args: argparse.Namespace) -> int:
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.intake.browse import companies_in, holdings, loaded
    from sage300_assets.intake.screen import grid, say

    settings = _settings(args)
    lake = _lake(settings)
    pairs = loaded(lake, companies_in(lake, settings.sage300_companies))
    if not pairs:
        say(_nothing(lake))
        return 0
    rows = []
    for held in holdings(lake, pairs):
        total = ("", "") if held.total is None else (f"{held.total:,f}", held.table.control)
        rows.append((held.name, f"{held.rows:,}", held.newest or "", *total, f"{held.read_at:%Y-%m-%d %H:%M}", held.files))
    grid(("table", "rows", "newest day", "control total", "of", "last read (UTC)", "files"), rows, right=(1, 3, 6))
    for company in dict.fromkeys(company for company, _ in pairs):
        say(f"{company}: {sum(one == company for one, _ in pairs)} of {len(ENTITIES)} entities are loaded.")
    say(f"Parquet  {lake.root}\nDuckDB   {lake.layout.warehouse}")
    return 0


def _sql(args: argparse.Namespace) -> int:
    from itertools import islice

    from sage300_assets.base.errors import PermanentError
    from sage300_assets.intake.browse import ask, companies_in, loaded, written
    from sage300_assets.intake.screen import complain, grid, write_rows

    settings = _settings(args)
    lake = _lake(settings)
    companies = companies_in(lake, settings.sage300_companies)
    if not loaded(lake, companies):
        raise PermanentError(_nothing(lake))
    with ask(lake, companies, args.query) as answer:
        if args.format != "table":
            write_rows(answer.columns, answer.rows, args.format)
            return 0
        grid(answer.columns, [[written(value) for value in row] for row in islice(answer.rows, SHOWN_ROWS)], right=answer.numbers)
        if next(answer.rows, None) is not None:
            complain(f"sage300: these are the first {SHOWN_ROWS} rows; --format csv or json gives all.")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from collections import Counter

    from sage300_assets.intake.doctor import examine
    from sage300_assets.intake.finding import Level
    from sage300_assets.intake.screen import finding, say

    seen: Counter[Level] = Counter()
    for found in examine(lambda: _settings(args)):
        seen[found.level] += 1
        finding(found)
    say(f"Problems: {seen[Level.PROBLEM]}, notes: {seen[Level.NOTE]}, in order: {seen[Level.OK]}.")
    return 1 if seen[Level.PROBLEM] else 0


def _dev(args: argparse.Namespace) -> int:
    from sage300_assets.orchestration.dev import run_dev

    if not args.demo:
        settings = _settings(args)
        settings.require_source()
        _hand_on(args.env_file or ".env", settings)
    return run_dev(demo=args.demo, port=args.port)


def _demo(args: argparse.Namespace) -> int:
    from sage300_assets.orchestration.demo import run_demo

    return run_demo(days=args.days, companies=args.companies, scale=args.scale, seed=args.seed, keep=args.keep)


def _docs(args: argparse.Namespace) -> int:
    from sage300_assets.catalogue import ENTITIES
    from sage300_assets.catalogue.document import to_markdown
    from sage300_assets.intake.screen import complain, say

    page, text = Path(args.output), to_markdown(ENTITIES)
    if not args.check:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
        say(f"{page}: {len(ENTITIES)} entities.")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    complain(f"sage300: {page} is not what the catalogue says now. Run `sage300 docs`.")
    return 1


def _tidy(args: argparse.Namespace) -> int:
    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.intake.screen import say

    settings = _settings(args)
    lake = _lake(settings)
    pairs = loaded(lake, companies_in(lake, settings.sage300_companies))
    removed = sum(lake.tidy(company, entity) for company, entity in pairs)
    say(f"{lake.root}: {removed} files that nobody needs any more were removed." if pairs else _nothing(lake))
    return 0


def _bench(args: argparse.Namespace) -> int:
    import subprocess
    from importlib.util import find_spec

    from sage300_assets.base.errors import ConfigurationError

    package = "sage300_assets_tests"
    if find_spec(package) is None or find_spec(f"{package}.benchmarks") is None:
        raise ConfigurationError("The benchmarks are not installed.", cure="Run this in the folder of the project's source.")
    return subprocess.call([sys.executable, "-m", f"{package}.benchmarks", *args.more])  # noqa: S603 - our own command


_VERBS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo,
    "dev": _dev,
    "doctor": _doctor,
    "pull": _pull,
    "tables": _tables,
    "sql": _sql,
    "tidy": _tidy,
    "docs": _docs,
    "simulate": _simulate,
    "bench": _bench,
}


# --- what they share -----------------------------------------------------------------------------------------------------------------


def _settings(args: argparse.Namespace) -> Settings:
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.base.settings import load_settings

    given: dict[str, object] = {} if args.env_file is None else {"_env_file": _existing(args.env_file)}
    for option, name in (("lake", "lake_url"), ("company", "sage300_companies")):
        if getattr(args, option, None):
            given[name] = getattr(args, option)
    try:
        return load_settings(**given)
    except UnicodeDecodeError as problem:
        raise ConfigurationError(f"{args.env_file or '.env'} is not text in UTF-8.", cure="Save it as UTF-8.") from problem


def _existing(env_file: str) -> str:
    from sage300_assets.base.errors import ConfigurationError

    if not Path(env_file).exists():
        raise ConfigurationError(f"There is no file {env_file}.", cure=".env.example shows what it may hold.")
    return env_file


def _hand_on(env_file: str, settings: Settings) -> None:
    """Give the settings to processes that are started in another folder; what is set already stays."""
    from dotenv import dotenv_values

    for name, value in dotenv_values(env_file).items():
        if value and not os.environ.get(name.upper()):
            os.environ[name.upper()] = value
    os.environ["LAKE_URL"] = str(settings.lake_folder().absolute())
    if settings.sage300_ca_bundle is not None:
        os.environ["SAGE300_CA_BUNDLE"] = str(settings.sage300_ca_bundle.absolute())


def _lake(settings: Settings) -> Lake:
    from sage300_assets.base.errors import ConfigurationError
    from sage300_assets.lake.lake import Lake

    if os.sep == "/" and "\\" in settings.lake_url:
        raise ConfigurationError(f"The lake's path {settings.lake_url} has a backslash, and this is not Windows.", cure="Write it with / instead.")
    lake = Lake.of(settings)
    if lake.root.exists() and not lake.root.is_dir():
        raise ConfigurationError(f"{lake.root} is a file, so it cannot be a lake.", cure="Name a folder with --lake or LAKE_URL.")
    return lake


def _nothing(lake: Lake) -> str:
    return f"Nothing is loaded yet in {lake.root}. Try `sage300 pull ap/vendors`, or `sage300 demo` if there is no Sage 300 at hand."


def _entities(names: Sequence[str]) -> Sequence[Entity]:
    from sage300_assets.catalogue import ENTITIES, find

    return ENTITIES if "all" in names else tuple(dict.fromkeys(find(name) for name in names))


def _failed(problem: Exception) -> int:
    """Say what went wrong in one line; gives the exit code."""
    from sage300_assets.base.errors import ConfigurationError, Sage300AssetsError
    from sage300_assets.catalogue import UnknownName

    said = " ".join(str(problem).split())
    known = isinstance(problem, (Sage300AssetsError, UnknownName))
    if os.environ.get("SAGE300_DEBUG"):
        import traceback

        traceback.print_exception(problem)
    elif not known:
        said = f"unexpected {type(problem).__name__}: {said} (set SAGE300_DEBUG=1 for the traceback)"
    sys.stderr.write(f"sage300: {said}\n")
    return 2 if isinstance(problem, ConfigurationError) else 1


if __name__ == "__main__":
    sys.exit(main())
