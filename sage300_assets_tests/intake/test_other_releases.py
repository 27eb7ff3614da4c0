"""A server that calls things by other names, or lacks what only some have, is read all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sage300_assets.base.errors import PermanentError
from sage300_assets.catalogue import find
from sage300_assets.simulators.sage300 import Release
from sage300_assets.systems.sage300.contract import agree
from sage300_assets.systems.sage300.metadata import parse_metadata
from sage300_assets_tests.house import COMPANY, House, open_house
from sage300_assets_tests.intake.test_sweep import search


@pytest.fixture
def one(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", days=8, page_size=40) as house:
        yield house


def answering(one: House, **unusual: tuple[object, ...]) -> None:
    """Another release answers from now on."""
    one.server.release = Release(**unusual)  # type: ignore[arg-type]


# --- keys ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "renamed",
    [
        {"POInvoices.InvoiceSequenceKey": "InvoiceKey"},
        {"CSCompanyProfile.DatabaseID": "OrgID"},
        {"MTContacts.ContactCode": "ContactKey"},
        {"GLAccountFiscalSets.Currencytype": "CurrencyKind"},
        {f"APPostedPayments.{ours}": theirs for ours, theirs in (("BankCode", "Bank"), ("CheckNumber", "RemitNo"), ("CheckDate", "RemitDate"))},
    ],
    ids=lambda renamed: next(iter(renamed)),
)
def test_a_key_is_known_by_its_place_in_the_servers_own_key(one: House, renamed: dict[str, str]) -> None:
    answering(one, renamed=tuple(renamed.items()))
    resource = next(iter(renamed)).partition(".")[0]
    one.load(resource)
    one.check(resource)


def test_a_part_of_the_key_that_the_server_does_without_is_empty(one: House) -> None:
    entity, resource = find("APPostedPayments"), "APPostedPayments"
    records = [{**row, "BankCode": "", "CheckNumber": f"{n}"} for n, row in enumerate(one.world.truth(COMPANY, resource))]
    one.world.replace_all(COMPANY, resource, records)
    answering(one, lacking=(f"{resource}.BankCode",))
    one.load(entity)
    one.check(entity)
    gone = records[3]
    one.world.delete(COMPANY, resource, [gone[name] for name in entity.key])
    assert search(one, entity, by_keys=True).gone == (tuple(gone[name] for name in entity.key),)
    one.load(entity)
    one.check(entity)


def test_a_part_of_the_key_without_which_records_are_one_is_counted_on(one: House) -> None:
    resource = "APPostedPayments"
    answering(one, renamed=((f"{resource}.BankCode", "Purse"),), extra=(f"{resource}.Bank",))
    document = one.client.metadata("AP").document.replace(b'<PropertyRef Name="Purse" />', b'<PropertyRef Name="Purse" /><PropertyRef Name="Bank" />')
    with pytest.raises(PermanentError, match="lacks BankCode of the key; its own key there is Purse, Bank, VendorNumber") as caught:
        agree(find(resource), parse_metadata("AP", document), COMPANY)
    assert "the server's own key" in caught.value.cure
