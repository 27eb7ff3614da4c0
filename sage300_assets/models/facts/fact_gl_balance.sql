-- What each account moved in each period, by set: actual, budgets, quantities. Foreign currencies stand in rows of their own, and the home
--   currency's row holds the rest, so home amounts add up over the currencies of an account.
-- owner: team:general-ledger
-- grain: one account, fiscal period, set and currency
-- keys: company, account, fiscal_year, fiscal_period, balance_set, currency
-- cadence: daily
-- reference: account -> dim_account
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column balance_set: A actual, 1 to 5 budgets, Q quantities, P provisional
-- column net_amount: movement of the period in the row's currency, debits positive; for quantities a number of units
-- column opening_amount: what the account held when the fiscal year began
-- column closing_amount: what the account holds at the end of the period
-- check adds_up_to_source: WITH told AS (SELECT s.company, CAST(Fiscalsetyear AS INTEGER) AS y, FiscalsetDesignator AS s,
--   sum(coalesce(BeginningBalance, 0)) AS opening,
--   sum(coalesce(Period01netamount, 0) + coalesce(Period02netamount, 0) + coalesce(Period03netamount, 0) + coalesce(Period04netamount, 0)
--   + coalesce(Period05netamount, 0) + coalesce(Period06netamount, 0) + coalesce(Period07netamount, 0) + coalesce(Period08netamount, 0)
--   + coalesce(Period09netamount, 0) + coalesce(Period10netamount, 0) + coalesce(Period11netamount, 0) + coalesce(Period12netamount, 0)
--   + coalesce(Period13netamount, 0) + coalesce(Period14netamount, 0) + coalesce(Period15netamount, 0)) AS moved
--   FROM sage300.gl_account_fiscal_sets AS s LEFT JOIN models.dim_company AS h ON h.company = s.company
--   WHERE coalesce(nullif(Currencytype, ''), if(Currencycode = coalesce(h.home_currency, Currencycode), 'F', 'S')) = 'F' GROUP BY ALL),
--   held AS (SELECT company, fiscal_year AS y, balance_set AS s, sum(CASE fiscal_period WHEN 1 THEN home_opening_amount ELSE 0 END) AS opening,
--   sum(home_net_amount) AS moved FROM this GROUP BY ALL)
--   SELECT coalesce(told.company, held.company) AS company, coalesce(told.y, held.y) AS fiscal_year, coalesce(told.s, held.s) AS balance_set,
--   told.opening AS opening_told, held.opening, told.moved AS moved_told, held.moved FROM told
--   FULL JOIN held ON held.company = told.company AND held.y = told.y AND held.s = told.s
--   WHERE held.opening IS DISTINCT FROM told.opening OR held.moved IS DISTINCT FROM told.moved
WITH moved AS (
  SELECT
    s.company,
    s.AccountNumber AS account,
    CAST(s.Fiscalsetyear AS INTEGER) AS fiscal_year,
    CAST(n.number AS INTEGER) AS fiscal_period,
    s.FiscalsetDesignator AS balance_set,
    s.Currencycode AS currency,
    -- A server without currency types has one row per currency: what the account holds in it.
    coalesce(nullif(s.Currencytype, ''), if(s.Currencycode = coalesce(h.home_currency, s.Currencycode), 'F', 'S')) AS currency_type,
    coalesce(s.BeginningBalance, 0) AS opening,
    coalesce(CASE n.number
    WHEN 1 THEN s.Period01netamount WHEN 2 THEN s.Period02netamount WHEN 3 THEN s.Period03netamount WHEN 4 THEN s.Period04netamount
    WHEN 5 THEN s.Period05netamount WHEN 6 THEN s.Period06netamount WHEN 7 THEN s.Period07netamount WHEN 8 THEN s.Period08netamount
    WHEN 9 THEN s.Period09netamount WHEN 10 THEN s.Period10netamount WHEN 11 THEN s.Period11netamount WHEN 12 THEN s.Period12netamount
    WHEN 13 THEN s.Period13netamount WHEN 14 THEN s.Period14netamount WHEN 15 THEN s.Period15netamount
    END, 0) AS net
  FROM sage300.gl_account_fiscal_sets AS s
  CROSS JOIN range(1, 16) AS n(number)
  LEFT JOIN models.dim_company AS h ON h.company = s.company
),
by_currency AS (
  SELECT
    company, account, fiscal_year, fiscal_period, balance_set, currency,
    sum(CASE currency_type WHEN 'S' THEN opening ELSE 0 END) AS opening,
    sum(CASE currency_type WHEN 'S' THEN net ELSE 0 END) AS net,
    sum(CASE currency_type WHEN 'E' THEN opening ELSE 0 END) AS home_opening,
    sum(CASE currency_type WHEN 'E' THEN net ELSE 0 END) AS home_net
  FROM moved
  WHERE currency_type IN ('S', 'E')
  GROUP BY company, account, fiscal_year, fiscal_period, balance_set, currency
),
foreign_part AS (
  SELECT company, account, fiscal_year, fiscal_period, balance_set, sum(home_opening) AS home_opening, sum(home_net) AS home_net
  FROM by_currency
  GROUP BY company, account, fiscal_year, fiscal_period, balance_set
),
together AS (
  SELECT
    m.company, m.account, m.fiscal_year, m.fiscal_period, m.balance_set, m.currency, m.currency AS home_currency,
    m.opening - coalesce(f.home_opening, 0) AS opening,
    m.net - coalesce(f.home_net, 0) AS net,
    m.opening - coalesce(f.home_opening, 0) AS home_opening,
    m.net - coalesce(f.home_net, 0) AS home_net
  FROM moved AS m
  LEFT JOIN foreign_part AS f
    ON f.company = m.company AND f.account = m.account AND f.fiscal_year = m.fiscal_year AND f.fiscal_period = m.fiscal_period
    AND f.balance_set = m.balance_set
  WHERE m.currency_type = 'F'
  UNION ALL
  SELECT b.company, b.account, b.fiscal_year, b.fiscal_period, b.balance_set, b.currency, c.home_currency, b.opening, b.net, b.home_opening, b.home_net
  FROM by_currency AS b
  LEFT JOIN models.dim_company AS c ON c.company = b.company
)
SELECT
  t.company, t.account, t.fiscal_year, quarter_of(t.fiscal_period, y.long_quarter) AS fiscal_quarter, t.fiscal_period, t.balance_set, t.currency, t.home_currency,
  money(t.opening) AS opening_amount,
  money(t.net) AS net_amount,
  money(t.opening + sum(t.net) OVER running) AS closing_amount,
  money(t.home_opening) AS home_opening_amount,
  money(t.home_net) AS home_net_amount,
  money(t.home_opening + sum(t.home_net) OVER running) AS home_closing_amount
FROM together AS t
LEFT JOIN models.dim_company AS c ON c.company = t.company
LEFT JOIN models.dim_fiscal_year AS y ON y.company = t.company AND y.fiscal_year = t.fiscal_year
WHERE t.fiscal_period <> 13 OR coalesce(c.fiscal_periods, 13) >= 13 OR t.net <> 0 OR t.home_net <> 0
WINDOW running AS (PARTITION BY t.company, t.account, t.fiscal_year, t.balance_set, t.currency ORDER BY t.fiscal_period)
