-- Whether an amount is multiplied or divided by a rate to get home currency.
-- owner: team:finance
-- grain: one rate type of a company
-- keys: company, rate_type
-- cadence: weekly
SELECT r.company, r.RateType AS rate_type, r.RateOperation AS operation
FROM sage300.cs_currency_rates AS r
JOIN models.dim_company AS c ON c.company = r.company AND c.home_currency = r.ToCurrency
