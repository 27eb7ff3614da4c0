"""Master data with rules of its own: what documents refer to is really there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sage300_assets.catalogue.model import Entity
from sage300_assets.simulators.sage300.amounts import money, number
from sage300_assets.simulators.sage300.company import Company
from sage300_assets.simulators.sage300.generic import Masters, listed
from sage300_assets.simulators.sage300.lists import (
    ACCOUNT_GROUPS,
    CATEGORIES,
    CURRENCIES,
    DIVISIONS,
    EXPENSE_BASE,
    LOCATIONS,
    PAYMENT_SETS,
    PRICE_LISTS,
    SALESPEOPLE,
    TAX_GROUPS,
    TERMS,
    UNITS,
    lists_of,
)  # fmt: skip
from sage300_assets.simulators.sage300.parties import Items, Known, NationalAccounts, Parties, Rates
from sage300_assets.simulators.sage300.words import PEOPLE, SERVICES


def _maker(make: Callable[[Company], Sequence[Known]]) -> Callable[[Company, Entity], Masters]:
    return lambda company, entity: Masters(company, entity, listed(make(company)))


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
    kinds = (
        ("AP", "IN", "AP invoices"),
        ("AP", "PY", "AP payments"),
        ("AP", "AD", "AP adjustments"),
        ("AR", "IN", "AR invoices"),
        ("AR", "PY", "AR receipts"),
    )
    return [
        {"SourceLedger": ledger, "SourceType": kind, "Description": text}
        for ledger, kind, text in (*kinds, ("AR", "AD", "AR adjustments"), ("GL", "JE", "Journal entries"), ("GL", "CL", "Closing entries"))
    ]


def _terms() -> list[Known]:
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
    for known in _terms():
        fitting = {n: v for n, v in known.items() if n in shape.names}
        for member, child in shape.children.items():
            if member in known:
                fitting[member] = [child.make(row) for row in known[member]]
        records.append(fitting)
    return Masters(company, entity, listed(records))


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
    services = [(str(EXPENSE_BASE + 10 * n), text, f"{EXPENSE_BASE + 10 * n}100") for n, text in enumerate(SERVICES)]
    return [
        {"DistributionCodeKey": code, "Description": text, "GLAccount": account}
        for code, text, account in (*services, ("INV", "Inventory", "1300100"))
    ]


def _groups(codes: Sequence[str], home_set: str) -> Callable[[Company], Sequence[Known]]:
    return lambda company: [
        {"GroupCode": code, "Description": f"Group {code}", "AccountSet": home_set, "CurrencyCode": company.home, "Terms": "N30"} for code in codes
    ]


def _salespeople(_company: Company) -> list[Known]:
    return [{"SalespersonKey": code, "Name": PEOPLE[n], "EmployeeNumber": f"E{100 + n}"} for n, code in enumerate(SALESPEOPLE)]


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
    return [
        {"PriceListCodeKey": code, "Description": f"{text} prices"} for code, text in zip(PRICE_LISTS, ("Retail", "Wholesale", "Export"), strict=True)
    ]


def _units(_company: Company) -> list[Known]:
    return [{"UnitOfMeasure": unit, "DefConversion": Decimal(1)} for unit in UNITS]


def _company_profile(company: Company) -> list[Known]:
    return [
        {
            "DatabaseID": company.code,
            "Name": f"Sample Company {company.code.removeprefix('SAM').title()}",
            "FunctionalCurrency": company.home,
            "ReportingCurrency": company.home,
            "NumFiscalPeriods": f"Num{company.periods}",
            "DefaultRateType": "SP",
        }
    ]


def _currencies(_company: Company) -> list[Known]:
    return [
        {"CurrencyCodeKey": code, "Description": text, "Symbol": symbol, "DecimalPlaces": "Num2"} for code, (text, symbol, _) in CURRENCIES.items()
    ]


def _calendars(company: Company) -> list[Known]:
    records: list[Known] = []
    this_year = int(company.fiscal(company.begun)[0])
    for year in range(int(company.fiscal(company.first_day)[0]) - 2, this_year + 3):
        known: dict[str, Any] = {"FiscalYear": str(year), "NumFiscalPeriods": f"Num{company.periods}", "Quarter4Periods": "Num3", "Active": "Yes"}
        known["FiscalPeriod13StartDate"] = known["FiscalPeriod13EndDate"] = None
        for period in range(1, company.periods + 1):
            known[f"FiscalPeriod{period}StartDate"] = company.period_start(year, period)
            known[f"FiscalPeriod{period}EndDate"] = company.period_start(year, period + 1) - timedelta(days=1)
        for period in range(1, 14):
            known[f"Period{period}Status"] = "Open" if year >= this_year - 1 else "Locked"
        records.append(known)
    return records


def _authorities(company: Company) -> list[Known]:
    found = dict.fromkeys(authority for group in lists_of(company).all_tax_groups for authority, _ in TAX_GROUPS[group])
    return [{"TaxAuthorityKey": code, "Name": f"Tax authority {code}", "TaxReportingCurrency": company.home} for code in found]


def _tax_groups(company: Company) -> list[Known]:
    records: list[Known] = []
    for group in lists_of(company).all_tax_groups:
        for kind in ("Sales", "Purchases"):
            authorities = [authority for authority, _ in TAX_GROUPS[group]]
            known = {"TaxGroupKey": group, "TransactionType": kind, "Description": f"{group} on {kind.lower()}", "TaxReportingCurrency": company.home}
            records.append({**known, **{f"TaxAuthority{n}": a for n, a in enumerate(authorities, 1)}})
    return records


def _tax_rates(company: Company) -> list[Known]:
    records: list[Known] = []
    rates = {authority: rate for group in lists_of(company).all_tax_groups for authority, rate in TAX_GROUPS[group]}
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
    "ARNationalAccounts": NationalAccounts,
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
