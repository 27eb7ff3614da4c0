"""What customers owe, what is sold, and what is in stock."""

from __future__ import annotations

from sage300_assets.flows.tableau.sources.shared import CUSTOMERS, PERIODS, document, home, quantity, rate, to
from sage300_assets.systems.tableau.description import DataSource, DrillPath, Field, TableOf

_ITEM = DrillPath("Item", ("item_category", "item_name"), "Item")
_STOCK = ("quantity_on_hand", "quantity_on_purchase_order", "quantity_on_sales_order", "quantity_committed", "quantity_available")

SOURCES = (
    DataSource(
        "Receivables",
        (TableOf("fact_ar_document", ("company", "customer", "document"), (to(CUSTOMERS),)), CUSTOMERS),
        "Every posted customer document and what is still due on it. Credit notes and receipts are negative.",
        "team:receivables",
        fields=(
            home("home_amount", "Amount (Home)"),
            home("home_open_amount", "Open Amount (Home)", "Still due, at the document's own rate."),
            document("amount", "Amount (Document)"),
            document("open_amount", "Open Amount (Document)"),
            rate(),
            Field("business_date", hidden=True),
        ),
        drill_paths=(DrillPath("Customer", ("customer_group", "customer"), "Customer"), PERIODS),
        control_totals=("home_amount", "home_open_amount"),
        tags=("sage300", "receivables"),
    ),
    DataSource(
        "Receivables Ageing",
        (TableOf("mart_ar_ageing", ("company", "customer", "document")),),
        "Open customer documents by how long they are overdue.",
        "team:receivables",
        fields=(home("home_open_amount", "Open Amount (Home)"), document("open_amount", "Open Amount (Document)"), rate()),
        drill_paths=(DrillPath("Customer", ("customer_group", "customer_name"), "Customer"),),
        control_totals=("home_open_amount",),
        tags=("sage300", "receivables"),
    ),
    DataSource(
        "Sales",
        (TableOf("mart_sales", ("company", "kind", "fiscal_year", "fiscal_period", "customer", "item", "salesperson", "currency")),),
        "Revenue, cost and margin by customer, item and salesperson.",
        "team:sales",
        fields=(
            quantity("quantity"),
            home("home_revenue_amount", "Revenue (Home)"),
            home("home_cost_amount", "Cost (Home)"),
            home("home_margin_amount", "Margin (Home)"),
            document("revenue_amount", "Revenue (Document)"),
        ),
        drill_paths=(DrillPath("Customer", ("customer_group", "customer_name"), "Customer"), _ITEM, PERIODS),
        control_totals=("home_revenue_amount", "home_margin_amount"),
        tags=("sage300", "sales"),
    ),
    DataSource(
        "Inventory",
        (TableOf("mart_inventory_availability", ("company", "item")),),
        "What is in stock, on order and promised.",
        "team:inventory",
        fields=(*(quantity(c) for c in _STOCK), quantity("open_sales_quantity"), quantity("open_purchase_quantity")),
        drill_paths=(_ITEM,),
        control_totals=("quantity_on_hand",),
        tags=("sage300", "inventory"),
    ),
)
