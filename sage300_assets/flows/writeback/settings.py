"""Which write-backs are switched on, and how far they go."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, get_args

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from sage300_assets.base.cron import Cron
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings
from sage300_assets.flows.writeback.flow import WRITE_BACKS, Ending, WriteBack


class WritebackSettings(EnvSettings):
    """Documents from Anaplan into Sage 300. Nothing is written until one is named here."""

    writeback_flows: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="Write-backs that are on: their names, or all.")
    writeback_endings: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="What becomes of batches, e.g. accruals:post,reallocations:make ready."
    )
    writeback_approval: bool = Field(default=True, description="A person agrees to each plan before anything is written.")
    writeback_amount_limit: Decimal = Field(default=Decimal(1000000), gt=0, description="Most that one plan may book, in home currency.")
    writeback_cron: Cron = Field(default="", description="When exports are fetched and planned; empty for only by hand.")
    writeback_settle_seconds: int = Field(
        default=900, ge=0, le=86400, description="So long after a lost answer a batch may still appear in Sage 300; it is not sent again before."
    )
    writeback_search_days: int = Field(default=60, ge=1, le=3650, description="Batches edited in so many days are searched to their lines.")

    @field_validator("writeback_flows", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(n.strip() for n in value.split(",") if n.strip()) if isinstance(value, str) else value

    @field_validator("writeback_endings", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [p.partition(":") for p in value.split(",") if p.strip()]
        return {name.strip(): ending.strip() for name, _, ending in pairs}

    def check(self) -> None:
        """Refuse what does not exist."""
        known = {w.name for w in WRITE_BACKS}
        for name in (*self.writeback_flows, *self.writeback_endings):
            if name not in known | {"all"}:
                raise ConfigurationError(f"There is no write-back {name!r}.", cure=f"There are: {', '.join(sorted(known))}.")
        for name, ending in self.writeback_endings.items():
            if ending not in get_args(Ending):
                raise ConfigurationError(f"WRITEBACK_ENDINGS: {name} cannot end with {ending!r}.", cure=f"There are: {', '.join(get_args(Ending))}.")

    def wants(self, declared: WriteBack) -> bool:
        """Whether a write-back is on."""
        return "all" in self.writeback_flows or declared.name in self.writeback_flows

    def ending(self, declared: WriteBack) -> Ending:
        """What becomes of its batches."""
        said = self.writeback_endings.get(declared.name, self.writeback_endings.get("all", declared.ending))
        return next(e for e in get_args(Ending) if e == said)
