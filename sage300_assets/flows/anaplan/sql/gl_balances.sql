-- A period belongs to the month in which it ends; adjustment and closing periods end with the year, so they are in its last month.
SELECT
  b.account, date_trunc('month', p.end_date) AS month, CASE b.balance_set WHEN 'A' THEN 'Actual' ELSE 'Budget' END AS version,
  sum(b.home_net_amount) AS net_amount
FROM models.fact_gl_balance AS b
JOIN models.dim_fiscal_period AS p ON p.company = b.company AND p.fiscal_year = b.fiscal_year AND p.fiscal_period = b.fiscal_period
WHERE b.company = getvariable('company') AND b.balance_set IN ('A', '1')
GROUP BY ALL
HAVING sum(b.home_net_amount) <> 0
