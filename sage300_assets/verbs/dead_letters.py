"""`sage300 dead-letters`: what could not be delivered, and what a person decides about it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import positive
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from sage300_assets.ledger.dead_letters import DeadLetters

CLASSES = ("retryable", "auth", "data", "mapping", "conflict", "config")
_MORE = """
A record that its target refused waits here with the cause and a suggested cure; it never stops the others.
When the cure lies in the data, mend it at its source: the record goes out again with its new content, and its dead letter is closed.
When the cure lies elsewhere (a mapping, a right, a period that was opened), replay it: it goes out as it is, once. Of several, what
contradicts something newer is told and left aside, and the command ends with 1; the others go. It also ends with 1 if there is none to replay.
Who replays or discards is on record: the user of the operating system, behind the name in SAGE300_WHO where that is set.

  sage300 dead-letters list --flow forecast_adjustments
  sage300 dead-letters show 12
  sage300 dead-letters replay 12 13
  sage300 dead-letters replay --class mapping
  sage300 dead-letters discard 12 --reason "entered by hand as batch 4711"
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    one = forms.add("list", "Show those that wait for a person.")
    _choice(one)
    one = forms.add("show", "Show all that is known of one.")
    one.add_argument("letter", type=positive, metavar="NUMBER")
    one = forms.add("replay", "Have them sent again with the next delivery of their flow.")
    one.add_argument("letters", type=positive, nargs="*", metavar="NUMBER", help="these; or choose with --class, --flow, --company")
    _choice(one)
    one = forms.add("discard", "Never send one; the reason stays on record.")
    one.add_argument("letter", type=positive, metavar="NUMBER")
    one.add_argument("--reason", required=True, help="why, for those who look at it later")


def _choice(parser: Parser) -> None:
    parser.add_argument("--class", dest="problem_class", default="", choices=CLASSES, help="why it was refused")
    parser.add_argument("--flow", default="", help="of one flow, with the rows that its target rejected")
    parser.add_argument("--company", default="", metavar="ORGID", help="of one company, or all: of what goes out over all companies")


def _objection(args: argparse.Namespace) -> str:
    if args.form == "replay" and not (args.letters or args.problem_class or args.flow or args.company):
        return "say which to replay: their numbers, or --class, --flow or --company"
    return ""


def _run(args: argparse.Namespace) -> int:
    from sage300_assets.base.clock import utc_now
    from sage300_assets.ledger.dead_letters import DeadLetters
    from sage300_assets.terminal.places import evidence_of

    letters = DeadLetters(evidence_of(args, "nothing is known of any delivery"), utc_now)
    return {"list": _list, "show": _show, "replay": _replay, "discard": _discard}[args.form](args, letters)


def _list(args: argparse.Namespace, letters: DeadLetters) -> int:
    from sage300_assets.terminal.screen import grid, say

    company = _company(args)
    found = letters.open(company=company, flow=args.flow, problem_class=args.problem_class, below=True)
    if not found:
        _refuse_unknown_flow(args.flow, letters)
        chosen = company or args.flow or args.problem_class
        say("None of these dead letters is open; `sage300 dead-letters list` shows all that are." if chosen else "There are no dead letters.")
        return 0
    rows = [(one.id, one.company, one.flow, one.record, one.problem_class, one.message, one.cure, f"{one.last_at:%Y-%m-%d %H:%M}") for one in found]
    grid(("number", "company", "flow", "record", "class", "what happened", "cure", "last tried (UTC)"), rows, right=(0,))
    total = sum(letters.counts(company=company, flow=args.flow, problem_class=args.problem_class, below=True).values())
    if total > len(found):
        say(f"These are the newest {len(found):,} of {total:,}. Choose with --company, --flow or --class.")
    return 0


def _refuse_unknown_flow(name: str, letters: DeadLetters) -> None:
    """One that is misspelt has no dead letters either, and would look as if all were well; one that was switched off is known by what it sent."""
    from sage300_assets.flows.registry import flow_called
    from sage300_assets.ledger.outbox import Outbox

    if name and not Outbox(letters.ledger, letters.now).items(flow=name, limit=1):
        flow_called(name.partition("/")[0])


def _show(args: argparse.Namespace, letters: DeadLetters) -> int:
    from sage300_assets.terminal.screen import grid

    letter = letters.get(args.letter)
    grid(
        ("", ""),
        [(name.replace("_", " "), getattr(letter, name)) for name in letter.__dataclass_fields__ if getattr(letter, name) not in ("", None)],
    )
    return 0


def _replay(args: argparse.Namespace, letters: DeadLetters) -> int:
    from sage300_assets.terminal.places import trail_end
    from sage300_assets.terminal.screen import complain, say
    from sage300_assets.terminal.who import who

    if args.letters:
        sent, left = letters.replay_each(args.letters, who=who())
    else:
        sent, left = letters.replay_open(who=who(), company=_company(args), flow=args.flow, problem_class=args.problem_class, below=True)
        if not sent and not left:
            complain("sage300: none of these dead letters is open, so nothing goes out again. `sage300 dead-letters list` shows all that are.")
            return 1
    for problem in left:
        complain(f"sage300: {problem}")
    say(f"{len(sent)} go out with the next delivery of their flow: {', '.join(sorted({item.flow for item in sent})) or 'none'}.")
    say(trail_end(letters.ledger))
    return 1 if left else 0


def _discard(args: argparse.Namespace, letters: DeadLetters) -> int:
    from sage300_assets.terminal.places import trail_end
    from sage300_assets.terminal.screen import say
    from sage300_assets.terminal.who import who

    letters.discard(args.letter, who=who(), reason=args.reason)
    say(f"Dead letter {args.letter} is discarded.")
    say(trail_end(letters.ledger))
    return 0


def _company(args: argparse.Namespace) -> str:
    """As the ledger has it: Org IDs in capitals, and `all` for what goes out over all companies."""
    from sage300_assets.delivery.plan import ALL

    named: str = args.company
    return named if named == ALL else named.upper()


VERB = Verb("dead-letters", "Show what could not be delivered, and replay or discard it.", _run, _options, _MORE, objection=_objection)
