-- Without the calendar, whose join might lose or double a balance.
SELECT home_net_amount AS net_amount
FROM models.fact_gl_balance
WHERE company = getvariable('company') AND balance_set IN ('A', '1')
