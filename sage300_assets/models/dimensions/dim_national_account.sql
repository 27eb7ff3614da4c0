-- Head offices that several customers are billed through.
-- owner: team:receivables
-- grain: one national account
-- keys: company, national_account
-- cadence: daily
SELECT
  n.company, n.NationalAccountNumber AS national_account, n.NationalAccountName AS national_account_name, n.GroupCode AS customer_group,
  n.Status AS status, coalesce(n.OnHold, '') IN ('OnHold', 'Yes') AS is_on_hold, n.CurrencyCode AS currency, money(nullif(n.CreditLimit, 0)) AS credit_limit
FROM sage300.ar_national_accounts AS n
