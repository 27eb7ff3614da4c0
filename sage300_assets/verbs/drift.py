"""`sage300 drift`: how the server has changed since its shape was accepted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, lake_option
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sage300_assets.base.audit import Recorder
    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.base.settings import Settings
    from sage300_assets.catalogue.model import Entity
    from sage300_assets.intake.shape import Memory
    from sage300_assets.lake.lake import Lake
    from sage300_assets.systems.sage300.metadata import ModuleMetadata

_MORE = """
The first shape that is seen of an entity is accepted. What changes after that is shown here, in `sage300 doctor` and as the check schema_drift,
and stays there until a person accepts it. What a read does meanwhile is declared in the catalogue: evolve, hold or quarantine.
`show` also tells which shapes of a module were seen since when. Both ask the server for its $metadata; `show` ends with 1 if anything differs.
Both end with 1 if a module could not be asked, or if nothing was ever read that could be compared, or not all that was named.

  sage300 drift
  sage300 drift show ap/vendors --company SAMLTD
  sage300 drift accept ap/vendors
"""


def _options(parser: Parser) -> None:
    parser.add_argument("action", nargs="?", choices=("show", "accept"), default="show", help="what to do (default: show)")
    parser.add_argument("entities", nargs="*", metavar="ENTITY", help="such as APVendors or ap/vendors; or all (default of show)")
    company_option(parser)
    lake_option(parser)


def _objection(args: argparse.Namespace) -> str:
    return "name what is to be accepted, such as ap/vendors, or all" if args.action == "accept" and not args.entities else ""


def _run(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from sage300_assets.base.audit import UNRECORDED
    from sage300_assets.base.errors import Sage300AssetsError
    from sage300_assets.intake.shape import Memory
    from sage300_assets.terminal.failure import failed
    from sage300_assets.terminal.places import entities_called, keeper_if_any, lake_of, settings_of
    from sage300_assets.terminal.screen import complain

    entities = entities_called(args.entities or ["all"])
    by_name = bool(args.entities) and "all" not in args.entities
    settings = settings_of(args)
    settings.require_source()
    lake = lake_of(settings)
    keeper = keeper_if_any(args)
    code, differing, accepted, never = 0, 0, 0, list[str]()
    with keeper.safe() if keeper else nullcontext():
        for company, module, answer in _asked(settings, lake, entities, keeper or UNRECORDED):
            if isinstance(answer, Sage300AssetsError):
                code = max(code, failed(answer))
                continue
            chosen = [entity for entity in entities if entity.module == module]
            memory = Memory(lake, company)
            unknown = [f"{company} {entity.resource}" for entity in chosen if memory.accepted(entity) is None]
            accepted += len(chosen) - len(unknown)
            never += unknown
            act = _accept if args.action == "accept" else _show
            differing += act(memory, answer, chosen)
    if never and (by_name or not accepted):
        what = f"never read: {', '.join(never)}" if by_name else "nothing of this was ever read"
        complain(f"sage300: {what}. So nothing was accepted that it could be compared with; the first read accepts what it finds.")
        code = max(code, 1)
    return max(code, 1 if differing and args.action == "show" else 0)


def _asked(
    settings: Settings, lake: Lake, entities: Sequence[Entity], recorder: Recorder
) -> Iterator[tuple[str, str, ModuleMetadata | Sage300AssetsError]]:
    """The `$metadata` of every company and module that is meant, as it is now, or why there is none.

    What fails does not stop the rest, unless the rest is bound to fail too.
    """
    from sage300_assets.base.audit import Behalf, told_to
    from sage300_assets.base.errors import RetriableError, Sage300AssetsError
    from sage300_assets.intake.pull import GIVE_UP_AFTER, concerns_all
    from sage300_assets.systems.sage300.client import Sage300Client
    from sage300_assets.terminal.screen import complain

    modules = list(dict.fromkeys(entity.module for entity in entities))
    left = len(modules) * len(settings.sage300_companies)
    unreachable = 0
    for company in settings.sage300_companies:
        with Sage300Client(settings, company, told_to(recorder, Behalf("drift", company)), lake) as client:
            for module in modules:
                left -= 1
                try:
                    answer: ModuleMetadata | Sage300AssetsError = client.metadata(module, fresh=True)
                except Sage300AssetsError as problem:
                    answer = problem
                yield company, module, answer
                unreachable = unreachable + 1 if isinstance(answer, RetriableError) else 0
                if left and (unreachable >= GIVE_UP_AFTER or (isinstance(answer, Sage300AssetsError) and concerns_all(answer))):
                    complain(f"sage300: {left} more modules were not asked because of this.")
                    return


def _show(memory: Memory, metadata: ModuleMetadata, entities: list[Entity]) -> int:
    from datetime import UTC, datetime

    from sage300_assets.intake.shape import all_changes
    from sage300_assets.terminal.screen import say

    memory.notice(metadata, datetime.now(UTC))
    for seen in memory.history(metadata.module):
        what = "first shape" if not seen.changes else "; ".join(seen.changes)
        say(f"{memory.company} {metadata.module} {seen.first_seen[:16]} {seen.fingerprint[:12]} {what}")
    found = list(all_changes(memory, metadata, entities))
    for entity, drift in found:
        say(f"{memory.company} {entity.resource} is not as it was accepted ({entity.on_drift.value}):")
        for change in drift.changes:
            say(f"  {change}")
    return len(found)


def _accept(memory: Memory, metadata: ModuleMetadata, entities: list[Entity]) -> int:
    from datetime import UTC, datetime

    from sage300_assets.intake.shape import all_changes
    from sage300_assets.systems.sage300.structure import structure_of
    from sage300_assets.terminal.screen import say

    now = datetime.now(UTC)
    memory.notice(metadata, now)
    found = list(all_changes(memory, metadata, entities))
    for entity, drift in found:
        memory.accept(entity, structure_of(entity.resource, metadata), now)
        say(f"{memory.company} {entity.resource}: accepted: {'; '.join(map(str, drift.changes))}.")
    if not found:
        say(f"{memory.company} {metadata.module}: nothing differs from what was accepted.")
    return 0


VERB = Verb("drift", "Show how Sage 300 has changed its fields, and accept it.", _run, _options, _MORE, objection=_objection)
