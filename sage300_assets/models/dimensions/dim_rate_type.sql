-- Rate types of each company, and whether an amount is multiplied or divided by their rates to get home currency. Rates change daily and these do not, so what
--   needs only the operation is not built anew with every rate.
-- owner: team:finance
-- grain: one rate type of a company
-- keys: company, rate_type
-- cadence: weekly
-- column operation: Multiply or Divide
SELECT r.company, r.RateType AS rate_type, r.RateOperation AS operation
FROM sage300.cs_currency_rates AS r
JOIN models.dim_company AS c ON c.company = r.company AND c.home_currency = r.ToCurrency
