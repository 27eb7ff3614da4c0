-- Fiscal periods of each company's own calendar, which need not be months. Adjustment (14) and closing (15) fall on the year's last day.
-- owner: team:finance
-- grain: one period of a fiscal year
-- keys: company, fiscal_year, fiscal_period
-- cadence: weekly
WITH dated AS (
  SELECT
    c.company,
    CAST(c.FiscalYear AS INTEGER) AS fiscal_year,
    CAST(n.number AS INTEGER) AS fiscal_period,
    period_number(c.Quarter4Periods) AS told_quarter,
    CASE n.number
    WHEN 1 THEN c.FiscalPeriod1StartDate WHEN 2 THEN c.FiscalPeriod2StartDate WHEN 3 THEN c.FiscalPeriod3StartDate WHEN 4 THEN c.FiscalPeriod4StartDate
    WHEN 5 THEN c.FiscalPeriod5StartDate WHEN 6 THEN c.FiscalPeriod6StartDate WHEN 7 THEN c.FiscalPeriod7StartDate WHEN 8 THEN c.FiscalPeriod8StartDate
    WHEN 9 THEN c.FiscalPeriod9StartDate WHEN 10 THEN c.FiscalPeriod10StartDate WHEN 11 THEN c.FiscalPeriod11StartDate WHEN 12 THEN c.FiscalPeriod12StartDate
    WHEN 13 THEN c.FiscalPeriod13StartDate
    END AS start_date,
    CASE n.number
    WHEN 1 THEN c.FiscalPeriod1EndDate WHEN 2 THEN c.FiscalPeriod2EndDate WHEN 3 THEN c.FiscalPeriod3EndDate WHEN 4 THEN c.FiscalPeriod4EndDate
    WHEN 5 THEN c.FiscalPeriod5EndDate WHEN 6 THEN c.FiscalPeriod6EndDate WHEN 7 THEN c.FiscalPeriod7EndDate WHEN 8 THEN c.FiscalPeriod8EndDate
    WHEN 9 THEN c.FiscalPeriod9EndDate WHEN 10 THEN c.FiscalPeriod10EndDate WHEN 11 THEN c.FiscalPeriod11EndDate WHEN 12 THEN c.FiscalPeriod12EndDate
    WHEN 13 THEN c.FiscalPeriod13EndDate
    END AS end_date,
    CASE n.number
    WHEN 1 THEN c.Period1Status WHEN 2 THEN c.Period2Status WHEN 3 THEN c.Period3Status WHEN 4 THEN c.Period4Status
    WHEN 5 THEN c.Period5Status WHEN 6 THEN c.Period6Status WHEN 7 THEN c.Period7Status WHEN 8 THEN c.Period8Status
    WHEN 9 THEN c.Period9Status WHEN 10 THEN c.Period10Status WHEN 11 THEN c.Period11Status WHEN 12 THEN c.Period12Status
    WHEN 13 THEN c.Period13Status
    END AS status
  FROM sage300.cs_fiscal_calendars AS c
  CROSS JOIN range(1, 14) AS n(number)
),
years AS (
  -- Sage 300 asks for the quarter with four periods where there are thirteen; with twelve, whatever stands there means nothing.
  SELECT
    company, fiscal_year, min(start_date) AS year_start, max(end_date) AS year_end,
    CASE WHEN max(fiscal_period) = 13 AND any_value(told_quarter) BETWEEN 1 AND 4 THEN any_value(told_quarter) ELSE 4 END AS long_quarter
  FROM dated
  WHERE start_date IS NOT NULL
  GROUP BY company, fiscal_year
)
SELECT d.company, d.fiscal_year, d.fiscal_period, 'period' AS kind, d.start_date, d.end_date, d.status, y.year_start, y.year_end, y.long_quarter
FROM dated AS d
JOIN years AS y ON y.company = d.company AND y.fiscal_year = d.fiscal_year
WHERE d.start_date IS NOT NULL
UNION ALL
SELECT c.company, CAST(c.FiscalYear AS INTEGER), 14, 'adjustment', y.year_end, y.year_end, c.AdjustmentPeriodStatus, y.year_start, y.year_end, y.long_quarter
FROM sage300.cs_fiscal_calendars AS c
JOIN years AS y ON y.company = c.company AND y.fiscal_year = CAST(c.FiscalYear AS INTEGER)
UNION ALL
SELECT c.company, CAST(c.FiscalYear AS INTEGER), 15, 'closing', y.year_end, y.year_end, c.ClosingPeriodStatus, y.year_start, y.year_end, y.long_quarter
FROM sage300.cs_fiscal_calendars AS c
JOIN years AS y ON y.company = c.company AND y.fiscal_year = CAST(c.FiscalYear AS INTEGER)
