-- Bank accounts and the ledger accounts they post to.
-- owner: team:treasury
-- grain: one bank
-- keys: company, bank
-- cadence: weekly
-- reference: ledger_account -> dim_account
-- column ledger_account: as dim_account has it, however the bank writes it
SELECT
  b.company, b.BankCode AS bank, b.Description AS bank_name, b.StatementCurrency AS currency, c.home_currency,
  coalesce(n.account, nullif(b.BankAccount, '')) AS ledger_account,
  coalesce(b.Multicurrency, false) AS is_multicurrency
FROM sage300.bk_banks AS b
LEFT JOIN models.dim_company AS c ON c.company = b.company
LEFT JOIN models.dim_account_spelling AS n ON n.company = b.company AND n.spelling = b.BankAccount
