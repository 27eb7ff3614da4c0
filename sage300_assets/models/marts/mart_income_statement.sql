-- Income statement by account group: movement of each period and of the year so far. Revenue is shown positive, expenses negative.
--   The closing period (15) is left out: it carries the year's result to retained earnings and would leave nothing of a closed year.
--   What was posted to an account that the chart of accounts does not have is in no statement, and a check names it.
-- owner: team:general-ledger
-- grain: one account group, fiscal period, cost centre and currency
-- keys: company, fiscal_year, fiscal_period, account_group, cost_centre, currency
-- cadence: daily
-- column result_home_amount: what it adds to the result of the period: credits positive
-- check agrees_with_trial_balance: WITH a AS (SELECT company, fiscal_year, fiscal_period, sum(result_home_amount) AS s FROM this GROUP BY ALL),
--   b AS (SELECT company, fiscal_year, fiscal_period, -sum(home_net_amount) AS s FROM models.mart_trial_balance
--   WHERE statement = 'income statement' AND fiscal_period <> 15 GROUP BY ALL) SELECT * FROM a FULL JOIN b
--   ON a.company = b.company AND a.fiscal_year = b.fiscal_year AND a.fiscal_period = b.fiscal_period WHERE a.s IS DISTINCT FROM b.s
-- check every_account_is_known: SELECT company, account, fiscal_year, sum(home_net_amount) AS moved, arg_max(home_closing_amount, fiscal_period) AS held
--   FROM models.mart_trial_balance WHERE statement IS NULL GROUP BY ALL HAVING bool_or(home_net_amount <> 0 OR home_closing_amount <> 0)
-- plot: SELECT company || ' ' || fiscal_year || '-' || lpad(fiscal_period::VARCHAR, 2, '0') AS label, sum(result_home_amount) FROM this
--   GROUP BY company, fiscal_year, fiscal_period HAVING sum(result_home_amount) <> 0
--   QUALIFY row_number() OVER (PARTITION BY company ORDER BY fiscal_year DESC, fiscal_period DESC) <= 24 ORDER BY ALL
SELECT
  t.company, t.fiscal_year, t.fiscal_period,
  any_value(t.period_start) AS period_start,
  any_value(t.period_end) AS period_end,
  coalesce(nullif(t.account_group, ''), '(none)') AS account_group,
  any_value(t.account_group_name) AS account_group_name,
  coalesce(t.cost_centre, '') AS cost_centre,
  any_value(t.cost_centre_name) AS cost_centre_name,
  t.currency, t.home_currency,
  money(-sum(t.net_amount)) AS result_amount,
  money(-sum(t.home_net_amount)) AS result_home_amount,
  money(-sum(t.closing_amount)) AS year_to_date_amount,
  money(-sum(t.home_closing_amount)) AS year_to_date_home_amount
FROM models.mart_trial_balance AS t
WHERE t.statement = 'income statement' AND t.fiscal_period <> 15
GROUP BY t.company, t.fiscal_year, t.fiscal_period, coalesce(nullif(t.account_group, ''), '(none)'), coalesce(t.cost_centre, ''), t.currency, t.home_currency
