"""The general ledger and the cash."""

from __future__ import annotations

from sage300_assets.flows.tableau.sources.shared import ACCOUNT_SEGMENTS, ACCOUNTS, PERIODS, balance, document, home, quantity, rate, to
from sage300_assets.systems.tableau.description import Cadence, DataSource, DrillPath, Field, TableOf

_ACCOUNT_PATHS = (
    DrillPath("Account Segments", ACCOUNT_SEGMENTS, "Account"),
    DrillPath("Account Group", ("statement", "account_group_name", "account"), "Account"),
)
_ACCOUNT_FIELDS = (
    Field("account", folder="Account"),
    Field("account_name", folder="Account"),
    Field("account_group_name", "Account Group", folder="Account"),
    Field("account_group", "Account Group Code", folder="Account"),
    Field("presentation_sign", hidden=True),
    Field("group_sort", hidden=True),
)

SOURCES = (
    DataSource(
        "General Ledger",
        (TableOf("fact_gl_line", (), (to(ACCOUNTS),)), ACCOUNTS),
        "Every posted journal line with its account and segments. Debits are positive, credits negative.",
        "team:general-ledger",
        fields=(
            *_ACCOUNT_FIELDS,
            home("home_amount", "Amount (Home)", "Debits are positive, credits negative."),
            document("amount", "Amount (Transaction)"),
            quantity("quantity"),
            rate(),
            Field("business_date", hidden=True),
        ),
        drill_paths=(*_ACCOUNT_PATHS, PERIODS),
        control_totals=("home_amount",),
        tags=("sage300", "ledger"),
    ),
    DataSource(
        "General Ledger Balances",
        (TableOf("fact_gl_balance", (), (to(ACCOUNTS),)), ACCOUNTS),
        "Balances of each account by fiscal period: actual and budget sets.",
        "team:general-ledger",
        fields=(*_ACCOUNT_FIELDS, *(balance(c) for c in ("opening_amount", "closing_amount", "home_opening_amount", "home_closing_amount"))),
        drill_paths=(*_ACCOUNT_PATHS, PERIODS),
        control_totals=("home_net_amount",),
        tags=("sage300", "ledger"),
    ),
    DataSource(
        "Trial Balance",
        (TableOf("mart_trial_balance", ("company", "fiscal_year", "fiscal_period", "account", "currency")),),
        "The trial balance of every company and fiscal period; it adds up to zero in home currency.",
        "team:general-ledger",
        fields=(
            *(balance(c) for c in ("opening_amount", "closing_amount", "home_opening_amount", "home_closing_amount")),
            Field("home_debit_amount", "Debit", folder="Home Currency"),
            Field("home_credit_amount", "Credit", folder="Home Currency"),
        ),
        drill_paths=(DrillPath("Account Group", ("statement", "account_group_name", "account"), "Account"), PERIODS),
        control_totals=("home_net_amount", "home_closing_amount"),
        cadence=Cadence.MONTH_END,
        tags=("sage300", "ledger"),
    ),
    DataSource(
        "Cash",
        (TableOf("mart_cash_position", ("company", "bank")),),
        "What each bank account holds by the ledger, what is outstanding, and what its statement should show.",
        "team:treasury",
        drill_paths=(DrillPath("Bank", ("company", "bank_name"), "Bank"),),
        control_totals=("home_ledger_amount",),
        tags=("sage300", "cash"),
    ),
)
