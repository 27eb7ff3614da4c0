-- Sales by customer, item, salesperson and period: order entry's invoices, each split among its salespersons by their percentages; the first one gets what rounding
--   leaves over. Credit notes of order entry are rows of kind `credit`, negative, without cost, split like the invoice they refer to.
-- owner: team:sales
-- grain: one customer, item and salesperson in a fiscal period and currency
-- keys: company, kind, fiscal_year, fiscal_period, customer, item, salesperson, currency
-- cadence: daily
-- reference: customer -> dim_customer
-- reference: item -> dim_item
-- reference: salesperson -> dim_salesperson
-- column quantity: counted for the first salesperson only, so that it adds up
-- column home_revenue_amount: nothing where the amount of any of its lines is not known in home currency; a part of a sum would look like all of it
-- column home_margin_amount: revenue less cost, of lines that are costed and those that are not yet; nothing where the revenue is not known
-- check adds_up_to_invoices: WITH a AS (SELECT company, coalesce(fiscal_year, 0) AS fiscal_year, coalesce(fiscal_period, 0) AS fiscal_period, customer,
--   coalesce(item, '') AS item, coalesce(currency, '') AS currency, sum(revenue_amount) AS m, whole_sum(home_revenue_amount) AS s,
--   sum(coalesce(home_cost_amount, 0)) AS c FROM models.fact_sales_invoice_line GROUP BY ALL),
--   b AS (SELECT company, fiscal_year, fiscal_period, customer, item, currency, sum(revenue_amount) AS m, whole_sum(home_revenue_amount) AS s,
--   sum(home_cost_amount) AS c FROM this WHERE kind = 'invoice' GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b USING (company, fiscal_year, fiscal_period, customer, item, currency)
--   WHERE a.m IS DISTINCT FROM b.m OR a.s IS DISTINCT FROM b.s OR a.c IS DISTINCT FROM b.c
-- check adds_up_to_credits: WITH a AS (SELECT company, customer, coalesce(currency, '') AS currency, sum(credited_amount) AS m, whole_sum(home_credited_amount) AS s
--   FROM models.fact_sales_credit_line GROUP BY ALL),
--   b AS (SELECT company, customer, currency, -sum(revenue_amount) AS m, -whole_sum(home_revenue_amount) AS s FROM this WHERE kind = 'credit' GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b USING (company, customer, currency) WHERE a.m IS DISTINCT FROM b.m OR a.s IS DISTINCT FROM b.s
-- plot: SELECT concat_ws(' ', company, nullif(salesperson, '')) AS label, sum(home_revenue_amount) AS total FROM this GROUP BY company, salesperson
--   HAVING count(home_revenue_amount) = count(*)
--   QUALIFY row_number() OVER (PARTITION BY company ORDER BY total DESC, salesperson) <= 15 ORDER BY company, total DESC
WITH sold AS (
  SELECT
    l.company, 'invoice' AS kind, l.invoice_key AS document_key, l.line, l.fiscal_year, l.fiscal_period, l.customer, coalesce(l.item, '') AS item, l.currency,
    l.home_currency, l.quantity_shipped AS quantity, l.revenue_amount, l.home_revenue_amount, coalesce(l.home_cost_amount, 0) AS home_cost_amount,
    l.salesperson_1, l.salesperson_2, l.salesperson_3, l.salesperson_4, l.salesperson_5,
    l.sales_percent_2, l.sales_percent_3, l.sales_percent_4, l.sales_percent_5
  FROM models.fact_sales_invoice_line AS l
  UNION ALL
  SELECT
    c.company, 'credit', c.note_key, c.line, d.fiscal_year, d.fiscal_period, c.customer, coalesce(i.item, ''), c.currency,
    c.home_currency, -c.quantity_returned, -c.credited_amount, -c.home_credited_amount, 0,
    c.salesperson_1, c.salesperson_2, c.salesperson_3, c.salesperson_4, c.salesperson_5,
    c.sales_percent_2, c.sales_percent_3, c.sales_percent_4, c.sales_percent_5
  FROM models.fact_sales_credit_line AS c
  LEFT JOIN models.dim_date AS d ON d.company = c.company AND d.date_day = c.note_date
  LEFT JOIN models.dim_item AS i ON i.company = c.company AND i.item_formatted = c.item_formatted
),
parts AS (
  SELECT l.*, l.salesperson_2 AS salesperson, l.sales_percent_2 AS share_percent FROM sold AS l WHERE l.salesperson_2 IS NOT NULL AND l.sales_percent_2 <> 0
  UNION ALL
  SELECT l.*, l.salesperson_3, l.sales_percent_3 FROM sold AS l WHERE l.salesperson_3 IS NOT NULL AND l.sales_percent_3 <> 0
  UNION ALL
  SELECT l.*, l.salesperson_4, l.sales_percent_4 FROM sold AS l WHERE l.salesperson_4 IS NOT NULL AND l.sales_percent_4 <> 0
  UNION ALL
  SELECT l.*, l.salesperson_5, l.sales_percent_5 FROM sold AS l WHERE l.salesperson_5 IS NOT NULL AND l.sales_percent_5 <> 0
),
others AS (
  SELECT
    p.company, p.kind, p.document_key, p.line, p.fiscal_year, p.fiscal_period, p.customer, p.item, p.salesperson, p.currency, p.home_currency,
    share(p.revenue_amount, p.share_percent, 100) AS revenue_amount,
    share(p.home_revenue_amount, p.share_percent, 100) AS home_revenue_amount,
    share(p.home_cost_amount, p.share_percent, 100) AS home_cost_amount
  FROM parts AS p
),
given AS (
  SELECT
    company, kind, document_key, line, sum(revenue_amount) AS revenue_amount, sum(home_revenue_amount) AS home_revenue_amount,
    sum(home_cost_amount) AS home_cost_amount
  FROM others
  GROUP BY company, kind, document_key, line
),
split AS (
  SELECT
    l.company, l.kind, l.fiscal_year, l.fiscal_period, l.customer, l.item, coalesce(l.salesperson_1, '') AS salesperson, l.currency, l.home_currency, l.quantity,
    l.revenue_amount - coalesce(g.revenue_amount, 0) AS revenue_amount,
    l.home_revenue_amount - coalesce(g.home_revenue_amount, 0) AS home_revenue_amount,
    l.home_cost_amount - coalesce(g.home_cost_amount, 0) AS home_cost_amount
  FROM sold AS l
  LEFT JOIN given AS g ON g.company = l.company AND g.kind = l.kind AND g.document_key = l.document_key AND g.line = l.line
  UNION ALL
  SELECT
    o.company, o.kind, o.fiscal_year, o.fiscal_period, o.customer, o.item, o.salesperson, o.currency, o.home_currency, 0,
    o.revenue_amount, o.home_revenue_amount, o.home_cost_amount
  FROM others AS o
)
SELECT
  s.company, s.kind, coalesce(s.fiscal_year, 0) AS fiscal_year, any_value(quarter_of(s.fiscal_period, y.long_quarter)) AS fiscal_quarter,
  coalesce(s.fiscal_period, 0) AS fiscal_period, s.customer,
  any_value(k.customer_name) AS customer_name,
  any_value(k.customer_group) AS customer_group,
  s.item,
  any_value(i.item_name) AS item_name,
  any_value(i.item_category) AS item_category,
  s.salesperson,
  coalesce(s.currency, '') AS currency,
  any_value(s.home_currency) AS home_currency,
  quantity(sum(s.quantity)) AS quantity,
  money(sum(s.revenue_amount)) AS revenue_amount,
  money(whole_sum(s.home_revenue_amount)) AS home_revenue_amount,
  money(whole_sum(s.home_cost_amount)) AS home_cost_amount,
  money(whole_sum(s.home_revenue_amount) - whole_sum(s.home_cost_amount)) AS home_margin_amount
FROM split AS s
LEFT JOIN models.dim_fiscal_year AS y ON y.company = s.company AND y.fiscal_year = s.fiscal_year
LEFT JOIN models.dim_customer AS k ON k.company = s.company AND k.customer = s.customer
LEFT JOIN models.dim_item AS i ON i.company = s.company AND i.item = s.item
GROUP BY s.company, s.kind, coalesce(s.fiscal_year, 0), coalesce(s.fiscal_period, 0), s.customer, s.item, s.salesperson, coalesce(s.currency, '')
