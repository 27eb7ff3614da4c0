"""Where alerts go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import EnvSettings
from sage300_assets.systems.alerts.incident import Severity

_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")


@dataclass(frozen=True)
class Target:
    """One address, which is a secret, under a name that is none."""

    name: str
    url: Secret
    severities: frozenset[Severity]


class AlertSettings(EnvSettings):
    """Addresses of e-mail, Slack, Teams and the rest, as apprise writes them. All are secrets."""

    alert_urls: SecretStr = Field(default=SecretStr(""), description="Where all alerts go: addresses as apprise writes them, separated by spaces.")
    alert_urls_warning: SecretStr = Field(default=SecretStr(""), description="Where warnings go besides, and what becomes of them.")
    alert_urls_critical: SecretStr = Field(default=SecretStr(""), description="Where critical alerts go besides.")
    alert_every_minutes: float = Field(default=60.0, ge=0, description="Minutes between two messages of one incident that grows.")
    alert_views: bool = Field(default=True, description="Whether exported Tableau views (TABLEAU_VIEWS) are attached to what is told of trouble.")
    dagster_ui_url: str = Field(default="", description="Address of Dagster's web pages, for links in alerts.")

    @field_validator("dagster_ui_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("it begins with http:// or https://")
        return value.strip().rstrip("/")

    @property
    def every(self) -> timedelta:
        """Time between two messages of one incident that grows."""
        return timedelta(minutes=self.alert_every_minutes)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every address, under the name of its setting and its place in that."""
        return (
            *_targets("ALERT_URLS", self.alert_urls, frozenset(Severity)),
            *_targets("ALERT_URLS_WARNING", self.alert_urls_warning, frozenset({Severity.WARNING})),
            *_targets("ALERT_URLS_CRITICAL", self.alert_urls_critical, frozenset({Severity.CRITICAL})),
        )


def _targets(name: str, urls: SecretStr, severities: frozenset[Severity]) -> Iterator[Target]:
    for place, url in enumerate(filter(None, _BETWEEN.split(urls.get_secret_value().strip())), start=1):
        yield Target(f"{name} {place}", Secret(url), severities)
