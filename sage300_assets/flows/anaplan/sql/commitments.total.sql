-- Without vendors, groups and items, whose joins might double a line.
SELECT home_open_commitment AS open_commitment
FROM models.fact_purchase_order_line
WHERE company = getvariable('company')
