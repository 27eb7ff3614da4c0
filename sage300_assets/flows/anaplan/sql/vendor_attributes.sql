SELECT vendor, currency, terms, is_on_hold, coalesce(status, 'Active') = 'Active' AS is_active
FROM models.dim_vendor
WHERE company = getvariable('company')
