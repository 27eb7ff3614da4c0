-- Cash by bank: what the ledger says, what the bank has not seen yet, and what its statement should therefore say.
-- owner: team:treasury
-- grain: one bank
-- keys: company, bank
-- cadence: daily
-- column ledger_account: as dim_account has it; nothing where the bank names none
-- column shares_account: several banks post to this ledger account, so each of them shows its whole balance
-- column ledger_amount: in the bank's statement currency; where that is home currency, with what was posted in others at its home value. Nothing where neither the
--   chart of accounts nor the balances know the account: 0 would be a balance
-- column outstanding_payments: written but not cleared by the bank, in its statement currency
-- column home_outstanding_payments: nothing where the amount of any of them is not known in home currency, as of home_outstanding_receipts
-- column outstanding_receipts: deposited but not cleared by the bank, in its statement currency
-- column expected_statement_amount: ledger_amount with outstanding_payments and without outstanding_receipts
-- plot: SELECT company || ' ' || bank, home_ledger_amount FROM this ORDER BY 1
WITH newest AS (
  SELECT company, max(fiscal_year) AS fiscal_year FROM models.fact_gl_balance WHERE balance_set = 'A' GROUP BY company
),
held AS (
  SELECT b.company, b.account, b.currency, sum(b.closing_amount) AS amount, sum(b.home_closing_amount) AS home_amount
  FROM models.fact_gl_balance AS b
  JOIN newest AS n ON n.company = b.company AND n.fiscal_year = b.fiscal_year
  WHERE b.balance_set = 'A' AND b.fiscal_period = 15
  GROUP BY b.company, b.account, b.currency
),
in_home_currency AS (
  SELECT company, account, sum(home_amount) AS home_amount FROM held GROUP BY company, account
),
paid AS (
  -- A check has an amount in the vendor's currency besides; the bank pays PaymentAmount, as it takes in BankReceiptAmount.
  SELECT
    p.company, p.BankCode AS bank,
    whole_sum(CASE WHEN b.currency = b.home_currency THEN coalesce(p.CheckAmountFunctionalCurrency, p.PaymentAmount) ELSE p.PaymentAmount END) AS amount,
    whole_sum(coalesce(p.CheckAmountFunctionalCurrency, CASE WHEN b.currency = b.home_currency THEN p.PaymentAmount END)) AS home_amount
  FROM sage300.ap_posted_payments AS p
  JOIN models.dim_bank AS b ON b.company = p.company AND b.bank = p.BankCode
  WHERE p.CheckCleared = 'Outstanding' AND p.DateReversed IS NULL
  GROUP BY p.company, p.BankCode
),
received AS (
  -- A bank in home currency may take in others; what the statement will say is then the home value.
  SELECT
    r.company, r.BankCode AS bank,
    whole_sum(CASE WHEN b.currency = b.home_currency THEN coalesce(r.FunctionalReceiptAmount, r.BankReceiptAmount) ELSE r.BankReceiptAmount END) AS amount,
    whole_sum(coalesce(r.FunctionalReceiptAmount, CASE WHEN b.currency = b.home_currency THEN r.BankReceiptAmount END)) AS home_amount
  FROM sage300.ar_posted_receipts AS r
  JOIN models.dim_bank AS b ON b.company = r.company AND b.bank = r.BankCode
  WHERE r.CheckCleared = 'Outstanding' AND r.DateReturned IS NULL
  GROUP BY r.company, r.BankCode
),
ledger AS (
  -- The home currency's row of an account holds only what was posted in it.
  SELECT
    b.company, b.bank,
    CASE WHEN coalesce(t.account, k.account) IS NOT NULL THEN coalesce(CASE WHEN b.currency = b.home_currency THEN t.home_amount ELSE h.amount END, 0) END AS amount,
    CASE WHEN coalesce(t.account, k.account) IS NOT NULL THEN coalesce(t.home_amount, 0) END AS home_amount
  FROM models.dim_bank AS b
  LEFT JOIN held AS h ON h.company = b.company AND h.account = b.ledger_account AND h.currency = b.currency
  LEFT JOIN in_home_currency AS t ON t.company = b.company AND t.account = b.ledger_account
  LEFT JOIN models.dim_account AS k ON k.company = b.company AND k.account = b.ledger_account
)
SELECT
  b.company, b.bank, b.bank_name, b.ledger_account, b.currency, b.home_currency,
  b.ledger_account IS NOT NULL AND count(*) OVER (PARTITION BY b.company, b.ledger_account) > 1 AS shares_account,
  money(l.amount) AS ledger_amount,
  money(l.home_amount) AS home_ledger_amount,
  money(CASE WHEN p.bank IS NULL THEN 0 ELSE p.amount END) AS outstanding_payments,
  money(CASE WHEN p.bank IS NULL THEN 0 ELSE p.home_amount END) AS home_outstanding_payments,
  money(CASE WHEN r.bank IS NULL THEN 0 ELSE r.amount END) AS outstanding_receipts,
  money(CASE WHEN r.bank IS NULL THEN 0 ELSE r.home_amount END) AS home_outstanding_receipts,
  money(l.amount + CASE WHEN p.bank IS NULL THEN 0 ELSE p.amount END - CASE WHEN r.bank IS NULL THEN 0 ELSE r.amount END) AS expected_statement_amount
FROM models.dim_bank AS b
JOIN ledger AS l ON l.company = b.company AND l.bank = b.bank
LEFT JOIN paid AS p ON p.company = b.company AND p.bank = b.bank
LEFT JOIN received AS r ON r.company = b.company AND r.bank = b.bank
