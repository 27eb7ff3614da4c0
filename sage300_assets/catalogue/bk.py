"""Bank services: the company's bank accounts."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, Snapshot, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "BKBanks",
        view="BK0001",
        key="BankCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Bank accounts with the currencies they take and the ledger accounts they post to. BankAccount is a ledger account.",
        fields="BankCode Description Multicurrency:flag StatementCurrency BankAccount WriteOffAccount CreditCardChargesAccount ErrorSpread:price",
        sensitive=("BankAccountNumber", "TransitNumber"),
        collections=(
            collection(
                "BankCurrencies",
                key="CurrencyCode",
                fields="""
                    BankCode? CurrencyCode CheckRateType? DepositRateType? ExchangeGainAccount? ExchangeLossAccount? RoundingAccount?
                    CurrencyDescription?
                """,
            ),
        ),
    ),
)
