-- Trial balance: what each account held at the beginning of a period, what moved, what it holds at the end. Posted entries only. Debits are positive;
--   home amounts of a company's period add up to zero.
-- owner: team:general-ledger
-- grain: one account, fiscal period and currency
-- keys: company, fiscal_year, fiscal_period, account, currency
-- cadence: daily
-- reference: account -> dim_account
-- column home_net_amount: movement of the period in home currency
-- column home_debit_amount: the closing amount if it is a debit
-- column home_credit_amount: the closing amount if it is a credit, as a positive number
-- check adds_up_to_zero: SELECT company, fiscal_year, fiscal_period, sum(home_opening_amount) AS opening, sum(home_net_amount) AS net,
--   sum(home_closing_amount) AS closing FROM this GROUP BY company, fiscal_year, fiscal_period
--   HAVING sum(home_opening_amount) <> 0 OR sum(home_net_amount) <> 0 OR sum(home_closing_amount) <> 0
-- warn agrees_with_lines: WITH l AS (SELECT company, account, fiscal_year, fiscal_period, sum(home_amount) AS amount FROM models.fact_gl_line GROUP BY ALL),
--   b AS (SELECT company, account, fiscal_year, fiscal_period, sum(home_net_amount) AS amount FROM this GROUP BY ALL)
--   SELECT l.company, l.account, l.fiscal_year, l.fiscal_period, l.amount AS lines, b.amount AS balance FROM l
--   LEFT JOIN b ON b.company = l.company AND b.account = l.account AND b.fiscal_year = l.fiscal_year AND b.fiscal_period = l.fiscal_period
--   WHERE l.amount <> coalesce(b.amount, 0)
-- plot: SELECT concat_ws(' ', company, account_group_name), sum(home_closing_amount) FROM this
--   WHERE (company, fiscal_year * 100 + fiscal_period) IN (SELECT company, max(fiscal_year * 100 + fiscal_period) FROM this WHERE home_net_amount <> 0 GROUP BY 1)
--   GROUP BY 1 ORDER BY 1
SELECT
  b.company, b.fiscal_year, b.fiscal_quarter, b.fiscal_period,
  p.start_date AS period_start, p.end_date AS period_end,
  b.account, a.account_formatted, a.account_name, a.account_group, a.account_group_name, a.statement, a.cost_centre, a.cost_centre_name,
  b.currency, b.home_currency,
  money(b.closing_amount - b.net_amount) AS opening_amount,
  b.net_amount,
  b.closing_amount,
  money(b.home_closing_amount - b.home_net_amount) AS home_opening_amount,
  b.home_net_amount,
  b.home_closing_amount,
  money(greatest(b.home_closing_amount, 0)) AS home_debit_amount,
  money(greatest(-b.home_closing_amount, 0)) AS home_credit_amount
FROM models.fact_gl_balance AS b
LEFT JOIN models.dim_account AS a ON a.company = b.company AND a.account = b.account
LEFT JOIN models.dim_fiscal_period AS p ON p.company = b.company AND p.fiscal_year = b.fiscal_year AND p.fiscal_period = b.fiscal_period
WHERE b.balance_set = 'A'
