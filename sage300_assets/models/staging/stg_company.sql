-- Companies with the currency they keep their books in.
-- owner: team:finance
-- grain: one company
-- keys: company
-- cadence: weekly
SELECT
  p.company,
  p.Name AS company_name,
  p.LegalName AS legal_name,
  p.City AS city,
  p.Country AS country,
  p.FunctionalCurrency AS home_currency,
  coalesce(period_number(k.DecimalPlaces), 2) AS home_decimals,
  p.ReportingCurrency AS reporting_currency,
  p.DefaultRateType AS default_rate_type,
  period_number(p.NumFiscalPeriods) AS fiscal_periods
FROM sage300.cs_company_profile AS p
LEFT JOIN sage300.cs_currency_codes AS k ON k.company = p.company AND k.CurrencyCodeKey = p.FunctionalCurrency
