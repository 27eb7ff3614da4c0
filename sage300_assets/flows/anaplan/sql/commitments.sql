-- The cost centre is that of the account which the item's category charges.
WITH charged AS (
  SELECT i.company, i.item_formatted, any_value(a.cost_centre) AS cost_centre
  FROM models.dim_item AS i
  JOIN models.dim_item_category AS k ON k.company = i.company AND k.item_category = i.item_category
  JOIN models.dim_account AS a ON a.company = k.company AND a.account = k.cost_of_sales_account
  GROUP BY i.company, i.item_formatted
)
SELECT
  coalesce(g.vendor_group, 'UNASSIGNED') AS vendor_group, coalesce(nullif(c.cost_centre, ''), 'UNASSIGNED') AS cost_centre,
  date_trunc('month', l.order_date) AS month, sum(l.home_open_commitment) AS open_commitment,
  CASE WHEN l.home_open_commitment IS NULL THEN
    concat('what is open of purchase order ', l.purchase_order, ' of ', l.order_date, ' in ', l.currency, ' has no amount in home currency')
  END AS wrong
FROM models.fact_purchase_order_line AS l
LEFT JOIN models.dim_vendor AS v ON v.company = l.company AND v.vendor = l.vendor
LEFT JOIN models.dim_vendor_group AS g ON g.company = v.company AND g.vendor_group = v.vendor_group
LEFT JOIN charged AS c ON c.company = l.company AND c.item_formatted = l.item_formatted
-- A line without a rate has no amount in home currency, and is wrong unless nothing of it is open.
WHERE l.company = getvariable('company') AND l.quantity_outstanding <> 0 AND coalesce(l.home_open_commitment, l.open_commitment) IS DISTINCT FROM 0
GROUP BY ALL
