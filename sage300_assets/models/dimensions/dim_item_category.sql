-- Categories of items, with the ledger accounts their sales and costs go to.
-- owner: team:inventory
-- grain: one category
-- keys: company, item_category
-- cadence: weekly
SELECT
  c.company, c.CategoryCode AS item_category, c.Description AS item_category_name, c.SalesAccount AS sales_account,
  c.CostOfGoodsSoldAccount AS cost_of_sales_account, c.ReturnsAccount AS returns_account
FROM sage300.ic_categories AS c
