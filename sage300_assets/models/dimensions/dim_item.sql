-- Items as they are now.
-- owner: team:inventory
-- grain: one item
-- keys: company, item
-- cadence: daily
-- reference: item_category -> dim_item_category
-- column item: without separators
-- column item_formatted: as documents carry it
SELECT
  i.company,
  i.UnformattedItemNumber AS item,
  i.ItemNumber AS item_formatted,
  i.Description AS item_name,
  nullif(i.Category, '') AS item_category,
  i.StockingUnitOfMeasure AS stocking_unit,
  i.CostingMethod AS costing_method,
  coalesce(i.Status, false) AS is_inactive,
  i.StockItem AS is_stock_item,
  i.Sellable AS is_sellable,
  i.DefaultPriceListCode AS default_price_list,
  i.PreferredVendor AS preferred_vendor,
  i.DateLastMaintained AS last_maintained,
  i.business_date AS changed_on
FROM sage300.ic_items AS i
