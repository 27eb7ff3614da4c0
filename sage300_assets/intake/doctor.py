"""`sage300 doctor`: everything a read depends on, looked at one by one, with a cause and a cure for what is wrong.

Reads a few records and changes nothing, save that a lake which is well remembers the `$metadata` that was fetched.
A refused password is sent once and not again: Sage 300 may lock the user out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

from sage300_assets.base.audit import UNRECORDED, Behalf, Recorder, told_to
from sage300_assets.base.days import Span
from sage300_assets.base.errors import AccessError, BadAnswer, ConfigurationError, PermanentError, Sage300AssetsError
from sage300_assets.base.settings import Settings, load
from sage300_assets.base.transport import Answer
from sage300_assets.catalogue import ENTITIES, MODULES
from sage300_assets.catalogue.model import OnDrift
from sage300_assets.intake.drift import compare
from sage300_assets.intake.finding import Finding, Level, listed, problem
from sage300_assets.intake.premises import lake_findings, ledger_findings, settings_findings, time_zone
from sage300_assets.intake.shape import Memory, all_changes
from sage300_assets.lake.lake import Lake
from sage300_assets.ledger.settings import LedgerSettings
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.contract import Contract, agree
from sage300_assets.systems.sage300.cutting import DATED
from sage300_assets.systems.sage300.decode import envelope
from sage300_assets.systems.sage300.failures import check_is_json, check_status, leaves_unanswered
from sage300_assets.systems.sage300.metadata import ModuleMetadata
from sage300_assets.systems.sage300.odata import Dialect, Window, query

_LISTS = 4
_CLOCK_NOTE, _CLOCK_PROBLEM = 120.0, 3600.0
_LONG_LISTS = ("GLAccounts", "ARCustomers", "APVendors", "ICItems", "GLPostedTransactions", "ARPostedDocuments", "APPostedDocuments")
"""Where the size of a page shows, because most companies have more of them than fit one."""


def examine(
    read_settings: Callable[[], Settings],
    read_ledger_settings: Callable[[], LedgerSettings] = lambda: load(LedgerSettings),
    recorder: Recorder = UNRECORDED,
) -> Iterator[Finding]:
    """Look at everything; findings come as they are made, and the recorder hears of each call."""
    try:
        settings = read_settings()
    except ConfigurationError as wrong:
        yield problem("settings", wrong)
        return
    found = list(settings_findings(settings))
    yield from found
    of_lake = list(lake_findings(settings))
    yield from of_lake
    yield from ledger_findings(read_ledger_settings)
    if any(finding.level is Level.PROBLEM for finding in found):
        return
    companies = settings.sage300_companies
    admitted = False
    for number, one in enumerate(companies):
        yield time_zone(settings, one, datetime.now(UTC))
        told, once = told_to(recorder, Behalf("doctor", one)), settings.model_copy(update={"sage300_tries": 1})
        with Sage300Client(once, one, told, _memory(settings, of_lake)) as client:
            admitted = (yield from _visit(client)) or admitted
        rest = companies[number + 1 :]
        if rest and not admitted:
            yield Finding(Level.NOTE, one, f"Not tried because of this: {', '.join(rest)}.")
            return


def _memory(settings: Settings, found: Sequence[Finding]) -> Lake | None:
    """The lake that will remember what is fetched, which is newer than what it knows; none is made for that."""
    lake = Lake.of(settings)
    return lake if lake.root.is_dir() and all(finding.level is not Level.PROBLEM for finding in found) else None


def _visit(client: Sage300Client) -> Generator[Finding, None, bool]:
    """Ask one company for what it has and what it allows; gives whether asking for others makes sense."""
    company = client.company
    try:
        first = client.transport.get(_address(client, MODULES[0], "$metadata"))
    except Sage300AssetsError as trouble:
        yield problem(f"{company} {'certificate' if 'certificate' in trouble.message else 'connection'}", trouble)
        return False
    yield from _reached(client, first)
    if first.status == 401:
        return False
    documents = {module: _metadata(client, module) for module in MODULES}
    failures = [found for found in documents.values() if isinstance(found, Sage300AssetsError)]
    if len(failures) == len(MODULES) and not any(isinstance(failure, AccessError) for failure in failures):
        yield _nothing_there(company, failures[0])
        return True
    yield Finding(Level.OK, f"{company} credentials", f"User {client.settings.username} is let in.")
    contracts: list[Contract] = []
    for module, found in documents.items():
        if isinstance(found, Sage300AssetsError):
            yield problem(f"{company} {module}", found)
        else:
            contracts += yield from _module(client, module, found)
    dated = next((contract for contract in contracts if contract.date_field), None)
    if dated is not None:
        yield (spoken := dialect(client, dated))
        if spoken.level is Level.OK:
            yield null_filter(client, dated)
    if contracts:
        yield page_size(client, contracts)
    return True


def _reached(client: Sage300Client, answer: Answer) -> Iterator[Finding]:
    company = client.company
    took = answer.finished_at - answer.started_at
    yield Finding(Level.OK, f"{company} connection", f"The server answers, this time after {took.total_seconds():.1f} seconds.")
    if client.settings.sage300_url.startswith("https"):
        yield Finding(Level.OK, f"{company} certificate", "It is trusted.")
    yield clock(company, answer.headers.get("date", ""), answer.started_at + took / 2)
    if answer.status == 401:
        try:
            check_status(answer, "The server")
        except Sage300AssetsError as refusal:
            yield problem(f"{company} credentials", refusal)


def clock(company: str, date_header: str, now: datetime) -> Finding:
    """How far the server's clock is from ours."""
    subject = f"{company} clock"
    try:
        there = parsedate_to_datetime(date_header)
    except (TypeError, ValueError):
        return Finding(Level.NOTE, subject, "The server does not say what time it has.")
    off = (there.replace(tzinfo=there.tzinfo or UTC) - now).total_seconds()
    if abs(off) <= _CLOCK_NOTE:
        return Finding(Level.OK, subject, "The server's clock and this machine's agree within two minutes.")
    message = f"The server's clock is {abs(off) / 60:,.0f} minutes {'ahead of' if off > 0 else 'behind'} this machine's."
    cure = "Set both by a time server: records are dated by the one, and what is read today is decided by the other."
    return Finding(Level.PROBLEM if abs(off) > _CLOCK_PROBLEM else Level.NOTE, subject, message, cure)


def _metadata(client: Sage300Client, module: str) -> ModuleMetadata | Sage300AssetsError:
    try:
        return client.metadata(module, fresh=True)
    except Sage300AssetsError as failure:
        return failure


def _nothing_there(company: str, failure: Sage300AssetsError) -> Finding:
    """No module could be looked at, and not for lack of rights."""
    if isinstance(failure, PermanentError) and failure.code == "ResourceNotFound":
        cure = "Check the Org ID in SAGE300_COMPANIES, and that the company is activated for the Web API."
        return Finding(Level.PROBLEM, company, "The server knows no such company, or has none of the modules in it.", cure)
    if isinstance(failure, PermanentError) and not failure.code:
        return Finding(Level.PROBLEM, company, failure.message, "Call SAGE300_URL in a browser: it should show the pages of the Sage 300 Web API.")
    return problem(company, failure)


def _module(client: Sage300Client, module: str, metadata: ModuleMetadata) -> Generator[Finding, None, list[Contract]]:
    """Compare one module, and read one record of it; gives how those of its entities are read that can be."""
    subject = f"{client.company} {module}"
    found = [*compare(subject, module, metadata), *_drifted(subject, client, metadata)]
    yield from found
    contracts = list(_contracts(module, metadata))
    if not contracts:
        return []
    try:
        _get(client, contracts[0], query(select=contracts[0].key_select, top=1))
    except Sage300AssetsError as refusal:
        yield problem(subject, refusal)
        return []
    if not any(finding.level is Level.PROBLEM for finding in found):
        yield Finding(Level.OK, subject, f"It may be read, and has what the catalogue counts on. Entities: {len(contracts)}.")
    return contracts


def _drifted(subject: str, client: Sage300Client, metadata: ModuleMetadata) -> Iterator[Finding]:
    """What has changed since it was accepted, where a lake remembers that."""
    for entity, drift in all_changes(Memory(Lake.of(client.settings), client.company), metadata):
        held = drift.retyped or entity.on_drift is OnDrift.HOLD
        said = f"{entity.resource} is not as it was accepted: {listed([str(change) for change in drift.changes])}."
        cure = f"See `sage300 drift show {entity.resource}`, then `sage300 drift accept {entity.resource}`."
        yield Finding(Level.PROBLEM if held else Level.NOTE, subject, said, cure)


def _contracts(module: str, metadata: ModuleMetadata) -> Iterator[Contract]:
    for entity in ENTITIES:
        if entity.module == module:
            with contextlib.suppress(PermanentError):
                yield agree(entity, metadata)


def dialect(client: Sage300Client, contract: Contract) -> Finding:
    """Whether the server understands dates as SAGE300_ODATA says."""
    subject = f"{client.company} filters"
    mine: Dialect = client.dialect
    other: Dialect = "v3" if mine == "v4" else "v4"
    window = Window(contract.date_field, Span(date(2000, 1, 1), None))
    try:
        if _accepts(client, contract, window.filter(mine)):
            return Finding(Level.OK, subject, f"Dates are understood as SAGE300_ODATA={mine} writes them.")
        if _accepts(client, contract, window.filter(other)):
            return Finding(
                Level.PROBLEM, subject, f"The server does not understand dates as SAGE300_ODATA={mine} writes them.", f"Set SAGE300_ODATA={other}."
            )
    except Sage300AssetsError as failure:
        return problem(subject, failure)
    cure = "Look whether a proxy or a firewall alters queries."
    return Finding(Level.PROBLEM, subject, f"{contract.entity.resource} cannot be filtered by {contract.date_field}, in v4 or in v3.", cure)


def null_filter(client: Sage300Client, contract: Contract) -> Finding:
    """Whether records without a date can be asked for."""
    subject = f"{client.company} filters"
    undated, dated = (w.filter(client.dialect) for w in (Window(contract.date_field, undated=True), Window(contract.date_field, DATED)))
    try:
        accepted = _accepts(client, contract, undated)
        if accepted and (client.count(contract, undated) or client.count(contract, "") <= client.count(contract, dated)):
            return Finding(Level.OK, subject, "Records without a date can be asked for.")
    except Sage300AssetsError as failure:
        return problem(subject, failure)
    how = "finds nothing by" if accepted else "does not understand"
    message = f"The server {how} `{contract.date_field} eq null`, so records without a date are looked for by reading everything."
    return Finding(Level.NOTE, subject, message, "Nothing need be done; reads with an open end take longer.")


def page_size(client: Sage300Client, contracts: Sequence[Contract]) -> Finding:
    """How many records a page really holds."""
    subject = f"{client.company} pages"
    order = [name for name in _LONG_LISTS if any(c.entity.resource == name for c in contracts)]
    chosen = sorted(contracts, key=lambda c: order.index(c.entity.resource) if c.entity.resource in order else len(order))[:_LISTS]
    wanted, longest = client.settings.sage300_page_size, 0
    try:
        for contract in chosen:
            rows, count = _page(client, contract, 0)
            longest = max(longest, rows)
            if count > rows:
                if not wanted:
                    return Finding(Level.OK, subject, f"The server gives {rows} records at once.")
                got, _ = _page(client, contract, wanted)
                message = f"The server gives {rows} records at once; SAGE300_PAGE_SIZE={wanted} gets {got} of {count}."
                return Finding(Level.NOTE if got < min(wanted, count) else Level.OK, subject, message)
    except Sage300AssetsError as failure:
        return problem(subject, failure)
    return Finding(Level.OK, subject, f"The server gives at least {longest} records at once; no list that was tried is longer.")


def _page(client: Sage300Client, contract: Contract, top: int) -> tuple[int, int]:
    """Records of a first page, and how many there are."""
    what = f"{client.company} {contract.entity.resource}"
    answer = _get(client, contract, query(select=contract.key_select, top=top, count=True))
    count, _ = envelope(answer.body)
    if count is None:
        raise BadAnswer(f"{what}: the answer has no count although $count=true was asked.", cure="Look for a proxy that alters answers.")
    try:
        return len(json.loads(answer.body)["value"]), count
    except (ValueError, KeyError, TypeError) as trouble:
        raise BadAnswer(f"{what}: the answer is not a list of records.", cure="Call SAGE300_URL in a browser and see what answers.") from trouble


def _accepts(client: Sage300Client, contract: Contract, where: str) -> bool:
    try:
        _get(client, contract, query(where=where, select=contract.key_select, top=1))
    except Sage300AssetsError as trouble:
        if leaves_unanswered(trouble, lambda: client.count(contract, "")):
            return False
        raise
    return True


def _get(client: Sage300Client, contract: Contract, ask: str) -> Answer:
    what = f"{client.company} {contract.entity.resource}"

    def judge(answer: Answer) -> None:
        check_status(answer, what)
        check_is_json(answer, what)

    return client.transport.get(_address(client, contract.entity.module, contract.entity.resource), ask, judge=judge)


def _address(client: Sage300Client, module: str, resource: str) -> str:
    return f"{client.settings.sage300_url}/v1.0/-/{client.company}/{module}/{resource}"
