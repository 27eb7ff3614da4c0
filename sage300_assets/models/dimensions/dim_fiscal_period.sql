-- Fiscal periods as each company's calendar has them. A year is called as Sage 300 calls it, whatever calendar year its days lie in.
-- owner: team:finance
-- grain: one period of a fiscal year
-- keys: company, fiscal_year, fiscal_period
-- cadence: weekly
-- column kind: period, adjustment (14) or closing (15)
-- column fiscal_quarter: quarter of the company's own fiscal year: three periods each, and four in the one that the calendar names where it has thirteen; the last has adjustment
--   and closing too
-- column is_open: whether postings are still accepted
-- check days_follow_each_other: WITH n AS (SELECT company, fiscal_year, fiscal_period, end_date,
--   lead(start_date) OVER (PARTITION BY company ORDER BY start_date) AS next_start FROM this WHERE kind = 'period')
--   SELECT * FROM n WHERE next_start IS NOT NULL AND next_start <> end_date + INTERVAL 1 DAY
SELECT
  p.company, p.fiscal_year, p.fiscal_period,
  quarter_of(p.fiscal_period, p.long_quarter) AS fiscal_quarter, p.kind, p.start_date, p.end_date, p.year_start, p.year_end,
  p.status,
  coalesce(p.status, '') = 'Open' AS is_open,
  CAST(p.fiscal_year AS VARCHAR) || '-' || lpad(CAST(p.fiscal_period AS VARCHAR), 2, '0') AS period_label
FROM models.stg_fiscal_period AS p
