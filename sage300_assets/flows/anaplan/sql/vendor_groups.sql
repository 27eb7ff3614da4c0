SELECT vendor_group AS code, vendor_group_name AS name
FROM models.dim_vendor_group
WHERE company = getvariable('company')
UNION ALL
SELECT 'UNASSIGNED' AS code, 'Without a group' AS name
