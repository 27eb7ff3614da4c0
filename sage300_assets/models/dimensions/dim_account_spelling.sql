-- Every way in which an account is written: without separators, as balances carry it, and with them. Which of the two a bank, an account set, a category or a document
--   uses depends on the server. It changes with the accounts there are and not with what is said about them, so that what looks accounts up is seldom built anew.
-- owner: team:general-ledger
-- grain: one way to write an account
-- keys: company, spelling
-- cadence: daily
-- reference: account -> dim_account
-- column account: as dim_account has it
WITH spelled AS (
  SELECT a.company, a.UnformattedAccount AS spelling, a.UnformattedAccount AS account FROM sage300.gl_accounts AS a
  UNION ALL
  SELECT a.company, a.AccountNumber, a.UnformattedAccount FROM sage300.gl_accounts AS a WHERE a.AccountNumber <> ''
)
-- What is one account without separators is that one, whoever else is written so.
SELECT s.company, s.spelling, coalesce(min(CASE WHEN s.account = s.spelling THEN s.account END), min(s.account)) AS account
FROM spelled AS s
GROUP BY s.company, s.spelling
