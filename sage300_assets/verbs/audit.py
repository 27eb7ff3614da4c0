"""`sage300 audit`: prove that the audit trail is whole, tell one record's story, hand everything to an auditor."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sage300_assets.terminal.options import company_option, folder, lake_option
from sage300_assets.terminal.verb import Parser, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sage300_assets.base.audit import Anchor
    from sage300_assets.intake.story import Story, Version
    from sage300_assets.ledger.items import Item
    from sage300_assets.ledger.walk import Anchored, Broken

_MORE = """
Every call, every page and every record sent is an entry in one chain of hashes (LEDGER_URL). What was published names the end of the chain.
Nothing is written into the ledger, also not into one of an older release: a copy that was put aside stays as it is.

  sage300 audit verify
  sage300 audit show --record ap/vendors/1200 --company SAMLTD
  sage300 audit export --to for-the-auditors --format csv
"""
_VERIFY = """
Compares each entry with its hash, each hash with the one before, the approvals with what the entries say of them, and the chain with the places of it
that the lake's publications name, with those in Dagster's metadata where DAGSTER_HOME is set, and with ends that other commands printed (--holds);
then each file of the lake with the hash that its publication names. Says what was let go of, and when (LEDGER_KEEP_DAYS). An end can be looked for
only as long as its entry is kept: within that time verify with it, and keep the end that is printed then in its place.

Ends with 1, naming the first broken link and what was done to it, or every file that is not what was published, if anything is wrong; also if there
is nothing to prove, or nothing outside the ledger that vouches for it, or an end that was given cannot be looked for any more.
"""
_BEGUN = 1
"""The first entry of a ledger says only that it was begun."""
_SHOW = """
A record is written as module/table/key; the parts of a key of several columns follow each other.

  sage300 audit show --record ap/vendors/1200
  sage300 audit show --record ap/invoice_batches/42

A transaction that came from Anaplan is written as anaplan/NAME/ID: its export, plan, approval, batch and posted lines.

  sage300 audit show --record anaplan/forecast_adjustments/JE-2026-07
"""


def _options(parser: Parser) -> None:
    forms = parser.forms("form")
    one = forms.add("verify", "Prove that nothing in the audit trail was altered.", _VERIFY)
    lake_option(one)
    one.add_argument(
        "--holds", type=_end, action="append", default=[], metavar="END", help="an end that was kept elsewhere; may be given several times"
    )
    one = forms.add("show", "Tell one record's story: each version, the page and the call that brought it, what was sent of it.", _SHOW)
    one.add_argument("--record", required=True, metavar="PATH", help="such as ap/vendors/1200")
    company_option(one)
    lake_option(one)
    one = forms.add("export", "Write the audit trail to files, with how to check it without this program.")
    one.add_argument("--to", required=True, type=folder, metavar="DIR", help="folder for the files")
    one.add_argument("--format", choices=("parquet", "csv"), default="parquet", help="default: parquet")


def _end(text: str) -> Anchor:
    from sage300_assets.base.audit import Anchor

    found = Anchor.parse(text.strip().rpartition(" ")[2])
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the end of a trail; give the line whole, as a command printed it")
    return found


def _run(args: argparse.Namespace) -> int:
    return {"verify": _verify, "show": _show, "export": _export}[args.form](args)


def _verify(args: argparse.Namespace) -> int:
    import os
    from datetime import UTC, datetime
    from itertools import chain

    from sage300_assets.intake.browse import companies_in, loaded
    from sage300_assets.intake.story import anchors
    from sage300_assets.lake.intact import look_at_files
    from sage300_assets.ledger.verify import LOOKS_AT, verify
    from sage300_assets.ledger.walk import Anchored
    from sage300_assets.terminal.places import KEPT, evidence_of, lake_of, lake_settings_of, nothing_in
    from sage300_assets.terminal.screen import complain, say

    settings, ledger = lake_settings_of(args), evidence_of(args, looked_at=LOOKS_AT)
    lake = lake_of(settings)
    known = loaded(lake, companies_in(lake, settings.sage300_companies), KEPT)
    kept = chain((Anchored(end, f"the end {end.sequence:,} that was kept elsewhere", None) for end in args.holds), anchors(lake, known))
    home = os.environ.get("DAGSTER_HOME")
    if home:
        from sage300_assets.orchestration.audit import instance_anchors

        kept = chain(kept, instance_anchors())
    verdict = verify(ledger, kept, now=datetime.now(UTC))
    if verdict.broken is not None:
        return _tell_broken(verdict.broken, ledger.place)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(verdict.kinds.items()))
    say(f"Whole: {verdict.entries:,} entries ({kinds}) at {ledger.place}.")
    if verdict.let_go_at is not None:
        when = f"{verdict.let_go_at:%Y-%m-%d %H:%M} UTC"
        say(f"Entries 1 to {verdict.first - 1:,} were let go of on {when}: what is older than LEDGER_KEEP_DAYS ({ledger.keep_days}) is not kept.")
    old = f", {verdict.too_old:,} are older than what is kept" if verdict.too_old else ""
    say(f"{verdict.anchors:,} places named elsewhere agree with it{old}.")
    _tell_lost(verdict.lost)
    looked = list(look_at_files(lake, known))
    damaged = [one for one in looked if one.problem]
    for one in damaged:
        complain(f"sage300: {one.path}: {one.problem}. It belongs to read {one.read} of {one.company} {one.entity.resource}.")
    if damaged:
        complain("Put these files back from a backup, or read their entities again and move the damaged files out of the lake.")
        return 1
    say(f"{len(looked):,} files of the lake are what was published." if looked else nothing_in(lake))
    if verdict.entries <= _BEGUN and not looked:
        complain(f"sage300: nothing is proven, because nothing was done yet that this ledger has on record. Is LEDGER_URL right ({ledger.place})?")
        return 1
    if not verdict.anchors:
        complain(f"sage300: nothing outside the ledger vouches for its entries: no publication in the lake {lake.root} names one, nor does Dagster.")
        complain("Is LAKE_URL right, and DAGSTER_HOME? If nothing was read well yet, do that (sage300 pull ap/vendors), and verify again.")
        return 1
    if not home:
        say("What Dagster's metadata name was not compared: set DAGSTER_HOME to the folder of the Dagster that uses this ledger.")
    say(f"Its end: {verdict.head}")
    return 1 if verdict.lost else 0


def _tell_broken(found: Broken, ledger: str) -> int:
    from sage300_assets.terminal.screen import complain

    place = f" at entry {found.sequence:,}" if found.sequence else ""
    complain(f"sage300: the audit trail at {ledger} is broken{place}: {found.kind.value}. {found.message}")
    complain("Change nothing, keep a copy of the ledger and of the lake, and compare with a backup.")
    return 1


def _tell_lost(ends: Sequence[Anchored]) -> None:
    from sage300_assets.terminal.screen import complain

    for end in sorted(ends, key=lambda one: one.anchor.sequence):
        complain(f"sage300: {end.where} cannot be looked for any more: its entry was let go of. Nothing here shows what was on record then.")
    if ends:
        complain("Look for it in a backup that is older than that, and verify in time from now on: within LEDGER_KEEP_DAYS, with the newest end.")


def _show(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from sage300_assets.intake.browse import companies_in
    from sage300_assets.intake.story import LOOKS_AT, story, wanted
    from sage300_assets.terminal.places import evidence_of, lake_of, lake_settings_of
    from sage300_assets.terminal.screen import complain, say

    if args.record.startswith("anaplan/"):
        return _tale(args)
    settings, ledger = lake_settings_of(args), evidence_of(args, looked_at=LOOKS_AT)
    lake, record = lake_of(settings), wanted(args.record)
    companies = settings.sage300_companies if args.company else companies_in(lake, settings.sage300_companies)
    told = 0
    for company in companies:
        found = story(company, record, lake, ledger, datetime.now(UTC))
        if found.known:
            told += 1
            for line in _lines(found):
                say(line)
    if not told:
        complain(f"sage300: nothing is known of {record.path} in {', '.join(companies) or 'any company'}. Compare the spelling of the key.")
    return 0 if told else 1


def _tale(args: argparse.Namespace) -> int:
    """A transaction that planners approved is no record of a table; it has a story all the same."""
    from datetime import UTC, datetime

    from sage300_assets.flows.writeback.tale import LOOKS_AT, tale, transaction_of
    from sage300_assets.intake.browse import companies_in
    from sage300_assets.terminal.places import evidence_of, lake_of, lake_settings_of
    from sage300_assets.terminal.screen import complain, say

    settings, ledger = lake_settings_of(args), evidence_of(args, looked_at=LOOKS_AT)
    lake, (declared, transaction) = lake_of(settings), transaction_of(args.record)
    companies = settings.sage300_companies if args.company else companies_in(lake, settings.sage300_companies)
    told = [tale(company.upper(), declared, transaction, lake, ledger, datetime.now(UTC)) for company in companies]
    for line in (line for lines in told for line in lines):
        say(line)
    if not any(told):
        complain(f"sage300: nothing is known of {args.record} in {', '.join(companies) or 'any company'}. Compare the spelling of the id.")
    return 0 if any(told) else 1


def _lines(story: Story) -> list[str]:
    from sage300_assets.ledger.items import ENDED

    lines = [f"{story.company} {story.wanted.path}"]
    for version in story.versions:
        lines += _version_lines(version)
    if not story.versions:
        lines.append("  The lake has no version of it: it was never read, or its files are past the time they are kept.")
    for kept in story.sent:
        sent = kept.entry
        answer = f", answer: {sent.answer}" if sent.answer else ""
        lines.append(f"  {sent.at:%Y-%m-%d %H:%M:%S} {sent.operation} to {sent.target} by {sent.flow}: {sent.outcome}{answer}")
        lines.append(f"    entry {kept.sequence:,}, attempt {sent.attempt}, payload {sent.payload_hash}, key {sent.idempotency_key}")
    lines += [line for item in story.untold for line in _untold_lines(item, story.why_untold)]
    lines += [f"  Waiting to be sent to {item.target} by {item.flow}: {item.state}" for item in story.items if item.state not in ENDED]
    lines += [f"  Dead letter {one.id} of {one.flow}: {one.resolution or 'open'}. {one.message} {one.cure}".rstrip() for one in story.letters]
    lines += [f"  In {one.system_b} it is {one.id_b} ({one.state} {one.first_linked_at:%Y-%m-%d})" for one in story.partners]
    if not story.sent and not story.untold:
        lines.append("  Nothing was sent of it.")
    return lines


def _untold_lines(item: Item, why: str) -> Iterator[str]:
    """The item knows when it went out and what became of it, also where its entries are not there any more."""
    answer = f", answer: {item.answer}" if item.answer else ""
    yield f"  {item.sent_at or item.updated_at:%Y-%m-%d %H:%M:%S} {item.operation} to {item.target} by {item.flow}: {item.state}{answer}"
    yield f"    {why}, payload {item.payload_hash}, key {item.idempotency_key}"


def _version_lines(version: Version) -> list[str]:
    what = "gone from Sage 300" if version.deleted else f"version of {version.business_date}"
    lines = [f"  {version.read_at:%Y-%m-%d %H:%M:%S} {what}, read {version.read}"]
    run = version.run_known
    lines.append(f"    run {version.run}" + (f", {run.how} on {run.host}" if run else ": the ledger does not know it"))
    if not version.page:
        lines.append("    no page: it was not among the answers any more, and asked for by its key it was not there")
    elif not version.pages:
        lines.append(f"    page {version.page}: the ledger has no record of it")
    for page in version.pages:
        read = page.entry
        rows = "not used" if read.rows is None else f"{read.rows} rows"
        lines.append(f"    page {read.sha256}, {rows}, window {read.window}: entry {page.sequence:,}")
    for call in version.calls:
        made = call.entry
        lines.append(
            f"    {made.verb} {made.address}: status {made.status}, {made.micros / 1000:,.0f} ms, attempt {made.attempt}, entry {call.sequence:,}"
        )
    if version.pages and not version.calls:
        lines.append("    the ledger has no record of the call")
    return lines


def _export(args: argparse.Namespace) -> int:
    from pathlib import Path

    from sage300_assets.ledger.export import LOOKS_AT, export
    from sage300_assets.terminal.places import evidence_of
    from sage300_assets.terminal.screen import grid, say

    ledger, target = evidence_of(args, looked_at=LOOKS_AT), Path(args.to)
    written = export(ledger, target, args.format)
    grid(("file", "rows"), [(name, f"{rows:,}") for name, rows in written.items()], right=(1,))
    say(f"{target.absolute()}: HOW-TO-CHECK.txt says how to check this without sage300.")
    return 0


VERB = Verb("audit", "Prove that the audit trail is whole, tell one record's story, or export everything.", _run, _options, _MORE)
