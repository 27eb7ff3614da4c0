"""What an export from Anaplan must look like: its columns, what each holds, and how the noise of binary numbers is taken out of amounts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

from sage300_assets.base.errors import ConfigurationError


class Role(Enum):
    """What a column means to the document that is made of its row."""

    TRANSACTION = "transaction"
    """Which document a row belongs to; the same for ever, however often it is exported."""
    ENTRY = "entry"
    LINE = "line"
    ACCOUNT = "account"
    VENDOR = "vendor"
    DOCUMENT = "document"
    DAY = "day"
    SOURCE_TYPE = "source type"
    REFERENCE = "reference"
    DESCRIPTION = "description"
    DEBIT = "debit"
    CREDIT = "credit"
    AMOUNT = "amount"
    """One signed amount, debits positive, instead of two columns."""
    CURRENCY = "currency"
    REVERSE = "reverse"
    """Whether the entry is reversed in the next period."""
    IGNORED = "ignored"
    """A column that is part of the contract and used for nothing here."""


class Form(Enum):
    """How a value is written."""

    TEXT = "text"
    CODE = "code"
    """A text without blanks around it, of at most sixty characters."""
    DAY = "day"
    """`YYYY-MM-DD`."""
    AMOUNT = "amount"
    FLAG = "flag"
    """`true` or `false`."""
    WHOLE = "whole number"


FORMS = {
    Role.TRANSACTION: Form.CODE,
    Role.ENTRY: Form.WHOLE,
    Role.LINE: Form.WHOLE,
    Role.ACCOUNT: Form.CODE,
    Role.VENDOR: Form.CODE,
    Role.DOCUMENT: Form.CODE,
    Role.DAY: Form.DAY,
    Role.SOURCE_TYPE: Form.CODE,
    Role.REFERENCE: Form.TEXT,
    Role.DESCRIPTION: Form.TEXT,
    Role.DEBIT: Form.AMOUNT,
    Role.CREDIT: Form.AMOUNT,
    Role.AMOUNT: Form.AMOUNT,
    Role.CURRENCY: Form.CODE,
    Role.REVERSE: Form.FLAG,
    Role.IGNORED: Form.TEXT,
}
_OPTIONAL = frozenset({Role.REFERENCE, Role.DESCRIPTION, Role.CURRENCY, Role.SOURCE_TYPE, Role.DEBIT, Role.CREDIT, Role.IGNORED, Role.REVERSE})
"""May be blank in a row."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Anaplan calculates in binary, so 62.25 may come as 62.25000000000001. What is further off than `noise` is no noise, and is refused."""

    places: int = 2
    noise: Decimal = Decimal("0.0001")

    def apply(self, number: Decimal) -> Decimal | None:
        """The amount that is meant; nothing when the number is not one of so many places."""
        rounded = number.quantize(Decimal(1).scaleb(-self.places), ROUND_HALF_EVEN)
        return rounded + 0 if abs(number - rounded) <= self.noise else None  # + 0 makes minus zero plain


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the export."""

    header: str
    role: Role

    @property
    def form(self) -> Form:
        """How its values are written."""
        return FORMS[self.role]

    @property
    def may_be_blank(self) -> bool:
        """Whether a row need not have it."""
        return self.role in _OPTIONAL


@dataclass(frozen=True)
class Contract:
    """The columns of an export, in their order: any other header is another contract."""

    columns: tuple[Column, ...]
    rounding: Rounding = Rounding()

    def __post_init__(self) -> None:
        headers = [c.header for c in self.columns]
        roles = [c.role for c in self.columns if c.role is not Role.IGNORED]
        if len(set(headers)) < len(headers) or len(set(roles)) < len(roles):
            raise ConfigurationError("A write-back's contract names a column or a role twice.", cure="Each may be there once.")
        if Role.TRANSACTION not in roles:
            raise ConfigurationError("A write-back's contract has no transaction id.", cure="Without one nothing can be sent exactly once.")
        if (Role.AMOUNT in roles) == (Role.DEBIT in roles and Role.CREDIT in roles) or (Role.DEBIT in roles) != (Role.CREDIT in roles):
            raise ConfigurationError("A write-back's contract needs an amount, or a debit and a credit.", cure="Give one or the other.")

    @property
    def header(self) -> tuple[str, ...]:
        """The header row."""
        return tuple(c.header for c in self.columns)

    def has(self, role: Role) -> bool:
        """Whether a column has this role."""
        return any(c.role is role for c in self.columns)
