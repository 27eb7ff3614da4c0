SELECT account_group AS code, coalesce(max(account_group_name), account_group) AS name
FROM models.dim_account
WHERE company = getvariable('company') AND account_group <> ''
GROUP BY account_group
