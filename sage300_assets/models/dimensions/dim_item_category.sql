-- Categories of items, with the ledger accounts their sales and costs go to.
-- owner: team:inventory
-- grain: one category
-- keys: company, item_category
-- cadence: weekly
-- column cost_of_sales_account: as dim_account has it, however the category writes it
WITH names AS (
  -- Whether a category names an account with separators or without depends on the server.
  SELECT company, UnformattedAccount AS name, UnformattedAccount AS account FROM sage300.gl_accounts
  UNION ALL
  SELECT company, AccountNumber, UnformattedAccount FROM sage300.gl_accounts
),
accounts AS (
  SELECT company, name, min(account) AS account FROM names GROUP BY company, name
)
SELECT
  c.company, c.CategoryCode AS item_category, c.Description AS item_category_name,
  coalesce(s.account, c.SalesAccount) AS sales_account,
  coalesce(g.account, c.CostOfGoodsSoldAccount) AS cost_of_sales_account,
  coalesce(r.account, c.ReturnsAccount) AS returns_account
FROM sage300.ic_categories AS c
LEFT JOIN accounts AS s ON s.company = c.company AND s.name = c.SalesAccount
LEFT JOIN accounts AS g ON g.company = c.company AND g.name = c.CostOfGoodsSoldAccount
LEFT JOIN accounts AS r ON r.company = c.company AND r.name = c.ReturnsAccount
