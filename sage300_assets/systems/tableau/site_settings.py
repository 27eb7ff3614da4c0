"""What is kept in order on the site besides what is published."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sage300_assets.base.settings import EnvSettings


class SiteSettings(EnvSettings):
    """Governance, and what others extract."""

    tableau_site_rules: Path | None = Field(default=None, description="YAML file that says who and what is to be on the site.")
    tableau_security_groups: Path | None = Field(default=None, description="CSV file with Sage 300's security groups: user,company,security_group.")
    tableau_refresh: str = Field(default="", description="Data sources of others that are refreshed daily, as Finance/Budget, Finance/Plan.")
    tableau_views: str = Field(
        default="",
        description="Views that are exported after something was published or refreshed, as Close/sheets/Overview.pdf, Close/sheets/Cash.png.",
    )

    @property
    def refreshed(self) -> tuple[str, ...]:
        """Data sources that are refreshed, by place and name."""
        return _listed(self.tableau_refresh)

    @property
    def exported(self) -> tuple[str, ...]:
        """Views that are exported, with the ending that says how."""
        return _listed(self.tableau_views)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
