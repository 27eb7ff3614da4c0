-- Lines of purchase orders: ordered, received, invoiced, and what is still committed. What was invoiced is counted per order and item, because
--   invoice lines do not say which order line they belong to; it is spread over the lines of that item in their order.
-- owner: team:purchasing
-- grain: one line of a purchase order
-- keys: company, order_key, line
-- cadence: daily
-- reference: vendor -> dim_vendor
-- reference: location -> dim_location
-- column open_commitment: outstanding quantity at the order's unit cost, in the order's currency; nothing for a completed order
-- column home_open_commitment: the same at the order's rate
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(QuantityOrdered) AS s FROM sage300.po_purchase_order_lines GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(quantity_ordered) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
WITH invoiced AS (
  SELECT i.company, i.PurchaseOrderNumber AS purchase_order, l.ItemNumber AS item_formatted, sum(l.QuantityReceived) AS quantity
  FROM sage300.po_invoice_lines AS l
  JOIN sage300.po_invoices AS i ON i.company = l.company AND i.InvoiceSequenceKey = l.InvoiceSequenceKey
  GROUP BY i.company, i.PurchaseOrderNumber, l.ItemNumber
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
    CASE WHEN h.DateCompleted IS NOT NULL THEN 0 ELSE coalesce(l.QuantityOutstanding, l.QuantityOrdered - coalesce(l.QuantityReceived, 0), 0) END
      AS quantity_outstanding,
    sum(coalesce(l.QuantityOrdered, 0)) OVER (PARTITION BY l.company, l.PurchaseOrderSequenceKey, l.ItemNumber ORDER BY l.LineNumber)
      - coalesce(l.QuantityOrdered, 0) AS ordered_before,
    l.UnitCost AS unit_cost,
    l.ExtendedCost AS extended_cost,
    h.Currency AS currency,
    coalesce(nullif(h.ExchangeRate, 0), 1) AS exchange_rate,
    h.business_date
  FROM sage300.po_purchase_order_lines AS l
  JOIN sage300.po_purchase_orders AS h ON h.company = l.company AND h.PurchaseOrderSequenceKey = l.PurchaseOrderSequenceKey
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
  c.home_currency,
  rate(o.exchange_rate) AS exchange_rate,
  money(o.extended_cost) AS ordered_amount,
  in_home(o.extended_cost, o.exchange_rate, p.operation, c.home_decimals) AS home_ordered_amount,
  money(CAST(o.quantity_outstanding AS DECIMAL(18,4)) * CAST(o.unit_cost AS DECIMAL(18,6))) AS open_commitment,
  in_home(money(CAST(o.quantity_outstanding AS DECIMAL(18,4)) * CAST(o.unit_cost AS DECIMAL(18,6))), o.exchange_rate, p.operation, c.home_decimals) AS home_open_commitment,
  o.business_date
FROM ordered AS o
LEFT JOIN invoiced AS i ON i.company = o.company AND i.purchase_order = o.purchase_order AND i.item_formatted = o.item_formatted
LEFT JOIN models.stg_company AS c ON c.company = o.company
LEFT JOIN models.stg_rate_operation AS p ON p.company = o.company AND p.rate_type = c.default_rate_type
