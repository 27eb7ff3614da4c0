"""Web API addresses: company, module, resource, and the key in all the forms in which it may be written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sage300_assets.catalogue.types import Field, Kind
from sage300_assets.simulators.sage300.errors import bad_key
from sage300_assets.simulators.sage300.shapes import Anything

ROOT = "Sage300WebApi"
VERSION = "v1.0"
METADATA = "$metadata"

POST_ONLY = frozenset(
    [
        "POReceipts",
        "APCreateGLBatch",
        "APCreateRecurringPayableBatch",
        "APCreateRetainageDocumentBatch",
        "APDeleteInactiveRecords",
        "APPostInvoices",
        "APPostPaymentsAndAdjustments",
        "ARCreateGLBatch",
        "ARCreateRecurringCharge",
        "ARCreateRetainageDocumentBatch",
        "ARPostInvoices",
        "ARPostReceiptsAndAdjustments",
        "ARPostRefunds",
        "GLPostJournal",
        "ICCreateGLBatch",
        "ICDayEndProcessing",
        "POCreateBatch",
        "PODayEndProcessing",
    ]
)
"""Endpoints that exist but cannot be read."""

MASTER_VERBS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MASTERS = """
    APAccountSets APDistributionCodes APTerms APVendorGroups APVendors ARAccountSets ARCustomerGroups ARCustomers ARNationalAccounts ARSalespersons
    ARShipToLocations ARTerms BKBanks CSCurrencyCodes CSCurrencyRates GLAccountGroups GLAccounts GLSegmentCodes GLSourceCodes ICCategories
    ICItemPricing ICItems ICLocations ICPriceListCodes ICUnitsOfMeasure MTContacts
"""
_BATCHES = "APInvoiceBatches APPaymentAndAdjustmentBatches ARInvoiceBatches ARReceiptAndAdjustmentBatches GLJournalBatches"
OFFERED: dict[str, frozenset[str]] = {
    **dict.fromkeys(_MASTERS.split(), MASTER_VERBS),
    "CSCompanyProfile": MASTER_VERBS - {"POST"},
    **dict.fromkeys(_BATCHES.split(), frozenset({"POST", "PATCH"})),
    **dict.fromkeys(("OECreditDebitNotes", "OEOrders", "POPurchaseOrders", "POReturns"), frozenset({"POST"})),
}
"""Verbs besides GET that the real server offers, by resource."""

_SEGMENT = re.compile(r"(?P<name>\$?[A-Za-z0-9_]+)(?:\((?P<key>.*)\))?", re.DOTALL)
_KEY_PART = re.compile(r"\s*(?:(?P<name>[A-Za-z_][A-Za-z_0-9]*)\s*=\s*)?(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^,'=()\s]+))\s*(?P<end>,|$)")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address below the root."""

    company: str
    module: str
    resource: str
    key: str | None


def parse_path(raw: str) -> Address | None:
    """The parts of a raw, still escaped path; nothing when it is not of the shape of a data request."""
    parts = raw.strip("/").split("/")
    if len(parts) != 6 or parts[0].casefold() != ROOT.casefold() or parts[1].casefold() != VERSION or parts[2] != "-":
        return None
    match = _SEGMENT.fullmatch(unquote(parts[5]))
    if match is None:
        return None
    return Address(unquote(parts[3]), unquote(parts[4]), match["name"], match["key"])


@dataclass(frozen=True, slots=True)
class KeyMember:
    """A member of a key as this server spells it."""

    name: str
    field: Field


def parse_key(text: str, members: list[KeyMember]) -> tuple[Any, ...]:
    """The key in declared order and exact types."""
    values: list[tuple[str | None, str, bool]] = []
    at = 0
    while at <= len(text):
        match = _KEY_PART.match(text, at)
        if match is None or (match["quoted"] is None and match["bare"] is None):
            raise bad_key(text)
        quoted = match["quoted"]
        values.append((match["name"], quoted.replace("''", "'") if quoted is not None else match["bare"], quoted is not None))
        at = match.end()
        if match["end"] != ",":
            break
    if at < len(text) or len(values) != len(members):
        raise bad_key(text)
    named = [v for v in values if v[0] is not None]
    if named and len(named) != len(values):
        raise bad_key(text)
    if named:
        by_name = {name: (value, quoted) for name, value, quoted in values}
        if set(by_name) != {m.name for m in members}:
            raise bad_key(text)
        return tuple(_typed(by_name[m.name][0], m.field, text, quoted=by_name[m.name][1]) for m in members)
    return tuple(_typed(value, m.field, text, quoted=quoted) for (_, value, quoted), m in zip(values, members, strict=True))


def _typed(value: str, field: Field, text: str, *, quoted: bool) -> Anything:
    kind = field.type.kind
    try:
        if kind is Kind.TEXT:
            return value
        if quoted:
            raise bad_key(text)
        if kind is Kind.DECIMAL:
            if not re.fullmatch(r"-?\d+(\.\d+)?", value):
                raise bad_key(text)
            return Decimal(value)
        if kind is Kind.INTEGER:
            return int(value)
        if kind is Kind.DAY:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d(T00:00(:00)?Z)?", value):
                raise bad_key(text)
            return date.fromisoformat(value[:10])
        if kind is Kind.FLAG and value in ("true", "false"):
            return value == "true"
    except ValueError as problem:
        raise bad_key(text) from problem
    raise bad_key(text)
