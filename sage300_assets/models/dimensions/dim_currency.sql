-- Currencies that a company knows, and whether it keeps its books in them.
-- owner: team:finance
-- grain: one currency of a company
-- keys: company, currency
-- cadence: weekly
SELECT
  r.company, r.CurrencyCodeKey AS currency, r.Description AS currency_name, r.Symbol AS symbol, period_number(r.DecimalPlaces) AS decimals,
  coalesce(r.CurrencyCodeKey = c.home_currency, false) AS is_home_currency
FROM sage300.cs_currency_codes AS r
LEFT JOIN models.dim_company AS c ON c.company = r.company
