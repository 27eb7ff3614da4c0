"""What a model must have for the write-backs: for its builder to compare with, and for the simulator to be made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sage300_assets.flows.anaplan.model import Document, model_document
from sage300_assets.flows.writeback.acknowledge import acknowledgement_import
from sage300_assets.flows.writeback.contract import Form
from sage300_assets.flows.writeback.control import CONTROL_HEADER
from sage300_assets.flows.writeback.flow import WriteBack

APPROVED = "Approved"
CONTROL_LIST, CONTROL_MODULE = "Write-backs", "Control totals for Sage 300"
_FORMATS = {Form.AMOUNT: "NUMBER", Form.WHOLE: "NUMBER", Form.DAY: "DATE", Form.FLAG: "BOOLEAN"}


def lines_list(one: WriteBack) -> str:
    """The list whose members are the lines of a write-back."""
    return f"{one.name} lines"


def with_write_backs(document: Mapping[str, object], write_backs: Iterable[WriteBack]) -> Document:
    """A model with the modules, exports and acknowledgements of write-backs besides what it has."""
    wanted = tuple(write_backs)
    names = dict.fromkeys((one.acknowledgement, one.acknowledgement_file) for one in wanted if one.acknowledgement)
    back = [acknowledgement_import(*name) for name in names]
    more: dict[str, list[Document]] = {
        "lists": [
            *(_named(lines_list(one)) for one in wanted),
            _named(CONTROL_LIST),
            *(_named(one.dimensions[0].goes_to) for one in back),
        ],
        "modules": [
            *(_named(one.name, dimensions=[lines_list(one)], line_items=_line_items(one)) for one in wanted),
            _named(CONTROL_MODULE, dimensions=[CONTROL_LIST], line_items=dict.fromkeys(CONTROL_HEADER[1:], "NUMBER")),
        ],
        "exports": [
            *(_named(one.export, module=one.name, columns={c.header: c.header for c in one.contract.columns}, filter=APPROVED) for one in wanted),
            *(
                _named(name, module=CONTROL_MODULE, columns={h: CONTROL_LIST if n == 0 else h for n, h in enumerate(CONTROL_HEADER)})
                for name in dict.fromkeys(one.control_export for one in wanted if one.control_export)
            ),
        ],
    }
    acknowledged = model_document(back)
    found = dict(document)
    for kind in ("lists", "modules", "files", "imports", "exports"):
        found[kind] = [*_of(document, kind), *more.get(kind, ()), *_of(acknowledged, kind)]
    return found


def _named(name: str, **more: object) -> Document:
    return {"name": name, **more}


def _of(document: Mapping[str, object], kind: str) -> list[object]:
    found = document.get(kind, [])
    return list(found) if isinstance(found, list) else []


def _line_items(one: WriteBack) -> dict[str, object]:
    return {**{c.header: _FORMATS.get(c.form, "TEXT") for c in one.contract.columns}, APPROVED: "BOOLEAN"}
