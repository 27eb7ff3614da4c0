-- What can be promised of each item: on hand and coming in, less what is ordered from us; quantities that Sage 300 keeps, beside those that open orders add up to.
--   The Web API tells no cost of stock, so only what is on order has a value; orders of all currencies come together in it, so it is in home currency.
-- owner: team:inventory
-- grain: one item
-- keys: company, item
-- cadence: daily
-- reference: item -> dim_item
-- column quantity_available: as Sage 300 tells it
-- column open_sales_quantity: ordered and not shipped, of open orders in the lake, in stocking units
-- column open_purchase_quantity: ordered and not received, of open orders in the lake, in stocking units
-- column has_unknown_units: something is on order from a vendor in a unit that the item does not have; the quantity leaves it out
-- column home_open_sales_amount: what is ordered and not shipped at the orders' prices; nothing where that of any order is not known in home currency
-- column home_open_purchase_amount: what is ordered and not received at the orders' costs; likewise
WITH selling AS (
  SELECT company, item, sum((quantity_ordered - quantity_shipped) * unit_conversion) AS quantity, whole_sum(home_open_amount) AS home_amount
  FROM models.fact_sales_order_line
  WHERE NOT is_quote AND NOT is_complete AND quantity_ordered > quantity_shipped
  GROUP BY company, item
),
buying AS (
  SELECT
    l.company, i.item,
    sum(l.quantity_outstanding * CASE WHEN coalesce(l.unit_of_measure, '') IN ('', i.stocking_unit) THEN 1 ELSE nullif(u.ConversionFactor, 0) END) AS quantity,
    bool_or(coalesce(l.unit_of_measure, '') NOT IN ('', i.stocking_unit) AND nullif(u.ConversionFactor, 0) IS NULL) AS unknown_units,
    whole_sum(l.home_open_commitment) AS home_amount,
    min(l.order_date) AS oldest_order
  FROM models.fact_purchase_order_line AS l
  JOIN models.dim_item AS i ON i.company = l.company AND i.item_formatted = l.item_formatted
  LEFT JOIN sage300.ic_item_units_of_measure AS u
    ON u.company = i.company AND u.UnformattedItemNumber = i.item AND u.UnitOfMeasure = l.unit_of_measure
  WHERE l.quantity_outstanding > 0
  GROUP BY l.company, i.item
)
SELECT
  s.company, s.item, i.item_formatted, i.item_name, i.item_category, i.is_inactive, s.stocking_unit,
  s.quantity_on_hand, s.quantity_on_purchase_order, s.quantity_on_sales_order, s.quantity_committed, s.quantity_available,
  quantity(coalesce(o.quantity, 0)) AS open_sales_quantity,
  quantity(coalesce(p.quantity, 0)) AS open_purchase_quantity,
  coalesce(p.unknown_units, false) AS has_unknown_units,
  c.home_currency AS currency,
  c.home_currency,
  money(CASE WHEN o.item IS NULL THEN 0 ELSE o.home_amount END) AS home_open_sales_amount,
  money(CASE WHEN p.item IS NULL THEN 0 ELSE p.home_amount END) AS home_open_purchase_amount,
  p.oldest_order AS oldest_purchase_order
FROM models.fact_stock AS s
LEFT JOIN models.dim_item AS i ON i.company = s.company AND i.item = s.item
LEFT JOIN models.dim_company AS c ON c.company = s.company
LEFT JOIN selling AS o ON o.company = s.company AND o.item = s.item
LEFT JOIN buying AS p ON p.company = s.company AND p.item = s.item
