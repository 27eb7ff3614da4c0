SELECT segment_number || '-' || segment_code AS code, segment_name AS name
FROM models.dim_account_segment
WHERE company = getvariable('company')
