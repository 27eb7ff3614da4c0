-- Sets of ledger accounts that documents of vendors and of customers are kept in.
-- owner: team:finance
-- grain: one account set of one side
-- keys: company, side, account_set
-- cadence: weekly
-- column side: payable or receivable
-- column control_account: ledger account of what is due, as dim_account has it, however the set writes it
-- column prepayment_account: ledger account of prepayments, likewise
SELECT
  s.company, 'payable' AS side, s.AccountSetCode AS account_set, s.Description AS account_set_name, s.CurrencyCodeForAccount AS currency,
  coalesce(n.account, nullif(s.PayablesControlAccount, '')) AS control_account,
  coalesce(p.account, nullif(s.PrepaymentAccount, '')) AS prepayment_account
FROM sage300.ap_account_sets AS s
LEFT JOIN models.dim_account_spelling AS n ON n.company = s.company AND n.spelling = s.PayablesControlAccount
LEFT JOIN models.dim_account_spelling AS p ON p.company = s.company AND p.spelling = s.PrepaymentAccount
UNION ALL
SELECT
  s.company, 'receivable', s.AccountSetKey, s.Description, s.CurrencyCode,
  coalesce(n.account, nullif(s.ReceivablesControlAccount, '')),
  coalesce(p.account, nullif(s.PrepaymentLiabilityAccount, ''))
FROM sage300.ar_account_sets AS s
LEFT JOIN models.dim_account_spelling AS n ON n.company = s.company AND n.spelling = s.ReceivablesControlAccount
LEFT JOIN models.dim_account_spelling AS p ON p.company = s.company AND p.spelling = s.PrepaymentLiabilityAccount
