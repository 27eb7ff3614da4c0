SELECT k.customer AS code, k.customer_name AS name, coalesce(g.customer_group, 'UNASSIGNED') AS parent
FROM models.dim_customer AS k
LEFT JOIN models.dim_customer_group AS g ON g.company = k.company AND g.customer_group = k.customer_group
WHERE k.company = getvariable('company')
