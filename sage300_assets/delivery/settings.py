"""What an installation can set about deliveries."""

from __future__ import annotations

from pydantic import Field

from sage300_assets.base.settings import EnvSettings


class DeliverySettings(EnvSettings):
    """Deliveries of all flows."""

    delivery_dry_run: bool = Field(default=False, description="Make plans and judge them, but let nothing leave; for whole environments.")
