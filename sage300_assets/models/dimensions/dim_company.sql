-- Companies, each with the currency it keeps its books in and its number of fiscal periods. Where the profile does not name that currency, it is the one
--   the ledger's balances are kept in.
-- owner: team:finance
-- grain: one company
-- keys: company
-- cadence: weekly
-- column home_decimals: how many decimals amounts in home currency have
WITH kept AS (
  SELECT company, min(Currencycode) AS currency
  FROM sage300.gl_account_fiscal_sets
  WHERE Currencytype = 'F' AND FiscalsetDesignator = 'A' AND Currencycode <> ''
  GROUP BY company
),
told AS (
  SELECT
    coalesce(p.company, k.company) AS company,
    coalesce(nullif(p.FunctionalCurrency, ''), k.currency) AS home_currency,
    p.Name, p.LegalName, p.City, p.Country, p.ReportingCurrency, p.DefaultRateType, p.NumFiscalPeriods
  FROM sage300.cs_company_profile AS p
  FULL JOIN kept AS k ON k.company = p.company
)
SELECT
  t.company,
  t.Name AS company_name,
  t.LegalName AS legal_name,
  t.City AS city,
  t.Country AS country,
  t.home_currency,
  coalesce(period_number(d.DecimalPlaces), 2) AS home_decimals,
  t.ReportingCurrency AS reporting_currency,
  nullif(t.DefaultRateType, '') AS default_rate_type,
  period_number(t.NumFiscalPeriods) AS fiscal_periods
FROM told AS t
LEFT JOIN sage300.cs_currency_codes AS d ON d.company = t.company AND d.CurrencyCodeKey = t.home_currency
