-- Calendar days from the beginning of the first fiscal year to the end of the last, with the fiscal period each day has in each company.
-- owner: team:finance
-- grain: one day in one company
-- keys: company, date_day
-- cadence: weekly
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
SELECT
  p.company,
  CAST(d.day AS DATE) AS date_day,
  p.fiscal_year,
  p.fiscal_period,
  CAST(year(d.day) AS INTEGER) AS calendar_year,
  CAST(quarter(d.day) AS INTEGER) AS calendar_quarter,
  CAST(month(d.day) AS INTEGER) AS calendar_month,
  CAST(isodow(d.day) AS INTEGER) AS day_of_week,
  isodow(d.day) < 6 AS is_weekday,
  CAST(d.day AS DATE) = p.end_date AS is_period_end
FROM models.stg_fiscal_period AS p
JOIN generate_series(TIMESTAMP '1990-01-01', TIMESTAMP '2079-12-31', INTERVAL 1 DAY) AS d(day) ON d.day >= p.start_date AND d.day <= p.end_date
WHERE p.kind = 'period'
