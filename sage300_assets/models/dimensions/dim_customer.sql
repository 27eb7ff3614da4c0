-- Customers as they are now.
-- owner: team:receivables
-- grain: one customer
-- keys: company, customer
-- cadence: daily
-- reference: customer_group -> dim_customer_group
-- reference: national_account -> dim_national_account
-- reference: 'receivable', terms -> dim_terms
-- reference: tax_group, 'Sales' -> dim_tax_group
-- reference: currency -> dim_currency
-- column control_account: ledger account that the customer's documents are kept in, as dim_account has it
-- column credit_limit: in the customer's currency; nothing when no limit is kept
SELECT
  k.company,
  k.CustomerNumber AS customer,
  k.CustomerName AS customer_name,
  k.ShortName AS short_name,
  nullif(k.GroupCode, '') AS customer_group,
  nullif(k.NationalAccount, '') AS national_account,
  k.Status AS status,
  coalesce(k.OnHold, '') IN ('OnHold', 'Yes') AS is_on_hold,
  k.StartDate AS start_date,
  k.City AS city,
  k.StateProvince AS state_province,
  k.Country AS country,
  k.TerritoryCode AS territory,
  k.CurrencyCode AS currency,
  c.home_currency,
  k.Terms AS terms,
  k.TaxGroup AS tax_group,
  k.AccountSet AS account_set,
  coalesce(n.account, s.ReceivablesControlAccount) AS control_account,
  nullif(k.Salesperson1, '') AS salesperson,
  k.CustomerPriceList AS price_list,
  money(nullif(k.CreditLimitCustomerCurrency, 0)) AS credit_limit,
  k.DateLastMaintained AS last_maintained,
  k.business_date AS changed_on
FROM sage300.ar_customers AS k
LEFT JOIN sage300.ar_account_sets AS s ON s.company = k.company AND s.AccountSetKey = k.AccountSet
LEFT JOIN models.dim_account_spelling AS n ON n.company = k.company AND n.spelling = s.ReceivablesControlAccount
LEFT JOIN models.dim_company AS c ON c.company = k.company
