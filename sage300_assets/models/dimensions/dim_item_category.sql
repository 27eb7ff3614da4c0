-- Categories of items, with the ledger accounts their sales and costs go to.
-- owner: team:inventory
-- grain: one category
-- keys: company, item_category
-- cadence: weekly
-- column cost_of_sales_account: as dim_account has it, however the category writes it
SELECT
  c.company, c.CategoryCode AS item_category, c.Description AS item_category_name,
  coalesce(s.account, c.SalesAccount) AS sales_account,
  coalesce(g.account, c.CostOfGoodsSoldAccount) AS cost_of_sales_account,
  coalesce(r.account, c.ReturnsAccount) AS returns_account
FROM sage300.ic_categories AS c
LEFT JOIN models.dim_account_spelling AS s ON s.company = c.company AND s.spelling = c.SalesAccount
LEFT JOIN models.dim_account_spelling AS g ON g.company = c.company AND g.spelling = c.CostOfGoodsSoldAccount
LEFT JOIN models.dim_account_spelling AS r ON r.company = c.company AND r.spelling = c.ReturnsAccount
