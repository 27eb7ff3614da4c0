SELECT customer_group AS code, customer_group_name AS name
FROM models.dim_customer_group
WHERE company = getvariable('company')
UNION ALL
SELECT 'UNASSIGNED' AS code, 'Without a group' AS name
