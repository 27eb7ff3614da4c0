-- Base and sale price of each item, by price list and currency.
-- owner: team:sales
-- grain: one item on one price list in one currency
-- keys: company, price_list, item, currency
-- cadence: weekly
-- reference: item -> dim_item
SELECT
  p.company, p.PriceListCode AS price_list, p.UnformattedItemNumber AS item, p.CurrencyCode AS currency, c.home_currency, p.Description AS description,
  price(p.BasePrice) AS base_price, price(nullif(p.SalePrice, 0)) AS sale_price, p.SaleStartDate AS sale_start, p.SaleEndDate AS sale_end,
  price(p.MarkupCost) AS markup_cost
FROM sage300.ic_item_pricing AS p
LEFT JOIN models.dim_company AS c ON c.company = p.company
