SELECT period_label AS code, kind AS name
FROM models.dim_fiscal_period
WHERE company = getvariable('company')
