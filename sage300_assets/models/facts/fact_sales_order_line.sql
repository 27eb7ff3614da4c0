-- Lines of sales orders: ordered, shipped, invoiced and backordered. Quotes are there too; they are no orders yet.
-- owner: team:sales
-- grain: one line of a sales order
-- keys: company, order_key, line
-- cadence: daily
-- reference: customer -> dim_customer
-- reference: item -> dim_item
-- reference: item_category -> dim_item_category
-- reference: location -> dim_location
-- reference: salesperson -> dim_salesperson
-- reference: currency -> dim_currency
-- column is_quote: a quote, which binds nobody
-- column open_amount: what is not shipped yet at the order's price, and charges without a quantity; nothing for quotes and completed orders
-- column uninvoiced_amount: what is not invoiced yet, shipped or not, at the order's price, and charges without a quantity; nothing for quotes.
--   Of a completed order it is what was shipped and not invoiced; what was shipped of an order that is older than all invoices known counts as invoiced
-- column exchange_rate: the order's, or 1 where it is in home currency; nothing where the server does not tell it, and then home amounts neither
-- column unit_conversion: stocking units in one unit of the line, in which its quantities are
-- column quantity_invoiced: what invoices made from this line say
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(QuantityOrdered) AS s FROM sage300.oe_order_details GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(quantity_ordered) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
-- warn rate_is_known: SELECT company, sales_order, order_date, currency FROM this WHERE exchange_rate IS NULL GROUP BY ALL
WITH invoiced AS (
  SELECT company, sales_order, order_detail_number AS detail_number, sum(quantity_shipped) AS quantity
  FROM models.fact_sales_invoice_line
  WHERE sales_order IS NOT NULL
  GROUP BY company, sales_order, order_detail_number
),
first_known AS (
  SELECT company, min(invoice_date) AS first_date FROM models.fact_sales_invoice_line GROUP BY company
),
lines AS (
  SELECT
    l.company,
    whole(l.OrderUniquifier) AS order_key,
    whole(l.LineNumber) AS line,
    h.OrderNumber AS sales_order,
    l.DetailNumber AS detail_number,
    h.OrderDate AS order_date,
    h.OrderType AS order_type,
    h.OrderType = 'Quote' AS is_quote,
    coalesce(h.OrderCompleted LIKE 'Complete%' OR l.DetailCompleted = 'Complete', false) AS is_complete,
    coalesce(h.OnHold, false) AS is_on_hold,
    h.CustomerNumber AS customer,
    nullif(h.Salesperson1, '') AS salesperson,
    nullif(l.UnformattedItemNumber, '') AS item,
    l.Description AS description,
    nullif(l.Category, '') AS item_category,
    nullif(l.Location, '') AS location,
    nullif(l.ContractCode, '') AS contract,
    nullif(l.ProjectCode, '') AS project,
    nullif(l.CategoryCode, '') AS project_category,
    l.ExpectedShipmentDate AS expected_date,
    coalesce(l.QuantityOrdered, 0) AS quantity_ordered,
    coalesce(l.QuantityShippedtodate, 0) AS quantity_shipped,
    coalesce(l.QuantityBackordered, 0) AS quantity_backordered,
    coalesce(l.QuantityCommitted, 0) AS quantity_committed,
    nullif(l.OrderUnitOfMeasure, '') AS unit_of_measure,
    coalesce(nullif(l.OrderUnitConversion, 0), 1) AS unit_conversion,
    l.OrderUnitPrice AS unit_price,
    h.OrderSourceCurrency AS currency,
    h.OrderHomeCurrency AS home_currency,
    rate_told(h.OrderRate, h.OrderSourceCurrency, h.OrderHomeCurrency) AS exchange_rate,
    h.OrderRateType AS rate_type,
    l.ExtendedOrderAmount AS ordered_amount,
    l.business_date
  FROM sage300.oe_order_details AS l
  JOIN sage300.oe_orders AS h ON h.company = l.company AND h.OrderUniquifier = l.OrderUniquifier
),
priced AS (
  SELECT
    l.*,
    coalesce(i.quantity, 0) AS quantity_invoiced,
    CASE
      WHEN l.is_quote OR l.is_complete THEN money(0)
      WHEN l.quantity_ordered = 0 THEN money(l.ordered_amount)
      ELSE rounded_share(l.ordered_amount, greatest(0, l.quantity_ordered - l.quantity_shipped), l.quantity_ordered, d.decimals)
    END AS open_amount,
    CASE
      WHEN l.is_quote THEN money(0)
      WHEN l.quantity_ordered = 0 THEN CASE WHEN l.is_complete OR i.detail_number IS NOT NULL THEN money(0) ELSE money(l.ordered_amount) END
      ELSE rounded_share(
        l.ordered_amount,
        greatest(0, CASE WHEN l.is_complete THEN l.quantity_shipped ELSE greatest(l.quantity_ordered, l.quantity_shipped) END
          - CASE WHEN l.order_date < f.first_date THEN greatest(coalesce(i.quantity, 0), l.quantity_shipped) ELSE coalesce(i.quantity, 0) END),
        l.quantity_ordered, d.decimals)
    END AS uninvoiced_amount
  FROM lines AS l
  LEFT JOIN invoiced AS i ON i.company = l.company AND i.sales_order = l.sales_order AND i.detail_number = l.detail_number
  LEFT JOIN first_known AS f ON f.company = l.company
  LEFT JOIN models.dim_currency AS d ON d.company = l.company AND d.currency = l.currency
)
SELECT
  p.company, p.order_key, p.line, p.sales_order, p.order_date, p.order_type, p.is_quote, p.is_complete, p.is_on_hold, p.customer, p.salesperson, p.item,
  p.description, p.item_category, p.location, p.contract, p.project, p.project_category, p.expected_date,
  quantity(p.quantity_ordered) AS quantity_ordered,
  quantity(p.quantity_shipped) AS quantity_shipped,
  quantity(p.quantity_invoiced) AS quantity_invoiced,
  quantity(p.quantity_backordered) AS quantity_backordered,
  quantity(p.quantity_committed) AS quantity_committed,
  p.unit_of_measure,
  price(p.unit_conversion) AS unit_conversion,
  price(p.unit_price) AS unit_price,
  p.currency, p.home_currency,
  rate(p.exchange_rate) AS exchange_rate,
  money(p.ordered_amount) AS ordered_amount,
  in_home(p.ordered_amount, p.exchange_rate, o.operation, c.home_decimals) AS home_ordered_amount,
  money(p.open_amount) AS open_amount,
  in_home(p.open_amount, p.exchange_rate, o.operation, c.home_decimals) AS home_open_amount,
  money(p.uninvoiced_amount) AS uninvoiced_amount,
  in_home(p.uninvoiced_amount, p.exchange_rate, o.operation, c.home_decimals) AS home_uninvoiced_amount,
  p.business_date
FROM priced AS p
LEFT JOIN models.dim_rate_type AS o ON o.company = p.company AND o.rate_type = p.rate_type
LEFT JOIN models.dim_company AS c ON c.company = p.company
