-- Open purchase commitments by the account their item's category charges costs to and the fiscal period the order was placed in, beside that account's actuals
--   and first budget set. Lines whose item or category is not known, or whose category charges no known account, stand under an empty account.
-- owner: team:purchasing
-- grain: one account, fiscal period and currency
-- keys: company, fiscal_year, fiscal_period, account, currency
-- cadence: daily
-- column open_commitment: ordered and not received yet; nothing where the cost of any of its lines is not known
-- column home_open_commitment: the same in home currency; nothing where that of any of its lines is not known
-- column home_actual_amount: of the whole account and period, whatever the currency of the row and whether there is a budget or not
-- column home_budget_amount: of the whole account and period, whatever the currency of the row
-- check adds_up_to_orders: WITH a AS (SELECT company, currency, count(*) AS n, whole_sum(open_commitment) AS m, whole_sum(home_open_commitment) AS s
--   FROM models.fact_purchase_order_line WHERE open_commitment IS DISTINCT FROM 0 GROUP BY ALL),
--   b AS (SELECT company, currency, sum(lines) AS n, whole_sum(open_commitment) AS m, whole_sum(home_open_commitment) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b USING (company, currency) WHERE a.n IS DISTINCT FROM b.n OR a.m IS DISTINCT FROM b.m OR a.s IS DISTINCT FROM b.s
-- plot: SELECT company || ' ' || fiscal_year || '-' || lpad(fiscal_period::VARCHAR, 2, '0') AS label, sum(home_open_commitment) FROM this GROUP BY company, fiscal_year, fiscal_period
--   HAVING count(home_open_commitment) = count(*) QUALIFY row_number() OVER (PARTITION BY company ORDER BY fiscal_year DESC, fiscal_period DESC) <= 24 ORDER BY ALL
WITH charged AS (
  SELECT i.company, i.item_formatted, any_value(a.account) AS account
  FROM models.dim_item AS i
  JOIN models.dim_item_category AS k ON k.company = i.company AND k.item_category = i.item_category
  JOIN models.dim_account AS a ON a.company = k.company AND a.account = k.cost_of_sales_account
  GROUP BY i.company, i.item_formatted
),
open_lines AS (
  SELECT
    l.company, coalesce(d.fiscal_year, 0) AS fiscal_year, coalesce(d.fiscal_period, 0) AS fiscal_period, coalesce(k.account, '') AS account, l.currency,
    l.home_currency,
    count(*) AS lines,
    count(DISTINCT l.vendor) AS vendors,
    whole_sum(l.open_commitment) AS open_commitment,
    whole_sum(l.home_open_commitment) AS home_open_commitment
  FROM models.fact_purchase_order_line AS l
  LEFT JOIN models.dim_date AS d ON d.company = l.company AND d.date_day = l.order_date
  LEFT JOIN charged AS k ON k.company = l.company AND k.item_formatted = l.item_formatted
  WHERE l.open_commitment IS DISTINCT FROM 0
  GROUP BY l.company, coalesce(d.fiscal_year, 0), coalesce(d.fiscal_period, 0), coalesce(k.account, ''), l.currency, l.home_currency
),
actual AS (
  SELECT company, account, fiscal_year, fiscal_period, sum(home_net_amount) AS home_amount
  FROM models.fact_gl_balance
  WHERE balance_set = 'A'
  GROUP BY company, account, fiscal_year, fiscal_period
)
SELECT
  o.company, o.fiscal_year, quarter_of(o.fiscal_period, y.long_quarter) AS fiscal_quarter, o.fiscal_period, o.account, a.account_name, a.cost_centre,
  o.currency, o.home_currency, o.lines, o.vendors,
  money(o.open_commitment) AS open_commitment,
  money(o.home_open_commitment) AS home_open_commitment,
  money(g.home_amount) AS home_actual_amount,
  b.home_budget_amount
FROM open_lines AS o
LEFT JOIN models.dim_account AS a ON a.company = o.company AND a.account = o.account
LEFT JOIN models.dim_fiscal_year AS y ON y.company = o.company AND y.fiscal_year = o.fiscal_year
LEFT JOIN actual AS g ON g.company = o.company AND g.account = o.account AND g.fiscal_year = o.fiscal_year AND g.fiscal_period = o.fiscal_period
LEFT JOIN models.mart_actual_vs_budget AS b
  ON b.company = o.company AND b.account = o.account AND b.fiscal_year = o.fiscal_year AND b.fiscal_period = o.fiscal_period AND b.budget_set = '1'
