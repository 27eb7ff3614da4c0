from __future__ import annotations

import re

from sage300_assets.catalogue import ENTITIES, find
from sage300_assets.catalogue.document import to_markdown
from sage300_assets.catalogue.model import Dated, Stamped, Tie, collection, entity

PAGE = to_markdown(ENTITIES)


def test_the_page_has_every_table_and_column() -> None:
    headings = re.findall(r"^#### `([a-z]+/[a-z0-9_]+)`$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(f"{t.module}/{t.name}" for e in ENTITIES for t in e.tables)
    rows = len(re.findall(r"^\| `", PAGE, re.MULTILINE))
    assert rows == sum(len(t.columns) + bool(t.optional_fields) for e in ENTITIES for t in e.tables)


def test_every_link_leads_somewhere() -> None:
    anchors = {h.lower() for h in re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)}
    links = re.findall(r"\(#(\w+)\)", PAGE)
    assert len(links) == len(ENTITIES)
    assert set(links) == anchors


def test_what_is_never_stored_is_said_but_is_no_column() -> None:
    page = to_markdown([find("BKBanks")])
    assert "Never stored: `BankAccountNumber`" in page
    assert "| `BankAccountNumber` |" not in page


def test_a_small_page_word_for_word() -> None:
    small = entity(
        "APBatches",
        view="AP0001",
        key="Batch",
        fields="Batch:number Changed:day Total:money Terms|TermsKey?",
        reading=Stamped("Changed"),
        description="Batches of something.",
        optional_fields="BatchOptionalFields",
        ties=(Tie("Total", "Lines", "Amount", positive=True),),
        collections=(collection("Lines", "Amount:money"),),
    )
    assert to_markdown([small]) == (
        """# Catalogue

Entities: 1, tables: 2, columns: 7. A question mark after a type means that some servers lack the column; it is then empty.

| entity | tables | read by | cadence |
| --- | --- | --- | --- |
| [APBatches](#apbatches) | `ap/batches`, `ap/lines` | `Changed` | daily |

## AP

### APBatches

Batches of something.

- View: AP0001
- Owner: `team:payables`
- Read: by date of last change (`Changed`), the last 2 days again, daily
- History: everything

#### `ap/batches`

Key: `Batch`.
Control total: `Total`.
Ties: `Total` = sum of `Lines.Amount`, positive amounts only.

| column | type | meaning |
| --- | --- | --- |
| `Batch` | decimal(19,0) | Batch |
| `Changed` | day | Changed |
| `Total` | decimal(19,3) | Total |
| `Terms` | text? | Terms; older releases: `TermsKey` |
| `optional_fields` | list | Optional fields, from `BatchOptionalFields` |

#### `ap/lines`

Lines of APBatches: one row per nested line, with its parent's key.

Key: `Batch`, `_line`.
Control total: `Amount`.

| column | type | meaning |
| --- | --- | --- |
| `Batch` | decimal(19,0) | Batch |
| `_line` | integer | Place in the list, counted from 1 |
| `Amount` | decimal(19,3) | Amount |
"""
    )


def test_each_way_of_reading_is_explained() -> None:
    assert "by document date (`JournalDate`), the last 35 days again; `PostingSequenceNumber` tells which days" in PAGE
    assert "whole, only changes and disappearances are stored" in PAGE
    dated = entity("APDays", "AP0001", "Code", "Code On:day", Dated("On", lookback=7), description="Days.")
    assert "by document date (`On`), the last 7 days again, daily" in to_markdown([dated])
    assert to_markdown([]).startswith("# Catalogue")
