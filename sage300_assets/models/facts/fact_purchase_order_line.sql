-- Lines of purchase orders: ordered, received, invoiced, and what is still committed. What was invoiced is counted per order and item, because
--   invoice lines do not say which order line they belong to; it is spread over the lines of that item in their order.
-- owner: team:purchasing
-- grain: one line of a purchase order
-- keys: company, order_key, line
-- cadence: daily
-- reference: vendor -> dim_vendor
-- reference: location -> dim_location
-- reference: currency -> dim_currency
-- column currency: the order's, or else the vendor's, or else home currency
-- column exchange_rate: the order's, or else that of the rate table on the order's day; nothing where neither is known
-- column quantity_outstanding: ordered and not received yet; nothing where more came than was ordered
-- column open_commitment: the part of the line's cost that its outstanding quantity is, in the order's currency; nothing for a completed order. Where no cost of the
--   line is known, or nothing was ordered, that quantity at the unit cost
-- column home_open_commitment: the same at that rate
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(QuantityOrdered) AS s FROM sage300.po_purchase_order_lines GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(quantity_ordered) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
-- warn rate_is_known: SELECT company, purchase_order, order_date, currency FROM this WHERE exchange_rate IS NULL GROUP BY ALL
WITH invoiced AS (
  SELECT i.company, i.PurchaseOrderNumber AS purchase_order, l.ItemNumber AS item_formatted, sum(l.QuantityReceived) AS quantity
  FROM sage300.po_invoice_lines AS l
  JOIN sage300.po_invoices AS i ON i.company = l.company AND i.InvoiceSequenceKey = l.InvoiceSequenceKey
  GROUP BY i.company, i.PurchaseOrderNumber, l.ItemNumber
),
rate_types AS (
  SELECT company, min(rate_type) AS only_type FROM models.fact_exchange_rate GROUP BY company HAVING count(DISTINCT rate_type) = 1
),
dealt AS (
  SELECT
    h.*,
    coalesce(nullif(h.Currency, ''), v.currency, c.home_currency) AS order_currency,
    c.home_currency,
    c.home_decimals,
    coalesce(c.default_rate_type, t.only_type) AS rate_type
  FROM sage300.po_purchase_orders AS h
  LEFT JOIN models.dim_vendor AS v ON v.company = h.company AND v.vendor = h.Vendor
  LEFT JOIN models.dim_company AS c ON c.company = h.company
  LEFT JOIN rate_types AS t ON t.company = h.company
),
rated AS (
  SELECT
    h.* EXCLUDE (Currency, ExchangeRate),
    h.order_currency AS currency,
    -- Some servers do not tell an order's rate. One in home currency needs none; any other gets that of its day rather than a made-up 1.
    coalesce(rate_told(h.ExchangeRate, h.order_currency, h.home_currency), r.exchange_rate) AS exchange_rate,
    p.operation
  FROM dealt AS h
  LEFT JOIN models.fact_exchange_rate AS r
    ON coalesce(h.ExchangeRate, 0) = 0 AND r.company = h.company AND r.rate_type = h.rate_type AND r.from_currency = h.order_currency
    AND r.to_currency = h.home_currency AND r.rate_date <= h.PurchaseOrderDate AND (r.valid_until IS NULL OR r.valid_until >= h.PurchaseOrderDate)
  LEFT JOIN models.dim_rate_type AS p ON p.company = h.company AND p.rate_type = h.rate_type
),
ordered AS (
  SELECT
    l.company,
    whole(l.PurchaseOrderSequenceKey) AS order_key,
    whole(l.LineNumber) AS line,
    nullif(h.PurchaseOrderNumber, '') AS purchase_order,
    h.PurchaseOrderDate AS order_date,
    h.PurchaseOrderType AS order_type,
    coalesce(h.OnHold, false) AS is_on_hold,
    h.DateCompleted AS completed_date,
    h.Vendor AS vendor,
    l.ItemNumber AS item_formatted,
    l.ItemDescription AS item_name,
    nullif(l.Location, '') AS location,
    l.UnitOfMeasure AS unit_of_measure,
    coalesce(l.QuantityOrdered, 0) AS quantity_ordered,
    coalesce(l.QuantityReceived, 0) AS quantity_received,
    CASE WHEN h.DateCompleted IS NOT NULL THEN 0
    ELSE greatest(0, coalesce(l.QuantityOutstanding, l.QuantityOrdered - coalesce(l.QuantityReceived, 0), 0)) END AS quantity_outstanding,
    sum(coalesce(l.QuantityOrdered, 0)) OVER (PARTITION BY l.company, l.PurchaseOrderSequenceKey, l.ItemNumber ORDER BY l.LineNumber)
      - coalesce(l.QuantityOrdered, 0) AS ordered_before,
    l.UnitCost AS unit_cost,
    coalesce(l.ExtendedCost, rounded(CAST(l.QuantityOrdered AS DECIMAL(18,4)) * CAST(l.UnitCost AS DECIMAL(18,6)), d.decimals)) AS extended_cost,
    d.decimals,
    h.currency,
    h.home_currency,
    h.home_decimals,
    h.exchange_rate,
    h.operation,
    h.business_date
  FROM sage300.po_purchase_order_lines AS l
  JOIN rated AS h ON h.company = l.company AND h.PurchaseOrderSequenceKey = l.PurchaseOrderSequenceKey
  LEFT JOIN models.dim_currency AS d ON d.company = l.company AND d.currency = h.currency
),
committed AS (
  SELECT
    o.*,
    CASE WHEN o.quantity_outstanding = 0 THEN money(0)
    ELSE coalesce(
      rounded_share(o.extended_cost, o.quantity_outstanding, o.quantity_ordered, o.decimals),
      rounded(CAST(o.quantity_outstanding AS DECIMAL(18,4)) * CAST(o.unit_cost AS DECIMAL(18,6)), o.decimals)) END AS open_commitment
  FROM ordered AS o
)
SELECT
  o.company, o.order_key, o.line, o.purchase_order, o.order_date, o.order_type, o.is_on_hold, o.completed_date, o.vendor, o.item_formatted, o.item_name,
  o.location, o.unit_of_measure,
  quantity(o.quantity_ordered) AS quantity_ordered,
  quantity(o.quantity_received) AS quantity_received,
  quantity(greatest(0, least(o.quantity_ordered, coalesce(i.quantity, 0) - o.ordered_before))) AS quantity_invoiced,
  quantity(o.quantity_outstanding) AS quantity_outstanding,
  price(o.unit_cost) AS unit_cost,
  o.currency,
  o.home_currency,
  rate(o.exchange_rate) AS exchange_rate,
  money(o.extended_cost) AS ordered_amount,
  in_home(o.extended_cost, o.exchange_rate, o.operation, o.home_decimals) AS home_ordered_amount,
  money(o.open_commitment) AS open_commitment,
  in_home(o.open_commitment, o.exchange_rate, o.operation, o.home_decimals) AS home_open_commitment,
  o.business_date
FROM committed AS o
LEFT JOIN invoiced AS i ON i.company = o.company AND i.purchase_order = o.purchase_order AND i.item_formatted = o.item_formatted
