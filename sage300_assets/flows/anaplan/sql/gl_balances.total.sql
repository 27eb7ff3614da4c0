-- Without the calendar, whose join might lose or double a balance. The closing (15) is not sent. By account: debits and credits add up to nothing, and
-- so would a period that is lost whole.
SELECT account, CASE balance_set WHEN 'A' THEN 'Actual' ELSE 'Budget' END AS version, home_net_amount AS net_amount
FROM models.fact_gl_balance
WHERE company = getvariable('company') AND balance_set IN ('A', '1') AND fiscal_period <> 15
