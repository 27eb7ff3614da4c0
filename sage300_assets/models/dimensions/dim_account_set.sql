-- Sets of ledger accounts that documents of vendors and of customers are kept in.
-- owner: team:finance
-- grain: one account set of one side
-- keys: company, side, account_set
-- cadence: weekly
-- column side: payable or receivable
-- column control_account: ledger account of what is due
-- column prepayment_account: ledger account of prepayments
SELECT
  s.company, 'payable' AS side, s.AccountSetCode AS account_set, s.Description AS account_set_name, s.CurrencyCodeForAccount AS currency,
  nullif(s.PayablesControlAccount, '') AS control_account, nullif(s.PrepaymentAccount, '') AS prepayment_account
FROM sage300.ap_account_sets AS s
UNION ALL
SELECT
  s.company, 'receivable', s.AccountSetKey, s.Description, s.CurrencyCode, nullif(s.ReceivablesControlAccount, ''), nullif(s.PrepaymentLiabilityAccount, '')
FROM sage300.ar_account_sets AS s
