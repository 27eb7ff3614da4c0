"""Tax services: who levies which tax, in which combination and at which rate."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, Stamped, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "TXTaxAuthorities",
        view="TX0002",
        key="TaxAuthorityKey",
        reading=Stamped("LastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Tax authorities and the classes of customers, vendors and items they distinguish.",
        fields="TaxAuthorityKey Name TaxReportingCurrency TaxBase LastMaintained:day TaxType",
        collections=(
            collection(
                # Public sources name the list and nothing in it, so no member of it can be counted on as a key.
                "TaxClasses",
                fields="TaxAuthority? TransactionType? ClassType? Class:int? Description? Exempt:flag?",
            ),
        ),
    ),
    entity(
        "TXTaxGroups",
        view="TX0003",
        key="TaxGroupKey TransactionType",
        reading=Stamped("LastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Combinations of up to five tax authorities that apply to a sale or a purchase.",
        fields="""
            TaxGroupKey TransactionType Description TaxReportingCurrency TaxAuthority1-5 Taxable1-5:flag TaxCalculationMethod LastMaintained:day
            Surtax1-5:flag SurtaxOnAuthority1-5 TaxReportingRateType
        """,
    ),
    entity(
        "TXTaxRates",
        view="TX0004",
        key="TaxAuthority TransactionType BuyerClass",
        reading=Stamped("LastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Tax rates in percent, by authority, class of customer or vendor, and class of item.",
        fields="TaxAuthority TransactionType BuyerClass:int ItemRate1-10:percent LastMaintained:day",
    ),
)
