"""Master data, for those who look something up."""

from __future__ import annotations

from sage300_assets.flows.tableau.sources.shared import ACCOUNT_SEGMENTS
from sage300_assets.systems.tableau.description import Cadence, DataSource, DrillPath, Refresh, TableOf


def _master(name: str, model: str, key: str, owner: str, *paths: DrillPath, refresh: Refresh = Refresh.OVERWRITE) -> DataSource:
    """One kind of master data, as it is now."""
    said = f"{name} of every company, as they are now in Sage 300."
    keys = ("company", *key.split())
    tags = ("sage300", "master data")
    return DataSource(name, (TableOf(model, keys),), said, owner, drill_paths=paths, cadence=Cadence.WEEKLY, refresh=refresh, tags=tags)


# There are many customers and items, and few of them change in a week.
SOURCES = (
    _master("Vendors", "dim_vendor", "vendor", "team:payables", DrillPath("Vendor", ("vendor_group", "vendor_name"))),
    _master("Vendor Groups", "dim_vendor_group", "vendor_group", "team:payables"),
    _master(
        "Customers",
        "dim_customer",
        "customer",
        "team:receivables",
        DrillPath("Customer", ("customer_group", "customer_name")),
        refresh=Refresh.BY_KEY,
    ),
    _master("Items", "dim_item", "item", "team:inventory", DrillPath("Item", ("item_category", "item_name")), refresh=Refresh.BY_KEY),
    _master("Accounts", "dim_account", "account", "team:general-ledger", DrillPath("Account Segments", ACCOUNT_SEGMENTS)),
    _master("Segment Values", "dim_account_segment", "segment_number segment_code", "team:general-ledger"),
)
