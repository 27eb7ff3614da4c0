"""What the end of a request means for its item.

Decided here and nowhere else:

    Throttled, NotReached, NoEffect     it had no effect and is tried again later, for two hours at least
    Waits                               it had no effect and is parked until what it waits for has come
    PermanentError, DataError, Conflict it was refused: a dead letter, and the others go on
    AccessError, ConfigurationError     nothing can be sent: what was claimed is given back, and the delivery stops
    UnknownOutcome, RetriableError      nobody knows: the target is asked before anything is sent again, six times at most
    Unfinished                          it is there, but not at its end: asked a few times, which brings it on, then taken as it is
    anything else                       a fault of ours: also unknown, and it is raised

A person who has a dead letter replayed begins anew: the tries and the two hours count from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sage300_assets.base.errors import (
    AccessError,
    ConfigurationError,
    Conflict,
    DataError,
    NotReached,
    PermanentError,
    RetriableError,
    Sage300AssetsError,
    Throttled,
    UnknownOutcome,
)
from sage300_assets.delivery.flow import Flow, NoEffect, Rejection, Sent, Unfinished, Waits
from sage300_assets.delivery.past import OURSELVES
from sage300_assets.ledger.approvals import Decision
from sage300_assets.ledger.dead_letters import DeadLetters
from sage300_assets.ledger.items import Again, Claim, Done, Failed, Outcome, Park, Unknown
from sage300_assets.ledger.store import Ledger

LONGEST_WAIT = timedelta(minutes=5)
_FIRST_WAIT = timedelta(seconds=2)
_TRIES = 6
_LONGEST_TRIED = timedelta(hours=2)
"""So long what the target refuses for a while is tried again, also by the deliveries that follow: the end of a day may take an hour."""
_ASKS = 5
"""So often what is unfinished is asked about before it is taken as it is."""


@dataclass(frozen=True)
class End:
    """How a request ended."""

    outcome: Outcome
    stop: Exception | None = None
    """What stops the delivery, once the outcome is written down."""
    rejected: tuple[Rejection, ...] = ()
    """Rows of a whole that the target did not take."""


@dataclass(frozen=True)
class Meaning:
    """What ends mean for the items of a flow."""

    flow: Flow
    ledger: Ledger
    now: Callable[[], datetime]

    def sent(self, claim: Claim, sent: Sent) -> End:
        """The target has it."""
        return End(Done(claim, sent.answer, sent.external_id, sent.link), rejected=sent.rejected)

    def failed(self, claim: Claim, problem: Exception) -> End:
        """Sending it ended with an error."""
        match problem:
            case Waits():
                end = End(Park(claim, problem.waits_for, str(problem)))
            case Throttled(refused=True) | NotReached() | NoEffect():
                end = End(self._again_or_given_up(claim, problem))
            case AccessError() | ConfigurationError():
                kind = "auth" if isinstance(problem, AccessError) else "config"
                end = End(Again(claim, problem.message, self.now(), problem_class=kind), problem)
            case Unfinished():
                end = self._unfinished(claim, problem)
            case UnknownOutcome() | RetriableError():
                end = End(Unknown(claim, str(problem), self.later(claim)))
            case PermanentError() | DataError() | Conflict():
                end = End(self._refused(claim, problem))
            case _:
                end = End(Unknown(claim, f"{type(problem).__name__} while it was sent", self.later(claim)), problem)
        return end

    def asked_in_vain(self, claim: Claim, problem: Sage300AssetsError) -> End:
        """Asking whether it is there ended with an error."""
        match problem:
            case AccessError() | ConfigurationError():
                return End(Unknown(claim, problem.message, self.later(claim)), problem)
            case Unfinished():
                return self._unfinished(claim, problem)
            case PermanentError() | DataError() | Conflict():
                return End(replace(self._refused(claim, problem), ask_first=True))
            case _:
                return End(Unknown(claim, problem.message, self.later(claim)))

    def not_there(self, claim: Claim, settles: timedelta) -> End | None:
        """The target was asked and does not have it; None says that it may be sent again."""
        settled = claim.item.sent_at + settles if claim.item.sent_at else self.now()
        if settled > self.now():
            said = f"It is not there, but until {settled:%H:%M:%S} UTC it may still come."
            return End(Unknown(claim, said, min(settled, self.later(claim))))
        tries, _ = self._tried(claim)
        if tries < _TRIES:
            return None
        said = f"Its outcome was lost {_TRIES} times, and it is not there. {claim.item.problem}".strip()
        return End(self._given_up(claim, "NotThere", said))

    def taken_back(self, claim: Claim, refused: Decision) -> End:
        """A person took an agreement back before it left."""
        said = f"Plan {refused.plan} was refused by {refused.who}: {refused.note or 'no reason given'}. Nothing was sent."
        cure = "Discard it; or agree to the plan after all, and replay it."
        return End(Failed(claim, "data", "Refused", said, cure, self.flow.sensitive))

    def later(self, claim: Claim) -> datetime:
        """When it is tried or asked about next; each time later than the last."""
        doublings: int = 2 ** min(claim.fence - 1, 10)
        return self.now() + min(LONGEST_WAIT, _FIRST_WAIT * doublings)

    def _tried(self, claim: Claim) -> tuple[int, datetime]:
        """How often it was sent, and since when."""
        item = claim.item
        if item.attempts < _TRIES - 1:  # whatever is there, it is too few; most need not look
            return item.attempts, item.created_at
        letter = DeadLetters(self.ledger, self.now).replayed(item.id)
        if letter is None or letter.resolved_at is None or letter.who == OURSELVES:
            return item.attempts, item.created_at
        return item.attempts - letter.attempts, letter.resolved_at

    def _again_or_given_up(self, claim: Claim, busy: Sage300AssetsError) -> Outcome:
        tries, since = self._tried(claim)
        if tries + 1 >= _TRIES and self.now() - since >= _LONGEST_TRIED:
            return self._given_up(claim, type(busy).__name__, busy.message)
        asked = busy.seconds if isinstance(busy, Throttled) and busy.seconds else 0.0
        # Whoever says "at once" and is busy again then would be asked without a pause.
        return Again(claim, busy.message, max(self.later(claim), self.now() + timedelta(seconds=asked)))

    def _given_up(self, claim: Claim, code: str, message: str) -> Failed:
        said = f"It was tried {max(_TRIES, claim.item.attempts + 1)} times. Look at the target, then replay it."
        return Failed(claim, "retryable", code, message, said, self.flow.sensitive)

    def _unfinished(self, claim: Claim, problem: Unfinished) -> End:
        # Claims that sent nothing asked.
        if claim.ask_first and claim.fence - claim.item.attempts >= _ASKS:
            return self.sent(claim, problem.sent)
        return End(Unknown(claim, problem.message, self.later(claim)))

    def _refused(self, claim: Claim, refusal: Sage300AssetsError) -> Failed:
        kind = "conflict" if type(refusal) is Conflict else "data"
        code = refusal.code if isinstance(refusal, PermanentError) else type(refusal).__name__
        return Failed(claim, kind, code, refusal.message, refusal.cure, self.flow.sensitive)
