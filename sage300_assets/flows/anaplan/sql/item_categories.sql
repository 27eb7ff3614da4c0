SELECT item_category AS code, item_category_name AS name
FROM models.dim_item_category
WHERE company = getvariable('company')
UNION ALL
SELECT 'UNASSIGNED' AS code, 'Without a category' AS name
