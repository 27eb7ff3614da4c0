"""Vendors, customers, items and exchange rates: master data that follows what happens in the books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, quantity
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.generic import Masters, listed
from sage300_assets.simulators.sage300.lists import (
    PRICE_LISTS,
    Party,
    lists_of,
)  # fmt: skip
from sage300_assets.simulators.sage300.trade import Trade

Known = Mapping[str, Any]
RATE_HISTORY_DAYS = 400


class Parties(Masters):
    """Vendors or customers, with their balances as the open-item ledger has them."""

    def __init__(self, company: Company, entity: Entity, kind: str) -> None:
        self._lists = lists_of(company)
        self._kind = kind
        super().__init__(company, entity, self._known, mistakes=self._mistake)

    @property
    def _trade(self) -> Trade:
        books = books_of(self._company)
        return books.payables if self._kind == "vendor" else books.receivables

    def _party(self, index: int) -> Party:
        return self._lists.vendor(index) if self._kind == "vendor" else self._lists.customer(index)

    def _known(self, index: int) -> Known | None:
        if index >= self._lists.grown(self._kind, self._company.today):
            return None
        party = self._party(index)
        return {
            f"{self._kind.capitalize()}Number": party.code,
            f"{self._kind.capitalize()}Name": party.name,
            "ShortName": party.name[:10].rstrip(),
            "LegalName": party.name,
            "GroupCode": party.group,
            "AccountSet": party.account_set,
            "CurrencyCode": party.currency,
            "Terms": party.terms,
            "TaxGroup": party.tax_group,
            "StartDate": party.since,
            "BankCode": self._lists.bank(party.currency),
            "Status": "Active",
            "_since": party.since,
        }

    def _mistake(self, index: int) -> Known:
        return {
            f"{self._kind.capitalize()}Number": f"TMP{index:04d}",
            f"{self._kind.capitalize()}Name": "ENTERED BY MISTAKE",
            "CurrencyCode": self._company.home,
            "AccountSet": "HOME",
            "Terms": "N30",
        }

    def finish(self, index: int) -> Known:
        """What is only worked out when the record at an index is looked at."""
        cents, home, documents = self._trade.balances(self._company.today).get(index, (0, 0, 0))
        return {
            "BalanceDueInVendorCurrency": money(cents),
            "BalanceDueInCustomerCurrency": money(cents),
            "BalanceDueInFunctionalCurrency": money(home),
            "NumberOfOpenInvoices": number(documents),
            "NumberOfOpenDocuments": number(documents),
        }


class NationalAccounts(Masters):
    """Head offices. No customer belongs to one, so nothing is due on their documents."""

    def finish(self, index: int) -> Known:  # noqa: ARG002 - the same for all
        """What is only worked out when the record at an index is looked at."""
        return {"BalanceDueInCustomerCurrency": money(0), "BalanceDueInFunctionalCurrency": money(0), "NumberOfOpenDocuments": number(0)}


class Items(Masters):
    """Items."""

    def __init__(self, company: Company, entity: Entity) -> None:
        self._lists = lists_of(company)
        super().__init__(company, entity, self._known, mistakes=self._mistake)

    def _known(self, index: int) -> Known | None:
        if index >= self._lists.grown("item", self._company.today):
            return None
        item = self._lists.item(index)
        chance = mix(self._company.seed_for("stock"), index)
        on_hand, committed = chance % 9000 * 2500, (chance >> 20) % 900 * 2500
        return {
            "UnformattedItemNumber": item.code,
            "ItemNumber": item.formatted,
            "Description": item.description,
            "Category": item.category,
            "StockingUnitOfMeasure": item.unit,
            "DefaultPriceListCode": PRICE_LISTS[0],
            "Status": index % 40 == 7,
            "StockItem": item.category != "SVC",
            "QuantityOnHand": quantity(on_hand),
            "QuantityCommitted": quantity(committed),
            "QuantityAvailable": quantity(on_hand - committed),
            "_since": item.since,
        }

    def _mistake(self, index: int) -> Known:
        return {"UnformattedItemNumber": f"TMP{index:04d}", "ItemNumber": f"TMP-{index:04d}", "Description": "ENTERED BY MISTAKE"}


class Rates(Masters):
    """Exchange rates: one record per currency and rate type, with a row for every working day."""

    def __init__(self, company: Company, entity: Entity) -> None:
        super().__init__(
            company, entity, listed([{"ToCurrency": company.home, "RateType": kind, "DateMatching": "Earlier"} for kind in ("AV", "SP")])
        )

    def finish(self, index: int) -> Known:
        """What is only worked out when the record at an index is looked at."""
        company, lists = self._company, lists_of(self._company)
        shape = company.shapes[self._entity.resource].children["CurrencyRateDetail"]
        kind = ("AV", "SP")[index]
        rows = []
        for currency in lists.currencies[1:]:
            day = company.first_day - timedelta(days=RATE_HISTORY_DAYS)
            while day <= company.today:
                if company.is_working_day(day) if kind == "SP" else day.day == 1:
                    rate = lists.rate_number(lists.rate(currency, day))
                    rows.append(shape.make({"ToCurrency": company.home, "RateType": kind, "FromCurrency": currency, "RateDate": day, "Rate": rate}))
                day += timedelta(days=1)
        return {"CurrencyRateDetail": rows}
