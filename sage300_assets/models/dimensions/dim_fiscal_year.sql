-- Fiscal years of each company's own calendar, with what decides their quarters. It changes once a year, unlike the periods, whose status moves every month:
--   what is built by month takes its quarters from here.
-- owner: team:finance
-- grain: one fiscal year
-- keys: company, fiscal_year
-- cadence: weekly
-- column fiscal_periods: number of periods, without adjustment and closing
-- column long_quarter: the quarter that has four periods, in a year of thirteen; elsewhere 4, which is the last
SELECT
  p.company, p.fiscal_year, CAST(count(*) AS INTEGER) AS fiscal_periods, any_value(p.long_quarter) AS long_quarter,
  any_value(p.year_start) AS year_start, any_value(p.year_end) AS year_end
FROM models.stg_fiscal_period AS p
WHERE p.kind = 'period'
GROUP BY p.company, p.fiscal_year
