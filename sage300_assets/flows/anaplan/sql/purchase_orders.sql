-- The key is the number inside Sage 300 and the line: both stay for ever, and hold no date. A vendor that is no longer known is left blank. Lines of
-- which nothing is outstanding are done with.
SELECT
  l.order_key || '-' || l.line AS po_line, v.vendor, l.item_formatted AS item, l.order_date, l.quantity_ordered, l.quantity_outstanding,
  l.open_commitment AS open_amount, l.currency,
  CASE WHEN l.open_commitment IS NULL THEN concat('line ', l.line, ' of purchase order ', l.purchase_order, ' has no unit cost') END AS wrong
FROM models.fact_purchase_order_line AS l
LEFT JOIN models.dim_vendor AS v ON v.company = l.company AND v.vendor = l.vendor
WHERE l.company = getvariable('company') AND l.quantity_outstanding <> 0
