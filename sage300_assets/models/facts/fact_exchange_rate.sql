-- Exchange rates by day, and until when each is in force.
-- owner: team:finance
-- grain: one rate of one day
-- keys: company, rate_type, from_currency, to_currency, rate_date
-- cadence: daily
-- column operation: whether an amount in `from_currency` is multiplied or divided by the rate
-- column valid_until: the day before the next rate; nothing for the newest
SELECT
  d.company, d.RateType AS rate_type, d.FromCurrency AS from_currency, d.ToCurrency AS to_currency, d.RateDate AS rate_date,
  rate(d.Rate) AS exchange_rate, h.RateOperation AS operation,
  CAST(lead(d.RateDate) OVER (PARTITION BY d.company, d.RateType, d.FromCurrency, d.ToCurrency ORDER BY d.RateDate) - INTERVAL 1 DAY AS DATE) AS valid_until
FROM sage300.cs_currency_rate_detail AS d
JOIN sage300.cs_currency_rates AS h ON h.company = d.company AND h.RateType = d.RateType AND h.ToCurrency = d.ToCurrency
