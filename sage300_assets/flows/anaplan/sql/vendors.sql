SELECT v.vendor AS code, v.vendor_name AS name, coalesce(g.vendor_group, 'UNASSIGNED') AS parent
FROM models.dim_vendor AS v
LEFT JOIN models.dim_vendor_group AS g ON g.company = v.company AND g.vendor_group = v.vendor_group
WHERE v.company = getvariable('company')
