"""The table of contents: what `dagster dev` loads."""

from sage300_assets.base.settings import load_settings
from sage300_assets.orchestration.build import build_definitions

defs = build_definitions(load_settings())
