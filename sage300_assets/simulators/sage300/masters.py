"""Master data with rules of its own: what documents refer to is really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number, quantity
from sage300_assets.simulators.sage300.books import books_of
from sage300_assets.simulators.sage300.chance import mix
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.generic import Masters
from sage300_assets.simulators.sage300.lists import (
    ACCOUNT_GROUPS, CATEGORIES, CURRENCIES, DIVISIONS, EXPENSE_BASE, LOCATIONS, PAYMENT_SETS, PRICE_LISTS, SALESPEOPLE, TAX_GROUPS, TERMS, UNITS, Party, lists_of
)  # fmt: skip
from sage300_assets.simulators.sage300.trade import Trade
from sage300_assets.simulators.sage300.words import PEOPLE, SERVICES

Known = Mapping[str, Any]
RATE_HISTORY_DAYS = 400


def _listed(records: Sequence[Known]) -> Callable[[int], Known | None]:
    return lambda index: records[index] if index < len(records) else None


def _maker(make: Callable[[Company], Sequence[Known]]) -> Callable[[Company, Entity], Masters]:
    return lambda company, entity: Masters(company, entity, _listed(make(company)))


def _accounts(company: Company) -> list[Known]:
    home = company.home
    since = company.first_day - timedelta(days=2500)
    groups = {code: place for place, (code, _, _) in enumerate(ACCOUNT_GROUPS, 1)}
    return [
        {
            "UnformattedAccount": a.code,
            "AccountNumber": a.formatted,
            "DateCreated": since,
            "Description": a.description,
            "AccountType": "RetainedEarnings" if a.main == "3200" else "IncomeStatement" if a.income else "BalanceSheet",
            "NormalBalanceDRCR": "Debit" if a.debit else "Credit",
            "Status": "Active",
            "PostToAccount": "Detail",
            "StructureCode": "ACDIV",
            "YearLastClosed": company.first_day.year - 1,
            "AccountSegmentCode1": a.main,
            "AccountSegmentCode2": a.division,
            **{f"AccountSegmentCode{n}": "" for n in range(3, 11)},
            "DefaultCurrencyCode": home,
            "AccountGroupCode": a.group,
            "AccountGroupSortCode": f"{groups[a.group]:03d}",
            "Multicurrency": "Yes" if a.main in ("1030", "1040", "1205", "1206", "2105", "2106") else "No",
            "ControlAccount": "Yes" if a.group in ("AP", "AR") else "No",
            "AllocOffsetAccount": "",
        }
        for a in lists_of(company).accounts
    ]


def _account_groups(_company: Company) -> list[Known]:
    return [
        {"AccountGroupCode": code, "AccountGroupDescription": text, "AccountGroupSortCode": f"{place:03d}", "GroupCategory": category}
        for place, (code, text, category) in enumerate(ACCOUNT_GROUPS, 1)
    ]


def _segments(_company: Company) -> list[Known]:
    return [{"SegmentNumber": "000002", "SegmentCode": code, "Description": text, "ClosingAccount": "3200100"} for code, text in DIVISIONS]


def _source_codes(_company: Company) -> list[Known]:
    kinds = (("AP", "IN", "AP invoices"), ("AP", "PY", "AP payments"), ("AP", "AD", "AP adjustments"), ("AR", "IN", "AR invoices"), ("AR", "PY", "AR receipts"))
    return [
        {"SourceLedger": ledger, "SourceType": kind, "Description": text}
        for ledger, kind, text in (*kinds, ("AR", "AD", "AR adjustments"), ("GL", "JE", "Journal entries"), ("GL", "CL", "Closing entries"))
    ]


def _terms(company: Company) -> list[Known]:
    return [
        {
            "TermsCode": code,
            "Description": text,
            "NumberOfPayments": number(1),
            "TotalPercentageDue": Decimal(100),
            "TotalPercentDue": Decimal(100),
            **{name: [_schedule(code, days, discount)] for name in ("TermsPaymentSchedule", "TermsPaymentSchedules")},
        }
        for code, text, days, discount in TERMS
    ]


def _schedule(code: str, days: int, discount: int) -> Known:
    due = {"DueNumberOfDays": number(days), "DiscountPercent": Decimal(discount), "DiscountNumberOfDays": number(10 if discount else 0)}
    return {"TermsCode": code, "PaymentNumber": number(1), "PercentageDue": Decimal(100), "PercentDue": Decimal(100), **due}


def _terms_source(company: Company, entity: Entity) -> Masters:
    shape = company.shapes[entity.resource]
    records: list[Known] = []
    for known in _terms(company):
        fitting = {n: v for n, v in known.items() if n in shape.names}
        for member, child in shape.children.items():
            if member in known:
                fitting[member] = [child.make(row) for row in known[member]]
        records.append(fitting)
    return Masters(company, entity, _listed(records))


def _account_sets(company: Company) -> list[Known]:
    lists = lists_of(company)
    records: list[Known] = []
    for code, currency in zip(PAYMENT_SETS, lists.currencies, strict=True):
        records.append(
            {
                "AccountSetCode": code,
                "AccountSetKey": code,
                "Description": f"Accounts for {currency}",
                "PayablesControlAccount": lists.payables(currency),
                "ReceivablesControlAccount": lists.receivables(currency),
                "PrepaymentAccount": "1400100",
                "PrepaymentLiabilityAccount": "2300100",
                "CurrencyCodeForAccount": currency,
                "CurrencyCode": currency,
                "WriteOffsAccount": "7400100",
                "ExchangeGainAccount": "7000100",
                "ExchangeLossAccount": "7000100",
                "RetainageAccount": "",
            }
        )
    return records


def _payable_sets(company: Company) -> list[Known]:
    return [{**known, "DiscountsAccount": "7100100"} for known in _account_sets(company)]


def _receivable_sets(company: Company) -> list[Known]:
    return [{**known, "DiscountsAccount": "4900100"} for known in _account_sets(company)]


def _distribution_codes(_company: Company) -> list[Known]:
    return [
        {"DistributionCodeKey": str(EXPENSE_BASE + 10 * n), "Description": text, "GLAccount": f"{EXPENSE_BASE + 10 * n}100"} for n, text in enumerate(SERVICES)
    ]


def _groups(codes: Sequence[str], home_set: str) -> Callable[[Company], Sequence[Known]]:
    return lambda company: [
        {"GroupCode": code, "Description": f"Group {code}", "AccountSet": home_set, "CurrencyCode": company.home, "Terms": "N30"} for code in codes
    ]


def _salespeople(_company: Company) -> list[Known]:
    return [{"SalespersonKey": code, "Name": PEOPLE[n], "EmployeeNumber": f"E{100 + n}"} for n, code in enumerate(SALESPEOPLE)]


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
        cents, home, documents = self._trade.balances(self._company.today).get(index, (0, 0, 0))
        return {
            "BalanceDueInVendorCurrency": money(cents),
            "BalanceDueInCustomerCurrency": money(cents),
            "BalanceDueInFunctionalCurrency": money(home),
            "NumberOfOpenInvoices": number(documents),
            "NumberOfOpenDocuments": number(documents),
        }


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


def _pricing(company: Company) -> list[Known]:
    lists = lists_of(company)
    records: list[Known] = []
    for index in range(lists.grown("item", company.first_day)):
        item = lists.item(index)
        for place, price_list in enumerate(PRICE_LISTS[: 1 + index % 3]):
            price = item.price * (100 - 10 * place) // 100
            known = {"CurrencyCode": company.home, "UnformattedItemNumber": item.code, "PriceListCode": price_list, "Description": item.description}
            records.append({**known, "BasePrice": money(price), "SalePrice": money(price * 9 // 10 if index % 4 == 0 else 0)})
    return records


def _categories(company: Company) -> list[Known]:
    since = company.first_day - timedelta(days=2000)
    return [{"CategoryCode": code, "Description": text, "SalesAccount": "4000100", "_since": since} for code, text in CATEGORIES]


def _locations(_company: Company) -> list[Known]:
    return [{"LocationKey": code, "Name": text, "LocationType": "GoodsInTransit" if code == "GIT" else "Physical"} for code, text in LOCATIONS]


def _price_lists(_company: Company) -> list[Known]:
    return [{"PriceListCodeKey": code, "Description": f"{text} prices"} for code, text in zip(PRICE_LISTS, ("Retail", "Wholesale", "Export"), strict=True)]


def _units(_company: Company) -> list[Known]:
    return [{"UnitOfMeasure": unit, "DefConversion": Decimal(1)} for unit in UNITS]


def _company_profile(company: Company) -> list[Known]:
    return [
        {
            "DatabaseID": company.code,
            "Name": f"Sample Company {company.code.removeprefix('SAM').title()}",
            "FunctionalCurrency": company.home,
            "ReportingCurrency": company.home,
            "NumFiscalPeriods": "Num12",
            "DefaultRateType": "SP",
        }
    ]


def _currencies(_company: Company) -> list[Known]:
    return [{"CurrencyCodeKey": code, "Description": text, "Symbol": symbol, "DecimalPlaces": "Num2"} for code, (text, symbol, _) in CURRENCIES.items()]


class Rates(Masters):
    """Exchange rates: one record per currency and rate type, with a row for every working day."""

    def __init__(self, company: Company, entity: Entity) -> None:
        super().__init__(company, entity, _listed([{"ToCurrency": company.home, "RateType": kind, "DateMatching": "Earlier"} for kind in ("AV", "SP")]))

    def finish(self, index: int) -> Known:
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


def _calendars(company: Company) -> list[Known]:
    records: list[Known] = []
    this_year = int(company.fiscal(company.today)[0])
    for year in range(this_year - 3, this_year + 2):
        known: dict[str, Any] = {"FiscalYear": str(year), "NumFiscalPeriods": "Num12", "Quarter4Periods": "Num3", "Active": "Yes"}
        for period in range(1, 13):
            known[f"FiscalPeriod{period}StartDate"] = company.period_start(year, period)
            known[f"FiscalPeriod{period}EndDate"] = company.period_start(year, period + 1) - timedelta(days=1)
        for period in range(1, 14):
            known[f"Period{period}Status"] = "Open" if year >= this_year - 1 else "Locked"
        known["FiscalPeriod13StartDate"] = known["FiscalPeriod13EndDate"] = None
        records.append(known)
    return records


def _authorities(company: Company) -> list[Known]:
    found = dict.fromkeys(authority for group in sorted(set(lists_of(company).tax_groups)) for authority, _ in TAX_GROUPS[group])
    return [{"TaxAuthorityKey": code, "Name": f"Tax authority {code}", "TaxReportingCurrency": company.home} for code in found]


def _tax_groups(company: Company) -> list[Known]:
    records: list[Known] = []
    for group in sorted({*lists_of(company).tax_groups, "EXEMPT"}):
        for kind in ("Sales", "Purchases"):
            authorities = [authority for authority, _ in TAX_GROUPS[group]]
            known = {"TaxGroupKey": group, "TransactionType": kind, "Description": f"{group} on {kind.lower()}", "TaxReportingCurrency": company.home}
            records.append({**known, **{f"TaxAuthority{n}": a for n, a in enumerate(authorities, 1)}})
    return records


def _tax_rates(company: Company) -> list[Known]:
    records: list[Known] = []
    rates = {authority: rate for group in sorted(set(lists_of(company).tax_groups)) for authority, rate in TAX_GROUPS[group]}
    for authority, rate in rates.items():
        for kind in ("Sales", "Purchases"):
            for buyer in (1, 2):
                percent = Decimal(rate if buyer == 1 else 0).scaleb(-3)
                items = {f"ItemRate{n}": percent if n == 1 else Decimal(0) for n in range(1, 11)}
                records.append({"TaxAuthority": authority, "TransactionType": kind, "BuyerClass": buyer, **items})
    return records


def _banks(company: Company) -> list[Known]:
    lists = lists_of(company)
    return [
        {
            "BankCode": lists.bank(currency),
            "Description": f"Bank account in {currency}",
            "Multicurrency": place > 0,
            "StatementCurrency": currency,
            "BankAccount": lists.bank_account(currency),
            "CreditCardChargesAccount": "7200100",
            "WriteOffAccount": "7400100",
        }
        for place, currency in enumerate(lists.currencies)
    ]


SOURCES: dict[str, Callable[[Company, Entity], Masters]] = {
    "GLAccounts": _maker(_accounts),
    "GLAccountGroups": _maker(_account_groups),
    "GLSegmentCodes": _maker(_segments),
    "GLSourceCodes": _maker(_source_codes),
    "APVendors": lambda company, entity: Parties(company, entity, "vendor"),
    "APVendorGroups": _maker(_groups(("GVM", "WPS"), "HOME")),
    "APAccountSets": _maker(_payable_sets),
    "APTerms": _terms_source,
    "APDistributionCodes": _maker(_distribution_codes),
    "ARCustomers": lambda company, entity: Parties(company, entity, "customer"),
    "ARCustomerGroups": _maker(_groups(("WHL", "RTL"), "HOME")),
    "ARAccountSets": _maker(_receivable_sets),
    "ARTerms": _terms_source,
    "ARSalespersons": _maker(_salespeople),
    "ICItems": Items,
    "ICItemPricing": _maker(_pricing),
    "ICCategories": _maker(_categories),
    "ICLocations": _maker(_locations),
    "ICPriceListCodes": _maker(_price_lists),
    "ICUnitsOfMeasure": _maker(_units),
    "CSCompanyProfile": _maker(_company_profile),
    "CSCurrencyCodes": _maker(_currencies),
    "CSCurrencyRates": Rates,
    "CSFiscalCalendars": _maker(_calendars),
    "TXTaxAuthorities": _maker(_authorities),
    "TXTaxGroups": _maker(_tax_groups),
    "TXTaxRates": _maker(_tax_rates),
    "BKBanks": _maker(_banks),
}
