-- Combinations of tax authorities that apply to a sale or a purchase.
-- owner: team:finance
-- grain: one tax group and kind of transaction
-- keys: company, tax_group, transaction_type
-- cadence: weekly
SELECT
  g.company, g.TaxGroupKey AS tax_group, g.TransactionType AS transaction_type, g.Description AS tax_group_name, g.TaxReportingCurrency AS reporting_currency,
  nullif(g.TaxAuthority1, '') AS authority_1, nullif(g.TaxAuthority2, '') AS authority_2, nullif(g.TaxAuthority3, '') AS authority_3,
  nullif(g.TaxAuthority4, '') AS authority_4, nullif(g.TaxAuthority5, '') AS authority_5
FROM sage300.tx_tax_groups AS g
