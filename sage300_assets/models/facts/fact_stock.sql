-- Quantities of each item over all locations; Sage 300's Web API has no quantities by location.
-- owner: team:inventory
-- grain: one item
-- keys: company, item
-- cadence: daily
-- reference: item -> dim_item
SELECT
  i.company, i.UnformattedItemNumber AS item, i.StockingUnitOfMeasure AS stocking_unit,
  quantity(i.QuantityOnHand) AS quantity_on_hand, quantity(i.QuantityOnPurchaseOrder) AS quantity_on_purchase_order,
  quantity(i.QuantityOnSalesOrder) AS quantity_on_sales_order, quantity(i.QuantityCommitted) AS quantity_committed,
  quantity(i.QuantityAvailable) AS quantity_available, i.DateLastMaintained AS last_maintained
FROM sage300.ic_items AS i
