-- Balance sheet by account group at the end of each period. The result of the year, not yet closed to retained earnings, is a line of its own, so
--   signed amounts add up to zero. Accounts that the chart of accounts does not have are a line of their own, which is no asset, and a check names them.
-- owner: team:general-ledger
-- grain: one account group, fiscal period and currency
-- keys: company, fiscal_year, fiscal_period, account_group, currency
-- cadence: daily
-- column home_amount: debits positive
-- column presented_home_amount: liabilities and equity turned to positive, as statements show them
-- check balances: SELECT company, fiscal_year, fiscal_period, sum(home_amount) AS difference FROM this
--   GROUP BY company, fiscal_year, fiscal_period HAVING sum(home_amount) <> 0
-- check every_account_is_known: SELECT company, account, fiscal_year, sum(home_net_amount) AS moved, arg_max(home_closing_amount, fiscal_period) AS held
--   FROM models.mart_trial_balance WHERE statement IS NULL GROUP BY ALL HAVING bool_or(home_net_amount <> 0 OR home_closing_amount <> 0)
-- plot: SELECT concat_ws(' ', company, account_group_name), sum(presented_home_amount) FROM this
--   WHERE (company, fiscal_year * 100 + fiscal_period) IN (SELECT company, max(fiscal_year * 100 + fiscal_period) FROM this GROUP BY 1) GROUP BY 1 ORDER BY 1
WITH grouped AS (
  SELECT
    t.company, t.fiscal_year, t.fiscal_period, t.period_end,
    CASE
      WHEN t.statement IS NULL THEN '(unknown)'
      WHEN t.statement = 'income statement' THEN '(result)'
      ELSE coalesce(nullif(t.account_group, ''), '(none)')
    END AS account_group,
    t.currency, t.home_currency,
    sum(t.closing_amount) AS amount,
    sum(t.home_closing_amount) AS home_amount
  FROM models.mart_trial_balance AS t
  GROUP BY ALL
),
groups AS (
  SELECT company, account_group, any_value(account_group_name) AS account_group_name, any_value(group_category) AS group_category, min(group_sort) AS group_sort
  FROM models.dim_account
  GROUP BY company, account_group
)
SELECT
  g.company, g.fiscal_year, g.fiscal_period, g.period_end, g.account_group,
  CASE g.account_group
    WHEN '(result)' THEN 'Result of the year'
    WHEN '(unknown)' THEN 'Not in the chart of accounts'
    ELSE coalesce(d.account_group_name, g.account_group)
  END AS account_group_name,
  CASE g.account_group WHEN '(result)' THEN 'ShareholdersEquity' ELSE d.group_category END AS group_category,
  CASE g.account_group WHEN '(result)' THEN '999' WHEN '(unknown)' THEN '998' ELSE d.group_sort END AS group_sort,
  g.currency, g.home_currency,
  money(g.amount) AS amount,
  money(g.home_amount) AS home_amount,
  money(CASE WHEN g.account_group = '(result)' OR d.group_category LIKE '%Liabilit%' OR d.group_category LIKE '%Equity%' THEN -g.home_amount ELSE g.home_amount END)
    AS presented_home_amount
FROM grouped AS g
LEFT JOIN groups AS d ON d.company = g.company AND d.account_group = g.account_group
