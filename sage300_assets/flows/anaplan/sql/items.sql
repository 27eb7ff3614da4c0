SELECT i.item AS code, i.item_name AS name, coalesce(c.item_category, 'UNASSIGNED') AS parent
FROM models.dim_item AS i
LEFT JOIN models.dim_item_category AS c ON c.company = i.company AND c.item_category = i.item_category
WHERE i.company = getvariable('company')
