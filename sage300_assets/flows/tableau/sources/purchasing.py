"""What is owed, what is spent, and what is committed."""

from __future__ import annotations

from sage300_assets.flows.tableau.sources.shared import PERIODS, VENDORS, document, home, rate, to
from sage300_assets.systems.tableau.description import DataSource, DrillPath, Field, TableOf

_VENDOR = DrillPath("Vendor", ("vendor_group", "vendor"), "Vendor")
_NAMED_VENDOR = DrillPath("Vendor", ("vendor_group", "vendor_name"), "Vendor")

SOURCES = (
    DataSource(
        "Payables",
        (TableOf("fact_ap_document", ("company", "vendor", "document"), (to(VENDORS),)), VENDORS),
        "Every posted vendor document and what is still due on it. Credit notes and prepayments are negative.",
        "team:payables",
        fields=(
            home("home_amount", "Amount (Home)"),
            home("home_open_amount", "Open Amount (Home)", "Still due, at the document's own rate."),
            document("amount", "Amount (Document)"),
            document("open_amount", "Open Amount (Document)"),
            rate(),
            Field("business_date", hidden=True),
        ),
        drill_paths=(_VENDOR, PERIODS),
        control_totals=("home_amount", "home_open_amount"),
        tags=("sage300", "payables"),
    ),
    DataSource(
        "Payables Ageing",
        (TableOf("mart_ap_ageing", ("company", "vendor", "document")),),
        "Open vendor documents by how long they are overdue.",
        "team:payables",
        fields=(home("home_open_amount", "Open Amount (Home)"), document("open_amount", "Open Amount (Document)"), rate()),
        drill_paths=(_NAMED_VENDOR,),
        control_totals=("home_open_amount",),
        tags=("sage300", "payables"),
    ),
    DataSource(
        "Spend",
        (
            TableOf(
                "mart_vendor_spend", ("company", "fiscal_year", "fiscal_period", "vendor", "account", "cost_centre", "project_category", "currency")
            ),
        ),
        "What was bought, from whom, for which account, cost centre and project category.",
        "team:procurement",
        fields=(home("home_amount", "Spend (Home)"), document("amount", "Spend (Document)"), Field("lines", hidden=True)),
        drill_paths=(_NAMED_VENDOR, DrillPath("Account Group", ("account_group", "account"), "Account"), PERIODS),
        control_totals=("home_amount",),
        tags=("sage300", "spend"),
    ),
    DataSource(
        "Purchase Commitments",
        (TableOf("mart_commitments", ("company", "fiscal_year", "fiscal_period", "account", "currency")),),
        "What is ordered and not yet invoiced, against actual and budget.",
        "team:procurement",
        fields=(home("home_open_commitment", "Open Commitment (Home)"), document("open_commitment", "Open Commitment (Document)")),
        drill_paths=(DrillPath("Cost Centre", ("cost_centre", "account"), "Account"), PERIODS),
        control_totals=("home_open_commitment",),
        tags=("sage300", "commitments"),
    ),
)
