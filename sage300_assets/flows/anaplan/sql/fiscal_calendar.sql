SELECT period_label AS period, start_date, end_date, is_open
FROM models.dim_fiscal_period
WHERE company = getvariable('company')
