"""The login of one process: one token for all its threads, renewed before it ends, replaced when it is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

from sage300_assets.base.errors import AccessError, Sage300AssetsError
from sage300_assets.base.secret import Secret
from sage300_assets.base.transport import Answer, Request
from sage300_assets.systems.anaplan.login import Login, OAuth, refresh
from sage300_assets.systems.anaplan.tokens import REFRESH_TOKEN, Token, TokenStore

_T = TypeVar("_T")


@dataclass
class Session:
    """Gives out tokens."""

    login: Login | OAuth
    auth_url: str
    store: TokenStore
    send: Callable[[Request], Answer]
    clock: Callable[[], float]
    _token: Token | None = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def token(self) -> Token:
        """A token that will last for a while."""
        with self._lock:
            if self._token is None or not self._token.is_fresh(self.clock()):
                self._token = self._renewed(self._token)
            return self._token

    def reject(self, token: Token) -> None:
        """A token was refused before its time; the next one is a new one, unless another thread has one already."""
        with self._lock:
            if self._token is token:
                self._token = None

    def log_in_as_person(self, flow: Generator[Request, Answer, tuple[Token, Secret]]) -> None:
        """Carry out a login that a person takes part in, and keep its refresh token."""
        with self._lock:
            # Not inside the change: a person takes minutes, and nobody else could write into the vault meanwhile.
            token, following = self._carry_out(flow)
            self.store.update(REFRESH_TOKEN, lambda _old: following)
            self._token = token

    def _renewed(self, token: Token | None) -> Token:
        if isinstance(self.login, OAuth):
            return self._exchanged(self.login)
        if token is not None and token.ends_at > self.clock():
            try:
                return self._carry_out(refresh(self.auth_url, token))
            except Sage300AssetsError:
                # The token has died meanwhile; logging in says why, if there is anything to say.
                return self._carry_out(self.login.log_in(self.clock()))
        return self._carry_out(self.login.log_in(self.clock()))

    def _exchanged(self, login: OAuth) -> Token:
        found: list[Token] = []

        def change(kept: Secret | None) -> Secret:
            if kept is None:
                raise AccessError(
                    "Anaplan: no refresh token is kept here.", cure="Run `sage300 anaplan login` once; the refresh token is then kept in the vault."
                )
            token, following = self._carry_out(login.renew(self.clock(), kept))
            found.append(token)
            return following

        # The next refresh token is kept before the access token is used for anything.
        self.store.update(REFRESH_TOKEN, change)
        return found[0]

    def _carry_out(self, flow: Generator[Request, Answer, _T]) -> _T:
        try:
            request = next(flow)
            while True:
                request = flow.send(self.send(request))
        except StopIteration as end:
            result: _T = end.value
            return result
