"""Common services: the company itself, its currencies and its fiscal calendar."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, Snapshot, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "CSCompanyProfile",
        view="CS0001",
        key="DatabaseID",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="The company's name, address and functional currency: a single record.",
        fields="""
            DatabaseID Name? LegalName? City? Country? CountryCode? PhoneNumber? BusinessRegistrationNumber? LocationType? LocationCode? Branch?
            FunctionalCurrency? ReportingCurrency? DefaultRateType? NumFiscalPeriods? Quarter4Periods?
        """,
        # Newer releases keep the mail server's login beside the address.
        sensitive=("Password", "ClientSecret"),
    ),
    entity(
        "CSCurrencyCodes",
        view="CS0003",
        key="CurrencyCodeKey",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Currencies and how their amounts are written.",
        fields="CurrencyCodeKey Description Symbol DecimalPlaces SymbolPosition ThousandsSeparator DecimalSeparator NegativeDisplay",
    ),
    entity(
        "CSCurrencyRates",
        view="CS0005",
        key="ToCurrency RateType",
        reading=Snapshot(),
        description="Exchange rates into each currency, by rate type and day.",
        fields="ToCurrency RateType TableDescription DateMatching RateOperation SourceOfRates",
        collections=(
            collection(
                "CurrencyRateDetail",
                key="FromCurrency RateDate",
                fields="ToCurrency RateType FromCurrency RateDate:day Rate:rate",
                control="Rate",
            ),
        ),
    ),
    entity(
        "CSFiscalCalendars",
        view="CS0002",
        key="FiscalYear",
        reading=Snapshot(),  # daily, as balances are: the first posting of a new year needs its periods
        description="Fiscal years with the first and last day of each period.",
        fields="""
            FiscalYear NumFiscalPeriods? Quarter4Periods? Active? FiscalPeriod1-13StartDate:day? FiscalPeriod1-13EndDate:day? Period1-13Status?
            AdjustmentPeriodStatus? ClosingPeriodStatus?
        """,
    ),
)
