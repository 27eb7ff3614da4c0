-- What was spent with whom, on what, and for which cost centre: posted invoice lines less credit notes, before tax.
-- owner: team:purchasing
-- grain: one vendor, account, cost centre and project category in a fiscal period and currency
-- keys: company, fiscal_year, fiscal_period, vendor, account, cost_centre, project_category, currency
-- cadence: daily
-- reference: vendor -> dim_vendor
-- column home_amount: nothing where the amount of any of its lines is not known in home currency; a part of a sum would look like all of it
-- check adds_up_to_lines: WITH a AS (SELECT company, fiscal_year, fiscal_period, vendor, coalesce(account, '') AS account,
--   coalesce(project_category, '') AS project_category, currency, count(*) AS n, sum(amount) AS m, whole_sum(home_amount) AS s
--   FROM models.fact_ap_invoice_line WHERE is_posted GROUP BY ALL),
--   b AS (SELECT company, fiscal_year, fiscal_period, vendor, account, project_category, currency, sum(lines) AS n, sum(amount) AS m, whole_sum(home_amount) AS s
--   FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b USING (company, fiscal_year, fiscal_period, vendor, account, project_category, currency)
--   WHERE a.n IS DISTINCT FROM b.n OR a.m IS DISTINCT FROM b.m OR a.s IS DISTINCT FROM b.s
-- plot: SELECT company || ' ' || coalesce(any_value(vendor_name), vendor) AS label, sum(home_amount) AS total FROM this GROUP BY company, vendor
--   HAVING count(home_amount) = count(*)
--   QUALIFY row_number() OVER (PARTITION BY company ORDER BY total DESC, vendor) <= 15 ORDER BY company, total DESC
SELECT
  l.company, l.fiscal_year, any_value(quarter_of(l.fiscal_period, y.long_quarter)) AS fiscal_quarter, l.fiscal_period, l.vendor,
  any_value(v.vendor_name) AS vendor_name,
  any_value(v.vendor_group) AS vendor_group,
  coalesce(l.account, '') AS account,
  any_value(a.account_name) AS account_name,
  any_value(a.account_group) AS account_group,
  coalesce(a.cost_centre, '') AS cost_centre,
  any_value(a.cost_centre_name) AS cost_centre_name,
  coalesce(l.project_category, '') AS project_category,
  l.currency, l.home_currency,
  count(*) AS lines,
  money(sum(l.amount)) AS amount,
  money(whole_sum(l.home_amount)) AS home_amount
FROM models.fact_ap_invoice_line AS l
LEFT JOIN models.dim_fiscal_year AS y ON y.company = l.company AND y.fiscal_year = l.fiscal_year
LEFT JOIN models.dim_vendor AS v ON v.company = l.company AND v.vendor = l.vendor
LEFT JOIN models.dim_account AS a ON a.company = l.company AND a.account = l.account
WHERE l.is_posted
GROUP BY l.company, l.fiscal_year, l.fiscal_period, l.vendor, coalesce(l.account, ''), coalesce(a.cost_centre, ''), coalesce(l.project_category, ''), l.currency,
  l.home_currency
