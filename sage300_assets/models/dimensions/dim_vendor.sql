-- Vendors as they are now.
-- owner: team:payables
-- grain: one vendor
-- keys: company, vendor
-- cadence: daily
-- reference: vendor_group -> dim_vendor_group
-- reference: 'payable', terms -> dim_terms
-- reference: tax_group, 'Purchases' -> dim_tax_group
-- reference: currency -> dim_currency
-- column currency: the vendor's, or else that of the account set, or of the group
-- column control_account: ledger account that the vendor's documents are kept in, as dim_account has it
SELECT
  v.company,
  v.VendorNumber AS vendor,
  v.VendorName AS vendor_name,
  v.ShortName AS short_name,
  nullif(v.GroupCode, '') AS vendor_group,
  v.Status AS status,
  coalesce(v.OnHold, '') IN ('OnHold', 'Yes') AS is_on_hold,
  v.StartDate AS start_date,
  v.City AS city,
  v.StateProvince AS state_province,
  v.Country AS country,
  coalesce(nullif(v.CurrencyCode, ''), nullif(s.CurrencyCodeForAccount, ''), nullif(g.CurrencyCode, '')) AS currency,
  c.home_currency,
  v.Terms AS terms,
  v.TaxGroup AS tax_group,
  coalesce(nullif(v.AccountSet, ''), nullif(g.AccountSet, '')) AS account_set,
  coalesce(n.account, s.PayablesControlAccount) AS control_account,
  v.BankCode AS bank,
  v.PaymentCode AS payment_code,
  money(v.CreditLimit) AS credit_limit,
  v.DateLastMaintained AS last_maintained,
  v.business_date AS changed_on
FROM sage300.ap_vendors AS v
LEFT JOIN sage300.ap_vendor_groups AS g ON g.company = v.company AND g.GroupCode = v.GroupCode
LEFT JOIN sage300.ap_account_sets AS s ON s.company = v.company AND s.AccountSetCode = coalesce(nullif(v.AccountSet, ''), nullif(g.AccountSet, ''))
LEFT JOIN models.dim_account_spelling AS n ON n.company = v.company AND n.spelling = s.PayablesControlAccount
LEFT JOIN models.dim_company AS c ON c.company = v.company
