"""Writing into Sage 300: make a batch, find it again, mark it ready, post it.

A POST makes a new batch each time, so it is sent once. Whoever gets `Unknown` looks for the batch by the marker that was written into its
description; only when it is proven not to be there may the same be sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from time import sleep
from urllib.parse import urlsplit

from sage300_assets.base.errors import AccessError, BadAnswer, DataError, NotReached, PermanentError, RetriableError, Throttled, UnknownOutcome
from sage300_assets.base.transport import Answer, Request
from sage300_assets.systems.sage300.batches import Batch, BatchKind, Created, Done, Json, PostingProcess, Refused, Stage, Unknown
from sage300_assets.systems.sage300.client import Sage300Client
from sage300_assets.systems.sage300.exact_json import dump, parse
from sage300_assets.systems.sage300.failures import check_is_json, check_status, error_of
from sage300_assets.systems.sage300.odata import key_path, literal, query, same_query

NOT_ALL = "Donotpostallbatches"
_DAY_END = "day end processing"


@dataclass(frozen=True, slots=True)
class WritePatience:
    """How long to wait for what takes long."""

    create_seconds: float = 600.0
    """A batch of thousands of entries takes minutes."""
    post_seconds: float = 900.0
    looks: int = 8
    """How often to look whether a posting whose answer was lost has come to an end."""
    between_looks: float = 15.0


class Refusal(PermanentError):
    """Sage 300 refuses what was sent; `messages` are the lines it says."""

    def __init__(self, message: str, *, code: str, status: int, messages: tuple[str, ...]) -> None:
        self.messages = messages
        super().__init__(message, cure="Correct what the messages name; nothing was written.", code=code, status=status)


@dataclass
class Sage300Writer:
    """Writes into the company of one client."""

    client: Sage300Client
    patience: WritePatience = field(default_factory=WritePatience)
    _processes: dict[str, tuple[PostingProcess, Json]] = field(default_factory=dict)

    def create_batch(self, kind: BatchKind, payload: Json) -> Created | Refused | Unknown:
        """Send a new batch, once. Property order is that of the payload."""
        body = dict(payload)
        if kind.selector_member:
            body = {kind.selector_member: kind.selector, **{k: v for k, v in body.items() if k != kind.selector_member}}
        what = f"{self.client.company} new {kind.resource}"
        text = dump(body).encode()
        request = Request("POST", self._path(kind), body=text, seconds=self.patience.create_seconds)
        sent = self._send(request, what)
        if not isinstance(sent, Answer):
            return sent
        try:
            return Created(_batch(kind, parse(sent.body, what), what))
        except (BadAnswer, DataError) as problem:
            return Unknown(f"{what}: taken, but the answer does not say which batch it became. {problem.message}")

    def find_batches(self, kind: BatchKind, marker: str, edited_from: date | None = None) -> tuple[Batch, ...]:
        """Every batch that carries a marker in its description.

        With `edited_from` also those that were edited since that day and carry it in an entry or a line: somebody may have changed the description.
        """
        if not marker:
            raise DataError("A marker to look for is needed; an empty one would find every batch.")
        found: dict[str, Batch] = {}
        dialect = self.client.dialect
        quoted = literal(marker, dialect)
        in_text = f"substringof({quoted},Description)" if dialect == "v3" else f"contains(Description,{quoted})"
        conditions = [in_text]
        if edited_from is not None:
            conditions.append(f"DateLastEdited ge {literal(edited_from, dialect)}")
        for condition in conditions:
            if kind.selector_member:
                condition = f"{kind.selector_member} eq {literal(kind.selector, dialect)} and {condition}"  # noqa: PLW2901 - the same condition, narrowed
            for record in self._records(kind, condition):
                batch = _batch(kind, record, f"{self.client.company} {kind.resource}")
                if batch.mentions(marker):
                    found[batch.number] = batch
        return tuple(found[n] for n in sorted(found))

    def read_batch(self, kind: BatchKind, number: str) -> Batch | None:
        """A batch as it is now; nothing when there is none of that number."""
        what = f"{self.client.company} {kind.resource} {number}"
        path = self._path(kind) + key_path(*kind.key(number))
        try:
            answer = self.client.transport.get(path, judge=_reading(what))
        except PermanentError as refusal:
            if refusal.code == "RecordNotFound":
                return None
            raise
        return _batch(kind, parse(answer.body, what), what)

    def mark_ready(self, kind: BatchKind, number: str) -> Done | Refused | Unknown:
        """Make a batch ready to post, and read it to be sure: a member that does not do it is taken without a word."""
        ways: list[Json] = [{"BatchStatus": "ReadyToPost"}] if kind.module != "GL" else [{"ReadyToPost": "Yes"}, {"Status": "ReadyToPost"}]
        refusal: Refused | None = None
        for way in ways:
            batch = self.read_batch(kind, number)
            if batch is None:
                return _missing(kind, number)
            if batch.stage != "open":
                break
            names, values = kind.key(number)
            body = dump({**dict(zip(names, values, strict=True)), **way}).encode()
            # Setting the same status twice is setting it once.
            request = Request("PATCH", self._path(kind) + key_path(names, values), body=body, repeatable=True)
            sent = self._send(request, f"{self.client.company} {kind.resource} {number}")
            if isinstance(sent, Unknown):
                return sent
            refusal = sent if isinstance(sent, Refused) else None
            if refusal is not None and refusal.code not in ("InvalidPayload", "InvalidParameters"):
                return refusal
        batch = self.read_batch(kind, number)
        if batch is None:
            return _missing(kind, number)
        if batch.stage in ("ready", "posted", "posting"):
            return Done(batch)
        return refusal or Refused("NotReady", 0, (f"Batch {number} was not made ready by any member known to do so; it is {batch.stage}.",))

    def post(self, kind: BatchKind, number: str) -> Done | Refused | Unknown:
        """Post exactly one batch. After an error or a time-out its status is what counts; nothing is ever sent twice here."""
        ready = self.mark_ready(kind, number)
        if not isinstance(ready, Done) or ready.batch.stage == "posted":
            return ready
        if ready.batch.stage == "posting":
            return self._after_posting(kind, number, Unknown("It was being posted already."))
        process, body = self._posting(kind, number)
        path = f"{self.client.base}/{kind.module}/{process.endpoint}('$process')"
        request = Request("POST", path, body=dump(body).encode(), seconds=self.patience.post_seconds)
        sent = self._send(request, f"{self.client.company} posting of {kind.resource} {number}")
        return self._after_posting(kind, number, sent)

    def _after_posting(self, kind: BatchKind, number: str, sent: Answer | Refused | Unknown) -> Done | Refused | Unknown:
        for look in range(self.patience.looks):
            if look:
                (self.client.wait or sleep)(self.patience.between_looks)
            try:
                batch = self.read_batch(kind, number)
            except RetriableError as trouble:
                return Unknown(f"{trouble.message} The batch could not be read after it was posted.")
            if batch is None:
                return _missing(kind, number)
            if batch.stage == "posted":
                return Done(batch)
            if isinstance(sent, Refused):
                return sent
        cause = sent.cause if isinstance(sent, Unknown) else "The posting was taken without an error."
        return Unknown(f"{cause} Batch {number} of {kind.resource} is still not posted.")

    def check_right(self, kind: BatchKind) -> None:
        """Ask for the template of a batch, which needs the right to write and makes nothing. Raises `AccessError` when the right is missing."""
        what = f"{self.client.company} {kind.resource}('$template')"
        body = dump({kind.selector_member: kind.selector} if kind.selector_member else {}).encode()
        request = Request("POST", self._path(kind) + "('$template')", body=body, repeatable=True)
        self.client.transport.send(request, judge=_reading(what))

    # How.

    def _path(self, kind: BatchKind) -> str:
        return f"{self.client.base}/{kind.module}/{kind.resource}"

    def _send(self, request: Request, what: str) -> Answer | Refused | Unknown:
        try:
            return self.client.transport.send(request, judge=_writing(what))
        except PermanentError as refusal:
            messages = refusal.messages if isinstance(refusal, Refusal) else (refusal.message,)
            return Refused(refusal.code, refusal.status, messages)
        except (NotReached, Throttled) as busy:
            return Refused(type(busy).__name__, 0, (busy.message,), passing=True)
        except (UnknownOutcome, RetriableError) as trouble:
            return Unknown(trouble.message)

    def _records(self, kind: BatchKind, condition: str) -> Iterator[Json]:
        """All records that match, following the query of each next link; never its host."""
        ask = query(where=condition)
        what = f"{self.client.company} {kind.resource} search"
        while True:
            body = parse(self.client.transport.get(self._path(kind), ask, judge=_reading(what)).body, what)
            rows = body.get("value")
            if not isinstance(rows, list):
                raise BadAnswer(f"{what}: the answer holds no list of records.")
            yield from (row for row in rows if isinstance(row, dict))
            link = body.get("@odata.nextLink") or body.get("odata.nextLink")
            if not link:
                return
            following = urlsplit(str(link)).query
            if not rows or same_query(following, ask):
                raise BadAnswer(f"{what}: the next page is this page again.")
            ask = following

    def _posting(self, kind: BatchKind, number: str) -> tuple[PostingProcess, Json]:
        process, template = self._known_process(kind)
        value: object = number
        if not isinstance(template.get(process.first), str):
            value = int(Decimal(number))
        body: dict[str, object] = {process.everything: NOT_ALL, process.first: value, process.last: value}
        selector = next((n for n in template if n in ("BatchType", "BatchSelector")), "")
        if kind.selector and selector:
            body = {selector: kind.selector, **body}
        return process, body

    def _known_process(self, kind: BatchKind) -> tuple[PostingProcess, Json]:
        """The posting process with its parameters: confirmed ones, or those that its template shows. Guessing could post every batch there is."""
        process = kind.process
        if process.is_known:
            return process, {process.first: 0}
        if process.endpoint not in self._processes:
            what = f"{self.client.company} {process.endpoint}('$template')"
            path = f"{self.client.base}/{kind.module}/{process.endpoint}('$template')"
            answer = self.client.transport.send(Request("POST", path, body=b"{}", repeatable=True), judge=_reading(what))
            template = parse(answer.body, what)
            names = [n for n in template if "batch" in n.casefold()]
            roles = [[n for n in names if word in n.casefold()] for word in ("all", "from", "to")]
            roles[2] = [n for n in roles[2] if n not in roles[0] and n not in roles[1]]
            if any(len(role) != 1 for role in roles):
                raise DataError(
                    f"{what}: it does not show which members say all, from and to; it has {', '.join(template)}.",
                    cure="Post the batch in Sage 300 itself, and report the members of the template.",
                )
            self._processes[process.endpoint] = (PostingProcess(process.endpoint, roles[0][0], roles[1][0], roles[2][0]), template)
        return self._processes[process.endpoint]


def _missing(kind: BatchKind, number: str) -> Refused:
    return Refused("RecordNotFound", 404, (f"Batch {number} of {kind.resource} is not there any more.",))


def _reading(what: str) -> _Judge:
    return _Judge(what, writing=False)


def _writing(what: str) -> _Judge:
    return _Judge(what, writing=True)


@dataclass(frozen=True)
class _Judge:
    """Says what an answer means."""

    what: str
    writing: bool

    def __call__(self, answer: Answer) -> None:
        if not self.writing:
            check_status(answer, self.what)
            check_is_json(answer, self.what)
            return
        if answer.status < 300:
            return
        code, text = error_of(answer)
        lines = tuple(line.strip() for line in text.splitlines() if line.strip())
        if _DAY_END in text.casefold():
            raise Throttled(f"{self.what}: day-end processing is running.", cure="Try again when it is done.")
        if answer.status in (401, 403) or code in ("Unauthorized", "Forbidden", "TooManyRequests"):
            check_status(answer, self.what)
            raise AccessError(f"{self.what}: refused ({code}).")
        if answer.status >= 500 and code not in ("DBLinkError", "SessionError"):
            raise RetriableError(f"{self.what}: the server failed (status {answer.status} {code}). {' '.join(lines)[:500]}")
        message = f"{self.what}: refused (status {answer.status} {code or 'without a code'}). {' '.join(lines)[:500]}"
        raise Refusal(message, code=code, status=answer.status, messages=lines or (f"status {answer.status} without a message",))


def _batch(kind: BatchKind, record: Mapping[str, object], what: str) -> Batch:
    number = record.get("BatchNumber")
    if number in (None, ""):
        raise DataError(f"{what}: the answer has no BatchNumber.")
    gl = kind.module == "GL"
    total = _number(record.get("Debits" if gl else "BatchTotal"), what)
    sequence = _number(record.get("PostingSequence" if gl else "PostingSequenceNumber"), what)
    entries = record.get(kind.entries)
    return Batch(
        kind,
        str(number) if gl else f"{_number(number, what):f}",
        str(record.get("Description") or ""),
        _stage(record, gl=gl),
        total,
        len(entries) if isinstance(entries, list) else int(_number(record.get("NumberOfEntries"), what)),
        int(_number(record.get("NumberOfErrors"), what)),
        int(sequence),
        record,
    )


def _stage(record: Mapping[str, object], *, gl: bool) -> Stage:
    status = str(record.get("Status" if gl else "BatchStatus") or "")
    known: dict[str, Stage] = {"Posted": "posted", "Deleted": "deleted", "PostInProgress": "posting", "ReadyToPost": "ready"}
    if status in known:
        return known[status]
    return "ready" if gl and record.get("ReadyToPost") in ("Yes", True) else "open"


def _number(value: object, what: str) -> Decimal:
    try:
        return Decimal(str(value)) if value not in (None, "") else Decimal(0)
    except InvalidOperation as problem:
        raise DataError(f"{what}: {value!r} is not a number.") from problem
