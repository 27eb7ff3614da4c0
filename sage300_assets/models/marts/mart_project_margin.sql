-- Cost and revenue of projects: posted payables and receivables lines that name a contract or a project.
-- owner: team:finance
-- grain: one contract, project, category, fiscal period and currency
-- keys: company, contract, project, project_category, fiscal_year, fiscal_period, currency
-- cadence: daily
-- column currency: of the documents
-- column cost_amount: in the currency of the documents, before tax
-- column home_cost_amount: nothing where the amount of any of its lines is not known in home currency; a part of a cost would look like all of it
-- column home_revenue_amount: likewise
-- column home_margin_amount: revenue less cost; nothing where either is not known
-- check adds_up_to_lines: WITH l AS (SELECT company, contract, project, fiscal_year, fiscal_period, currency, -amount AS m, -home_amount AS s
--   FROM models.fact_ap_invoice_line WHERE is_posted AND (contract IS NOT NULL OR project IS NOT NULL) UNION ALL
--   SELECT company, contract, project, fiscal_year, fiscal_period, currency, amount, home_amount FROM models.fact_ar_invoice_line
--   WHERE is_posted AND (contract IS NOT NULL OR project IS NOT NULL)),
--   a AS (SELECT company, coalesce(contract, '') AS contract, coalesce(project, '') AS project, fiscal_year, fiscal_period, coalesce(currency, '') AS currency,
--   sum(m) AS m, whole_sum(s) AS s FROM l GROUP BY ALL),
--   b AS (SELECT company, contract, project, fiscal_year, fiscal_period, currency, sum(margin_amount) AS m, whole_sum(home_margin_amount) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b USING (company, contract, project, fiscal_year, fiscal_period, currency)
--   WHERE a.m IS DISTINCT FROM b.m OR a.s IS DISTINCT FROM b.s
-- plot: SELECT concat_ws(' ', company, nullif(contract, ''), nullif(project, '')) AS label, sum(home_margin_amount) AS total FROM this GROUP BY company, contract, project
--   HAVING count(home_margin_amount) = count(*)
--   QUALIFY row_number() OVER (PARTITION BY company ORDER BY total DESC, contract, project) <= 15 ORDER BY company, total DESC
WITH lines AS (
  SELECT company, contract, project, project_category, fiscal_year, fiscal_period, currency, home_currency, amount AS cost, 0 AS revenue,
    home_amount AS home_cost, 0 AS home_revenue
  FROM models.fact_ap_invoice_line
  WHERE is_posted AND (contract IS NOT NULL OR project IS NOT NULL)
  UNION ALL
  SELECT company, contract, project, project_category, fiscal_year, fiscal_period, currency, home_currency, 0, amount, 0, home_amount
  FROM models.fact_ar_invoice_line
  WHERE is_posted AND (contract IS NOT NULL OR project IS NOT NULL)
)
SELECT
  company, coalesce(contract, '') AS contract, coalesce(project, '') AS project, coalesce(project_category, '') AS project_category, fiscal_year, fiscal_period,
  coalesce(currency, '') AS currency,
  any_value(home_currency) AS home_currency,
  money(sum(cost)) AS cost_amount,
  money(sum(revenue)) AS revenue_amount,
  money(sum(revenue) - sum(cost)) AS margin_amount,
  money(whole_sum(home_cost)) AS home_cost_amount,
  money(whole_sum(home_revenue)) AS home_revenue_amount,
  money(whole_sum(home_revenue) - whole_sum(home_cost)) AS home_margin_amount
FROM lines
GROUP BY company, coalesce(contract, ''), coalesce(project, ''), coalesce(project_category, ''), fiscal_year, fiscal_period, coalesce(currency, '')
