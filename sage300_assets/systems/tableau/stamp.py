"""What is in a published source, said at the end of its own description: so that anybody sees it, and nobody has to remember it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_LINE = re.compile(r"^Content ([0-9a-f]{16}) · (\d+) rows((?: · [^·\n]+)*)$", re.MULTILINE)
_TOTAL = re.compile(r" · ([^·=]+)=(-?[0-9.]+)")


@dataclass(frozen=True, slots=True)
class Content:
    """A fingerprint, the rows and the control totals."""

    hash: str
    """Sixteen hexadecimal digits."""
    rows: int
    totals: tuple[tuple[str, Decimal], ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{16}", self.hash):
            raise ValueError(f"{self.hash!r} is not a fingerprint of sixteen hexadecimal digits")
        for name, total in self.totals:
            if "·" in name or "=" in name or "\n" in name or not name.strip():
                raise ValueError(f"{name!r} cannot be the name of a control total")
            if not total.is_finite():
                raise ValueError(f"the control total {name} is {total}, which is no number")

    @property
    def line(self) -> str:
        """As it stands in a description."""
        return f"Content {self.hash} · {self.rows} rows" + "".join(f" · {name}={total:f}" for name, total in self.totals)


def stamped(description: str, content: Content) -> str:
    """A description that says what the content is."""
    return f"{without_stamp(description)}\n\n{content.line}".lstrip("\n")


def without_stamp(description: str) -> str:
    """The description as its author wrote it."""
    return _LINE.sub("", description).rstrip()


def read_stamp(description: str) -> Content | None:
    """What a description says the content is; None if it does not."""
    found = _LINE.findall(description.replace("\r\n", "\n"))
    if not found:
        return None
    key, rows, totals = found[-1]
    return Content(key, int(rows), tuple((name, Decimal(value)) for name, value in _TOTAL.findall(totals)))
