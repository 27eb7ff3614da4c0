-- Credit exposure: what a customer owes and what of the orders is not invoiced yet, shipped or not, against the credit limit, in the customer's currency.
--   Documents and orders in other currencies are counted apart, because no rate of today is certain to be there. A customer whom the master does not have (yet) is there too, without a limit and a currency.
-- owner: team:receivables
-- grain: one customer
-- keys: company, customer
-- cadence: daily
-- reference: customer -> dim_customer
-- column open_amount: due on documents in the customer's currency
-- column open_order_amount: ordered and not shipped, in the customer's currency
-- column uninvoiced_order_amount: ordered and not invoiced, shipped or not, in the customer's currency: with open_amount the exposure
-- column headroom: limit less exposure; nothing when there is no limit
-- column home_open_amount: due on all documents, in home currency; nothing where that of any of them is not known, as of the other home amounts
-- column home_open_order_amount: ordered and not shipped, all orders, in home currency
-- column home_uninvoiced_order_amount: ordered and not invoiced, shipped or not, all orders, in home currency
-- column has_other_currencies: something stands in another currency than the customer's
-- check adds_up_to_documents_and_orders: WITH a AS (SELECT company, customer, home_open_amount AS s FROM models.fact_ar_document UNION ALL
--   SELECT company, customer, home_open_amount + home_uninvoiced_amount FROM models.fact_sales_order_line UNION ALL SELECT company, customer, 0 FROM this),
--   told AS (SELECT company, customer, whole_sum(s) AS s FROM a GROUP BY ALL)
--   SELECT company, customer, told.s AS documents_and_orders, home_open_amount, home_open_order_amount, home_uninvoiced_order_amount FROM told LEFT JOIN this USING (company, customer)
--   WHERE told.s IS DISTINCT FROM home_open_amount + home_open_order_amount + home_uninvoiced_order_amount
-- plot: SELECT company || ' ' || coalesce(customer_name, customer), home_open_amount + home_uninvoiced_order_amount AS exposure FROM this
--   QUALIFY row_number() OVER (PARTITION BY company ORDER BY exposure DESC, customer) <= 15 ORDER BY company, exposure DESC
WITH customers AS (
  SELECT company, customer FROM models.dim_customer
  UNION
  SELECT company, customer FROM models.fact_ar_document
  UNION
  SELECT company, customer FROM models.fact_sales_order_line
),
documents AS (
  SELECT
    d.company, d.customer,
    sum(CASE WHEN d.currency = k.currency THEN d.open_amount ELSE 0 END) AS open_amount,
    whole_sum(d.home_open_amount) AS home_open_amount,
    whole_sum(CASE WHEN d.due_date < t.as_of_date THEN d.home_open_amount ELSE 0 END) AS home_overdue_amount,
    bool_or(d.currency IS DISTINCT FROM k.currency AND d.open_amount <> 0) AS other_currencies
  FROM models.fact_ar_document AS d
  LEFT JOIN models.dim_customer AS k ON k.company = d.company AND k.customer = d.customer
  CROSS JOIN run.today AS t
  GROUP BY d.company, d.customer
),
orders AS (
  SELECT
    o.company, o.customer,
    sum(CASE WHEN o.currency = k.currency THEN o.open_amount ELSE 0 END) AS open_order_amount,
    whole_sum(o.home_open_amount) AS home_open_order_amount,
    sum(CASE WHEN o.currency = k.currency THEN o.uninvoiced_amount ELSE 0 END) AS uninvoiced_order_amount,
    whole_sum(o.home_uninvoiced_amount) AS home_uninvoiced_order_amount,
    bool_or(o.currency IS DISTINCT FROM k.currency AND (o.open_amount <> 0 OR o.uninvoiced_amount <> 0)) AS other_currencies
  FROM models.fact_sales_order_line AS o
  LEFT JOIN models.dim_customer AS k ON k.company = o.company AND k.customer = o.customer
  GROUP BY o.company, o.customer
)
SELECT
  b.company, b.customer, k.customer_name, k.customer_group, k.national_account, coalesce(k.is_on_hold, false) AS is_on_hold, k.currency, c.home_currency,
  k.credit_limit,
  money(coalesce(d.open_amount, 0)) AS open_amount,
  money(coalesce(o.open_order_amount, 0)) AS open_order_amount,
  money(coalesce(o.uninvoiced_order_amount, 0)) AS uninvoiced_order_amount,
  money(k.credit_limit - coalesce(d.open_amount, 0) - coalesce(o.uninvoiced_order_amount, 0)) AS headroom,
  coalesce(k.credit_limit < coalesce(d.open_amount, 0) + coalesce(o.uninvoiced_order_amount, 0), false) AS is_over_limit,
  money(CASE WHEN d.customer IS NULL THEN 0 ELSE d.home_open_amount END) AS home_open_amount,
  money(CASE WHEN d.customer IS NULL THEN 0 ELSE d.home_overdue_amount END) AS home_overdue_amount,
  money(CASE WHEN o.customer IS NULL THEN 0 ELSE o.home_open_order_amount END) AS home_open_order_amount,
  money(CASE WHEN o.customer IS NULL THEN 0 ELSE o.home_uninvoiced_order_amount END) AS home_uninvoiced_order_amount,
  coalesce(d.other_currencies, false) OR coalesce(o.other_currencies, false) AS has_other_currencies
FROM customers AS b
LEFT JOIN models.dim_customer AS k ON k.company = b.company AND k.customer = b.customer
LEFT JOIN models.dim_company AS c ON c.company = b.company
LEFT JOIN documents AS d ON d.company = b.company AND d.customer = b.customer
LEFT JOIN orders AS o ON o.company = b.company AND o.customer = b.customer
