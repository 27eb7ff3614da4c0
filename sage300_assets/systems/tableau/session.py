"""A session with Tableau: one sign-in at a time per token, renewed before it ends, and calls that are repeated only where that is safe."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import tableauserverclient as tsc

from sage300_assets.base.clock import utc_now
from sage300_assets.base.errors import AccessError, BadAnswer, RetriableError, Sage300AssetsError, Throttled
from sage300_assets.base.transport import Call
from sage300_assets.base.watch import NOBODY, Watch
from sage300_assets.systems.tableau.failures import LIBRARY_ERRORS, classified, is_dead_token
from sage300_assets.systems.tableau.settings import LOOPBACK, TableauSettings
from sage300_assets.systems.tableau.turn import TokenWarning, Turn, warnings
from sage300_assets.systems.tableau.wire import Wire

Answer = TypeVar("Answer")
LIFE = timedelta(minutes=100)
"""Shorter than any product's: two hours on Tableau Cloud, four on Tableau Server, and neither says whether idle time or all time counts."""
RENEWALS = 4
"""A call that is refused so often, each time right after a new sign-in, is not refused because of age."""
TURN_SECONDS = 3600.0
LONGEST_WAIT = 60.0
LONGEST_ASKED_WAIT = 900.0


class Session:
    """Signed in to one site for as long as the `with` block lasts; threads may share it."""

    def __init__(
        self,
        settings: TableauSettings,
        *,
        clock: Callable[[], datetime] = utc_now,
        wait: Callable[[float], None] = time.sleep,
        on_call: Callable[[Call], None] | None = None,
        watch: Watch = NOBODY,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        settings.require()
        self.settings = settings
        self.clock = clock
        self.wait = wait
        self.watch = watch
        self._credentials = settings.credentials()
        direct = urlsplit(settings.tableau_server_url).hostname in LOOPBACK
        verify = str(settings.tableau_ca_bundle) if settings.tableau_ca_bundle else True
        factory = lambda: Wire(on_call, timeout=settings.tableau_timeout, verify=verify, direct=direct)  # noqa: E731 - the library wants a callable
        self._server = tsc.Server(settings.tableau_server_url, session_factory=factory)
        self._turn_seconds = turn_seconds
        name = self._credentials.only_one_at_a_time
        self._turn = Turn(settings.tableau_state_folder, settings.tableau_server_url, name) if name else None
        self._renewing = threading.Lock()
        self._generation = 0
        """Counts the sign-ins, so that a thread whose token has died meanwhile takes the new one instead of ending it by another sign-in."""
        self._signed_in_at: datetime | None = None
        self._knows_release = False

    # --- the outside --------------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._turn is not None:
            self.watch.step("tableau.turn")
            self._turn.take(self._turn_seconds)
        try:
            self._current()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(*LIBRARY_ERRORS, Sage300AssetsError):  # the work is done; a dead token cannot be signed out
            if self._signed_in_at is not None:
                self._server.auth.sign_out()
        self._leave()

    def ask(self, what: str, send: Callable[[tsc.Server], Answer], *, repeatable: bool = True) -> Answer:
        """Make a call. One that is not `repeatable` is sent again only if it was certainly not carried out; otherwise it ends in `UnknownOutcome`."""
        failures = renewals = 0
        while True:
            generation = self._current()
            try:
                return send(self._server)
            except LIBRARY_ERRORS as found:
                if is_dead_token(found):
                    renewals += 1
                    if renewals > RENEWALS:
                        said = f"{what}: Tableau ends every session at once."
                        raise AccessError(said, cure="Another worker uses the same token; give each its own, or use a Connected App.") from None
                    self._forget(generation)
                    continue
                problem = classified(found, what, sure=repeatable, retry_after=self._asked_wait())
            except RetriableError as found:
                problem = found if repeatable else classified(found, what, sure=False)
            failures += 1
            self._pause_or_give_up(problem, failures)

    def release(self) -> str:
        """The release of the REST API that is spoken."""
        return self.ask("reading the release", lambda server: str(server.version))

    def token_warnings(self) -> list[TokenWarning]:
        """Whether the token will soon die of age or disuse; asks nobody."""
        if self._turn is None:
            return []
        return warnings(self._credentials.only_one_at_a_time, self._turn.last_used(), getattr(self._credentials, "expires", None), self.clock())

    # --- signing in ---------------------------------------------------------------------------------------------------------------

    def _current(self) -> int:
        """Make sure that somebody is signed in; gives the number of the sign-in."""
        with self._renewing:
            if self._signed_in_at is None or self.clock() - self._signed_in_at >= LIFE:
                self._sign_in()
            return self._generation

    def _forget(self, generation: int) -> None:
        """Note that a sign-in has ended, unless another thread has signed in since."""
        with self._renewing:
            if self._generation == generation:
                self._signed_in_at = None

    def _sign_in(self) -> None:
        failures = 0
        while True:
            try:
                if not self._knows_release:
                    # Asked first, without credentials: what is no Tableau never sees them. The library would go on with release 2.4 if it failed.
                    about = self._server.server_info.get()
                    if about is None or not about.rest_api_version:
                        raise BadAnswer("The server does not say which release it is.", cure="Check TABLEAU_SERVER_URL.")
                    self._server.version = about.rest_api_version
                    self._knows_release = True
                now = self.clock()
                self._server.auth.sign_in(self._credentials.for_site(self.settings.tableau_site, now))
            except LIBRARY_ERRORS as found:
                if is_dead_token(found):
                    said = f"Tableau refuses to sign in to the site {self.settings.tableau_site or 'default'!r}."
                    raise AccessError(said, cure=self._credentials.cure) from None
                problem = classified(found, "signing in to Tableau", sure=True, retry_after=self._asked_wait())
            except RetriableError as found:
                problem = found
            else:
                self._signed_in_at = now
                self._generation += 1
                if self._turn is not None:
                    self._turn.used(now)
                self.watch.step("tableau.signed_in")
                return
            failures += 1
            self._pause_or_give_up(problem, failures)

    def _leave(self) -> None:
        self._signed_in_at = None
        self._server.close()
        if self._turn is not None:
            self._turn.give_back()

    # --- patience -----------------------------------------------------------------------------------------------------------------

    def _pause_or_give_up(self, problem: Sage300AssetsError, failures: int) -> None:
        if not isinstance(problem, RetriableError) or failures >= self.settings.tableau_tries:
            raise problem from None
        self.wait(self.pause_before(failures, problem))

    def pause_before(self, failures: int, problem: Sage300AssetsError | None = None) -> float:
        """How long to wait before the next try."""
        if isinstance(problem, Throttled) and problem.seconds is not None:
            return min(problem.seconds, LONGEST_ASKED_WAIT)
        return random.uniform(0.5, 1.0) * min(LONGEST_WAIT, 2.0**failures)  # noqa: S311 - spreads workers, guards nothing

    def _asked_wait(self) -> float | None:
        return getattr(self._server.session, "retry_after", None)
