-- What can be promised of each item: on hand and coming in, less what is ordered from us; quantities that Sage 300 keeps, beside those that open orders add up to.
-- owner: team:inventory
-- grain: one item
-- keys: company, item
-- cadence: daily
-- reference: item -> dim_item
-- column quantity_available: as Sage 300 tells it
-- column open_sales_quantity: ordered and not shipped, of open orders in the lake, in the units of the orders
-- column open_purchase_quantity: ordered and not received, of open orders in the lake, in the units of the orders
WITH selling AS (
  SELECT company, item, sum(quantity_ordered - quantity_shipped) AS quantity
  FROM models.fact_sales_order_line
  WHERE NOT is_quote AND NOT is_complete AND quantity_ordered > quantity_shipped
  GROUP BY company, item
),
buying AS (
  SELECT company, item_formatted, sum(quantity_outstanding) AS quantity, min(order_date) AS oldest_order
  FROM models.fact_purchase_order_line
  WHERE quantity_outstanding > 0
  GROUP BY company, item_formatted
)
SELECT
  s.company, s.item, i.item_formatted, i.item_name, i.item_category, i.is_inactive, s.stocking_unit,
  s.quantity_on_hand, s.quantity_on_purchase_order, s.quantity_on_sales_order, s.quantity_committed, s.quantity_available,
  quantity(coalesce(o.quantity, 0)) AS open_sales_quantity,
  quantity(coalesce(p.quantity, 0)) AS open_purchase_quantity,
  p.oldest_order AS oldest_purchase_order
FROM models.fact_stock AS s
LEFT JOIN models.dim_item AS i ON i.company = s.company AND i.item = s.item
LEFT JOIN selling AS o ON o.company = s.company AND o.item = s.item
LEFT JOIN buying AS p ON p.company = s.company AND p.item_formatted = i.item_formatted
