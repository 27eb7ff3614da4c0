-- A main account whose accounts are in several groups stands in the first of them.
SELECT segment_1 AS code, min_by(account_name, account) AS name, min(nullif(account_group, '')) AS parent
FROM models.dim_account
WHERE company = getvariable('company') AND segment_1 <> ''
GROUP BY segment_1
