"""Which imports go to Anaplan, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from sage300_assets.base.cron import Cron
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings
from sage300_assets.catalogue.model import Cadence
from sage300_assets.flows.anaplan.declaration import AnaplanImport

_COMPANY = "{company}"


class PlanningSettings(EnvSettings):
    """Imports into Anaplan. Reference lists go before what needs them, each day and each week."""

    anaplan_imports: Annotated[tuple[str, ...], NoDecode] = Field(default=("all",), description="Imports that are sent: all, none, or their names.")
    anaplan_lists_cron: Cron = Field(default="0 4 * * *", description="When reference lists are sent; none for only by hand.")
    anaplan_daily_cron: Cron = Field(default="30 4 * * *", description="When balances and invoices are sent; none for only by hand.")
    anaplan_weekly_cron: Cron = Field(default="30 5 * * 1", description="When commitments and purchase orders are sent; none for only by hand.")
    anaplan_names: str = Field(
        default="{name}", description="How saved imports, files and exports are called; {company} {name} where companies share a model."
    )

    @field_validator("anaplan_imports", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(n.strip() for n in value.split(",") if n.strip()) if isinstance(value, str) else value

    @field_validator("anaplan_names")
    @classmethod
    def _holds_the_name(cls, value: str) -> str:
        if "{name}" not in value:
            raise ValueError("must hold {name}")
        return value

    def wants(self, declared: AnaplanImport) -> bool:
        """Whether an import is sent here."""
        return "all" in self.anaplan_imports or declared.name in self.anaplan_imports

    def check(self, known: frozenset[str], companies: tuple[str, ...]) -> None:
        """Refuse names that do not exist, and companies that would overwrite each other."""
        strange = sorted(set(self.anaplan_imports) - known - {"all", "none"})
        if strange:
            raise ConfigurationError(f"ANAPLAN_IMPORTS names {strange[0]}, which is no import.", cure=f"There are: {', '.join(sorted(known))}.")
        if len(companies) > 1 and _COMPANY not in self.anaplan_names:
            raise ConfigurationError(
                f"{', '.join(companies)} would overwrite each other in one Anaplan model.",
                cure='Have saved imports for each, and set ANAPLAN_NAMES="{company} {name}"; codes then begin with the company.',
            )

    def called(self, name: str, company: str) -> str:
        """What something is called in the model."""
        return self.anaplan_names.replace(_COMPANY, company).replace("{name}", name)

    def prefix(self, company: str) -> str:
        """What stands before every code of a company."""
        return f"{company}:" if _COMPANY in self.anaplan_names else ""

    def cron(self, declared: AnaplanImport) -> str:
        """When an import is sent."""
        if declared.is_list:
            return self.anaplan_lists_cron
        return self.anaplan_weekly_cron if declared.cadence is Cadence.WEEKLY else self.anaplan_daily_cron
