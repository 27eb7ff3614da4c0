SELECT segment_code AS code, segment_name AS name
FROM models.dim_account_segment
WHERE company = getvariable('company') AND segment_number = 2
UNION ALL
SELECT 'UNASSIGNED' AS code, 'Without a cost centre' AS name
