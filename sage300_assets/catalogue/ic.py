"""Inventory control: items, their units, prices and the codes around them. Quantities per location have no endpoint."""

from __future__ import annotations

from sage300_assets.catalogue.model import Cadence, Entity, Snapshot, Stamped, collection, entity

ENTITIES: tuple[Entity, ...] = (
    entity(
        "ICItems",
        view="IC0310",
        key="UnformattedItemNumber",
        reading=Stamped("DateLastMaintained"),
        description="Items with their total quantities over all locations. Status is true for an item that is no longer active.",
        fields="""
            UnformattedItemNumber ItemNumber AlternateItemSetNumber:int Description DateLastMaintained:day Status:flag StructureCode Category
            AccountSetCode StockItem:flag StockingUnitOfMeasure DefaultPriceListCode UnitWeight:quantity DefaultPickingSequence SerialNumbers:flag
            LotNumbers:flag CommodityNumber DateInactive:day Segment1-10 Comment1-4 AllowItemInWebStore:flag KittingItem:flag
            NumberOfOptionalFields:int DefaultKitNumber Sellable:flag WeightUnitOfMeasure UnformattedAlternateItemNumber AlternateItemNumber
            AlternateItemDescription CostingMethod ProcessCommand WeightConversionFactor:price IsItemaBOMComponent:flag DefaultBOMNumber Seasonal:flag
            QuantityOnHand:quantity QuantityOnPurchaseOrder:quantity QuantityOnSalesOrder:quantity QuantityAvailable:quantity
            QuantityCommitted:quantity PreferredVendor PreferredVendorItem TariffCode
        """,
        optional_fields="ItemOptionalFields",
        control="QuantityOnHand",
        collections=(
            collection(
                "ItemUnitsOfMeasure",
                key="UnitOfMeasure",
                fields="ItemNumber UnitOfMeasure ConversionFactor:price FACTOR:price",
            ),
            collection(
                "VendorItemNumbers",
                key="VendorType",
                fields="""
                    VendorType VendorNumber VendorName VendorItemNumberValue VendorContact VendorCurrency VendorCost:price CostUnit
                    CostUnitConvFactor:price
                """,
                control="VendorCost",
            ),
        ),
    ),
    entity(
        "ICCategories",
        view="IC0210",
        key="CategoryCode",
        reading=Stamped("DateLastMaintained"),
        cadence=Cadence.WEEKLY,
        description="Categories of items, with the accounts that their sales and costs are posted to.",
        fields="""
            CategoryCode Description CostOfGoodsSoldAccount SalesAccount ReturnsAccount CostVarianceAccount CommissionPaid:flag CommissionRate:percent
            Status:flag? DateLastMaintained:day DefaultPriceListCode? DateInactive:day? DamagedGoodsAccount InternalUsageAccount
        """,
    ),
    entity(
        "ICLocations",
        view="IC0370",
        key="LocationKey",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Warehouses and other places where stock is kept.",
        fields="LocationKey Name LocationType",
    ),
    entity(
        "ICItemPricing",
        view="IC0480",
        key="CurrencyCode UnformattedItemNumber PriceListCode",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Base and sale price of each item per price list and currency, with the rules for discounts and mark-ups.",
        fields="""
            CurrencyCode UnformattedItemNumber PriceListCode Description MarkupCost:price MarkupUnitOfMeasure MarkupConversionFactor:price
            SellingPriceBasedon DiscountMarkupPriceby DiscountMarkupPercentage1-5:percent PriceDeterminedby MarkupFactor:price PriceBy BasePrice:price
            SalePrice:price SaleStartDate:day? SaleEndDate:day?
        """,
        control="BasePrice",
        collections=(
            collection(
                "ItemPricingDetails",
                # The view's own key; unit and weight unit are blank where they do not apply.
                key="PriceDetailType QuantityUnit WeightUnit",
                fields="""
                    PriceDetailType QuantityUnit WeightUnit UnitPrice:price ConversionFactor:price SaleStart:day SaleEnd:day LastPriceChangeDate:day
                    PreviousPrice:price DefaultUnit:flag
                """,
                control="UnitPrice",
            ),
        ),
    ),
    entity(
        "ICPriceListCodes",
        view="IC0390",
        key="PriceListCodeKey",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Price lists and how their selling prices are found.",
        fields="PriceListCodeKey Description? SellingPriceBasedon? DiscountMarkupPriceby? PriceDeterminedby?",
    ),
    entity(
        "ICUnitsOfMeasure",
        view="IC0746",
        key="UnitOfMeasure",
        reading=Snapshot(),
        cadence=Cadence.WEEKLY,
        description="Units that quantities are counted in, with their usual conversion factor.",
        fields="UnitOfMeasure DefConversion|DefaultConversionFactor:price?",
    ),
)
