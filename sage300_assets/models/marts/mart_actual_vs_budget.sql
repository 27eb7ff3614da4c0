-- Actual against each budget set, by account, cost centre and period, in home currency. Debits are positive on both sides.
--   Both sides are added up over the currencies of an account, so there are home amounts only. The closing period (15) is left out: it takes back what a closed year earned and spent.
-- owner: team:finance
-- grain: one account, fiscal period and budget set
-- keys: company, account, fiscal_year, fiscal_period, budget_set
-- cadence: daily
-- reference: account -> dim_account
-- column budget_set: 1 to 5 as Sage 300 keeps them
-- column home_variance: actual less budget; for expenses more than nothing is too much
-- plot: SELECT company || ' budget ' || budget_set || ' ' || fiscal_year || '-' || lpad(fiscal_period::VARCHAR, 2, '0') AS label, -sum(home_variance) FROM this
--   WHERE statement = 'income statement' GROUP BY company, budget_set, fiscal_year, fiscal_period
--   QUALIFY row_number() OVER (PARTITION BY company, budget_set ORDER BY fiscal_year DESC, fiscal_period DESC) <= 24 ORDER BY ALL
WITH budget AS (
  SELECT company, account, fiscal_year, fiscal_period, balance_set, any_value(home_currency) AS home_currency, sum(home_net_amount) AS home_amount
  FROM models.fact_gl_balance
  WHERE balance_set IN ('1', '2', '3', '4', '5') AND fiscal_period <> 15
  GROUP BY company, account, fiscal_year, fiscal_period, balance_set
),
sets AS (
  SELECT DISTINCT company, fiscal_year, balance_set FROM budget
),
actual AS (
  SELECT company, account, fiscal_year, fiscal_period, any_value(home_currency) AS home_currency, sum(home_net_amount) AS home_amount
  FROM models.fact_gl_balance
  WHERE balance_set = 'A' AND fiscal_period <> 15
  GROUP BY company, account, fiscal_year, fiscal_period
),
both_sides AS (
  SELECT company, account, fiscal_year, fiscal_period, balance_set, home_currency, 0 AS actual, home_amount AS budget FROM budget
  UNION ALL
  SELECT a.company, a.account, a.fiscal_year, a.fiscal_period, s.balance_set, a.home_currency, a.home_amount, 0
  FROM actual AS a
  JOIN sets AS s ON s.company = a.company AND s.fiscal_year = a.fiscal_year
)
SELECT
  b.company, b.account,
  any_value(a.account_name) AS account_name,
  any_value(a.account_group) AS account_group,
  any_value(a.statement) AS statement,
  any_value(a.cost_centre) AS cost_centre,
  any_value(a.cost_centre_name) AS cost_centre_name,
  b.fiscal_year, b.fiscal_period, b.balance_set AS budget_set, any_value(b.home_currency) AS currency, any_value(b.home_currency) AS home_currency,
  money(sum(b.actual)) AS home_actual_amount,
  money(sum(b.budget)) AS home_budget_amount,
  money(sum(b.actual) - sum(b.budget)) AS home_variance
FROM both_sides AS b
LEFT JOIN models.dim_account AS a ON a.company = b.company AND a.account = b.account
GROUP BY b.company, b.account, b.fiscal_year, b.fiscal_period, b.balance_set
