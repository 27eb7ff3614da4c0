-- A period belongs to the month of its middle: a 4-4-5 calendar has periods that end some days before their month does, or in the next. Of twelve in
-- about a year each has a month of its own, counted from the first, also where they run from the 16th to the 15th; a short year may have twelve of
-- which the last have a day each. The adjustment has only the year's last day, so it stands in the month of the last period. The closing (15) is left
-- out: it takes back what a closed year earned and spent, and would leave nothing of it. The other budgets, quantities and what is provisional are
-- not planned with.
WITH middles AS (
  SELECT
    company, fiscal_year, fiscal_period, kind, date_trunc('month', start_date + CAST((end_date - start_date) // 2 AS INTEGER)) AS month,
    CASE WHEN max(end_date) OVER this_year - min(start_date) OVER this_year BETWEEN 349 AND 379
    THEN count(*) FILTER (WHERE kind = 'period') OVER this_year END AS periods
  FROM models.dim_fiscal_period
  WINDOW this_year AS (PARTITION BY company, fiscal_year)
),
months AS (
  SELECT
    company, fiscal_year, fiscal_period, kind,
    CASE WHEN periods = 12 AND kind = 'period'
    THEN min(month) OVER (PARTITION BY company, fiscal_year) + to_months(fiscal_period - 1) ELSE month END AS month
  FROM middles
),
placed AS (
  SELECT
    company, fiscal_year, fiscal_period,
    CASE kind WHEN 'period' THEN month ELSE max(month) FILTER (WHERE kind = 'period') OVER (PARTITION BY company, fiscal_year) END AS month
  FROM months
)
SELECT
  b.account, p.month, CASE b.balance_set WHEN 'A' THEN 'Actual' ELSE 'Budget' END AS version, sum(b.home_net_amount) AS net_amount,
  CASE WHEN p.month IS NULL THEN
    concat('account ', b.account, ' moved in period ', b.fiscal_period, ' of ', b.fiscal_year, ', which the fiscal calendar does not have')
  END AS wrong
FROM models.fact_gl_balance AS b
LEFT JOIN placed AS p ON p.company = b.company AND p.fiscal_year = b.fiscal_year AND p.fiscal_period = b.fiscal_period
WHERE b.company = getvariable('company') AND b.balance_set IN ('A', '1') AND b.fiscal_period <> 15
GROUP BY ALL
HAVING sum(b.home_net_amount) <> 0
