"""A small data hub to try things with: `sage300 simulate anaplan` has it when no other model is given."""

from __future__ import annotations

from sage300_assets.simulators.anaplan.blueprint import (
    TIME,
    VERSIONS,
    ActionSpec,
    Blueprint,
    ExportSpec,
    FileSpec,
    ImportSpec,
    ListSpec,
    ModuleSpec,
    ProcessSpec,
)

SAMPLE = Blueprint(
    lists=(
        ListSpec("Vendor Groups"),
        ListSpec("Vendors", parent="Vendor Groups", properties={"Terms": "NUMBER", "On Hold": "BOOLEAN"}),
        ListSpec("GL Accounts", parent="GL Accounts"),
        ListSpec("Cost Centres"),
        ListSpec("JE#", numbered=True),
    ),
    modules=(
        ModuleSpec("SYS Vendors", ("Vendors",), {"Currency": "TEXT", "Delete": "BOOLEAN"}),
        ModuleSpec("DAT10 GL Actuals", ("GL Accounts", "Cost Centres", TIME, VERSIONS), {"Net Amount": "NUMBER", "Quantity": "NUMBER"}),
        ModuleSpec(
            "WRB Journals",
            ("JE#",),
            {
                "JE Key": "TEXT",
                "GL Account": "LIST:GL Accounts",
                "Posting Date": "DATE",
                "Amount": "NUMBER",
                "Reference": "TEXT",
                "Approved": "BOOLEAN",
                "Lines": "NUMBER",
            },
            calculated=("Lines",),
        ),
    ),
    files=(
        FileSpec("sage_vendor_groups.csv"),
        FileSpec("sage_vendors.csv"),
        FileSpec("sage_accounts.csv"),
        FileSpec("sage_gl_actuals.csv"),
        FileSpec("sage_journals.csv"),
    ),
    imports=(
        ImportSpec("Vendor Groups from sage_vendor_groups.csv", "sage_vendor_groups.csv", "Vendor Groups", {"Code": "code", "Name": "name"}),
        ImportSpec(
            "Vendors from sage_vendors.csv",
            "sage_vendors.csv",
            "Vendors",
            {"Code": "code", "Name": "name", "Parent": "parent", "Terms": "Terms", "On Hold": "On Hold"},
        ),
        ImportSpec("GL Accounts from sage_accounts.csv", "sage_accounts.csv", "GL Accounts", {"Code": "code", "Name": "name", "Parent": "parent"}),
        ImportSpec(
            "DAT10 GL Actuals from sage_gl_actuals.csv",
            "sage_gl_actuals.csv",
            "DAT10 GL Actuals",
            {
                "GL Account": "GL Accounts",
                "Cost Centre": "Cost Centres",
                "Time": TIME,
                "Versions": VERSIONS,
                "Net Amount": "Net Amount",
                "Quantity": "Quantity",
            },
            clear={"GL Accounts": "all", "Cost Centres": "all", TIME: "source", VERSIONS: "source"},
        ),
        ImportSpec("JE# from sage_journals.csv", "sage_journals.csv", "JE#", {"Line": "code"}),
        ImportSpec(
            "WRB Journals from sage_journals.csv",
            "sage_journals.csv",
            "WRB Journals",
            {
                "Line": "JE#",
                "JE Key": "JE Key",
                "GL Account": "GL Account",
                "Posting Date": "Posting Date",
                "Amount": "Amount",
                "Reference": "Reference",
                "Approved": "Approved",
            },
        ),
    ),
    exports=(
        ExportSpec(
            "GL journal export.csv",
            "WRB Journals",
            {
                "Line": "JE#",
                "JE Key": "JE Key",
                "GL Account": "GL Account",
                "Posting Date": "Posting Date",
                "Amount": "Amount",
                "Reference": "Reference",
            },
            filter="Approved",
        ),
    ),
    actions=(ActionSpec("Delete flagged vendors", "Vendors", "SYS Vendors", "Delete"),),
    processes=(
        ProcessSpec("100 Load vendors", ("Vendor Groups from sage_vendor_groups.csv", "Vendors from sage_vendors.csv")),
        ProcessSpec("200 Load journals", ("JE# from sage_journals.csv", "WRB Journals from sage_journals.csv", "GL journal export.csv")),
    ),
)
