"""A server that was upgraded since its `$metadata` was remembered: what has another name by now is never read as nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sage300_assets.base.errors import DataError, SchemaDrift
from sage300_assets.catalogue import find
from sage300_assets.catalogue.model import Collection, Entity
from sage300_assets.intake import load as loading
from sage300_assets.intake.poll import poll
from sage300_assets.intake.shape import NO_DRIFT, contract_for
from sage300_assets.simulators.sage300 import Release
from sage300_assets.systems.sage300.client import Outgrown, Sage300Client
from sage300_assets_tests.house import COMPANY, TODAY, House, open_house
from sage300_assets_tests.intake.law import Still, assert_says_what_to_do
from sage300_assets_tests.intake.test_sweep import read

WIDE, POSTED, NESTED = find("ARCustomers"), find("ARPostedDocuments"), find("ARInvoiceBatches")
"""Of the first two, members are too many to be asked for one by one; of the third, those of its lines never are."""
OLDER = ("ARCustomers.SageBillingAndPaymentCustomer",)
LINES = "ARInvoiceBatches.Invoices.InvoiceDetails"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "lake", days=8, page_size=40) as house:
        yield house


def remembering(one: House) -> Sage300Client:
    """Another process over the same lake."""
    return Sage300Client(one.settings, COMPANY, wait=one.waits.append, metadata_store=one.lake)


def loaded(one: House, *entities: Entity) -> None:
    """They are in the lake, and the module's `$metadata` is remembered."""
    with remembering(one) as before:
        for entity in entities:
            read(one, entity, client=before)


def leave_out(one: House, monkeypatch: pytest.MonkeyPatch, *lacking: str) -> None:
    """Records lack from now on what `$metadata` still has."""
    document = one.server._librarian.metadata("AR")
    monkeypatch.setattr(one.server._librarian, "metadata", lambda module: document)
    one.server.release = Release(lacking=lacking)


def metadata_calls(one: House, since: int) -> int:
    return sum(call.path.endswith("$metadata") for call in one.server.calls[since:])


def with_alias(rows: Collection, name: str, alias: str) -> Collection:
    """The same declaration, in which a field has another name too, on whatever level it is."""
    fields = tuple(replace(f, aliases=(alias,)) if f.name == name else f for f in rows.fields)
    return replace(rows, fields=fields, collections=tuple(with_alias(child, name, alias) for child in rows.collections))


def test_a_member_that_got_its_other_name_is_read_under_it(one: House) -> None:
    loaded(one, WIDE)
    assert not any("ARVersion" in call.query for call in one.server.calls), "nothing is selected, so nothing is refused"
    one.server.release = Release(older=OLDER)
    with remembering(one) as after:
        read(one, WIDE, client=after)
    one.check(WIDE)


def test_a_member_of_nested_rows_too(one: House) -> None:
    entity = replace(NESTED, collections=tuple(with_alias(child, "Comments", "LineComments") for child in NESTED.collections))
    loaded(one, entity)
    one.server.release = Release(renamed=((f"{LINES}.Comments", "LineComments"),))
    with remembering(one) as after:
        read(one, entity, client=after)
    one.check(entity)


@pytest.mark.parametrize("member", ["", ".Comments"], ids=["a list", "a member of its rows"])
def test_what_got_a_name_that_nobody_knows_is_not_read_as_nothing(one: House, member: str) -> None:
    loaded(one, NESTED)
    still = Still.of(one.lake, NESTED)
    one.server.release = Release(renamed=((LINES + member, "Unheard"),))
    with remembering(one) as after, pytest.raises(SchemaDrift, match="counts on what is gone"):
        read(one, NESTED, client=after)
    assert one.lake.publications(COMPANY, NESTED) == still.publications


def test_a_member_that_got_its_other_name_is_no_news(one: House) -> None:
    one.world.put(COMPANY, WIDE.resource, {"CustomerNumber": "1", "DateLastMaintained": TODAY})
    loaded(one, WIDE)
    one.server.release = Release(older=OLDER)
    asked = len(one.server.calls)
    with remembering(one) as after:
        assert poll(COMPANY, [WIDE], after, one.lake, today=TODAY, zone=ZoneInfo("UTC")) == []
    assert any(call.resource == WIDE.resource for call in one.server.calls[asked:])


def test_a_server_upgraded_while_a_client_reads_is_noticed_too(one: House) -> None:
    read(one, WIDE)
    one.server.release = Release(older=OLDER)
    read(one, WIDE)
    one.check(WIDE)


def test_whoever_still_goes_by_the_old_document_begins_again_too(one: House) -> None:
    loaded(one, WIDE)
    one.server.release = Release(older=OLDER)
    key = (one.world.truth(COMPANY, WIDE.resource)[0]["CustomerNumber"],)
    with remembering(one) as after:
        contract = after.contract(WIDE)
        after.metadata("AR", fresh=True)  # as another thread does
        for _ in range(2):
            with pytest.raises(Outgrown, match="came without SageBillingAndPaymentCustomer"):
                after.page(contract, "")
        with pytest.raises(Outgrown) as caught:
            after.record(contract, key)
        assert_says_what_to_do(caught.value, WIDE.resource)


@dataclass
class _Slow:
    """Remembers a document; before it says so, another thread has asked the server."""

    document: bytes
    client: Sage300Client | None = None

    def recall(self, company: str, module: str) -> bytes | None:
        assert self.client is not None
        assert company == self.client.company
        self.client.metadata(module, fresh=True)
        return self.document

    def keep(self, company: str, module: str, document: bytes) -> None:
        pass


def test_what_is_remembered_does_not_take_the_place_of_what_was_asked_for_meanwhile(one: House) -> None:
    store = _Slow(one.client.metadata("AR").document)
    one.server.release = Release(older=OLDER)
    with Sage300Client(one.settings, COMPANY, metadata_store=store) as client:
        store.client = client
        assert client.metadata("AR") == client.metadata("AR", fresh=True)


# --- what the server itself leaves out -------------------------------------------------------------------------------------------------


def test_members_that_a_server_leaves_out_are_empty_and_make_it_be_asked_once(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(one, WIDE, POSTED)
    leave_out(one, monkeypatch, "ARCustomers.ARVersion", "ARPostedDocuments.MiscellaneousReceiptFlag")
    asked = len(one.server.calls)
    with remembering(one) as after:
        rows = [read(one, entity, client=after).source_rows for entity in (WIDE, POSTED)]
    assert metadata_calls(one, asked) == 1
    found = (one.lake.current(COMPANY, WIDE.root)["ARVersion"], one.lake.current(COMPANY, POSTED.root)["MiscellaneousReceiptFlag"])
    assert [column.null_count for column in found] == rows


def test_a_server_upgraded_long_after_it_was_doubted_is_noticed_by_the_next_member_that_is_not_there(
    one: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves a member out anyway; hours later another release gives other members, in rows that are never asked for by name."""
    loaded(one, POSTED, NESTED)
    moment = [0.0]
    with remembering(one) as after:
        after.clock = lambda: moment[0]
        with monkeypatch.context() as patch:
            leave_out(one, patch, "ARPostedDocuments.MiscellaneousReceiptFlag")
            read(one, POSTED, client=after)
        moment[0] = 3 * 3600.0
        one.server.release = Release(renamed=((f"{LINES}.Comments", "LineComments"),))
        entity = replace(NESTED, collections=tuple(with_alias(child, "Comments", "LineComments") for child in NESTED.collections))
        read(one, entity, client=after)
    one.check(entity)


def test_a_query_that_is_refused_because_somebody_else_found_the_upgrade_begins_again(one: House, monkeypatch: pytest.MonkeyPatch) -> None:
    short = find("APVendorGroups")
    loaded(one, short)
    one.server.release = Release(lacking=(f"{short.resource}.InactiveDate",))
    with remembering(one) as after:
        contract = after.contract(short)
        assert "InactiveDate" in contract.select
        told = iter([contract])

        def as_before(entity: Entity, client: Sage300Client, *more: object) -> object:
            given = next(told, None)
            if given is None:
                return contract_for(entity, client, *more)  # type: ignore[arg-type]
            client.metadata(entity.module, fresh=True)  # another thread, after this one has agreed
            return given, NO_DRIFT

        monkeypatch.setattr(loading, "contract_for", as_before)
        read(one, short, client=after)
    assert one.lake.current(COMPANY, short.root)["InactiveDate"].null_count


@pytest.mark.parametrize(
    ("entity", "lacking", "named"),
    [
        (NESTED, LINES, r"Invoices\.InvoiceDetails\[\]"),
        (NESTED, f"{LINES}.InvoiceDetailOptionalFields", r"Invoices\.InvoiceDetails\.InvoiceDetailOptionalFields\[\]"),
        (WIDE, "ARCustomers.CustomerOptionalFieldValues", r"CustomerOptionalFieldValues\[\]"),
    ],
    ids=["lines", "optional fields of lines", "optional fields"],
)
def test_a_list_that_does_not_come_is_not_taken_for_empty(
    one: House, monkeypatch: pytest.MonkeyPatch, entity: Entity, lacking: str, named: str
) -> None:
    loaded(one, entity)
    still = Still.of(one.lake, entity)
    leave_out(one, monkeypatch, lacking)
    with remembering(one) as after, pytest.raises(DataError, match=f"came without {named},") as caught:
        read(one, entity, client=after)
    assert_says_what_to_do(caught.value, entity.resource)
    still.assert_unchanged()
