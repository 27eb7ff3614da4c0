SELECT account AS code, account_name AS name, nullif(segment_1, '') AS parent
FROM models.dim_account
WHERE company = getvariable('company')
