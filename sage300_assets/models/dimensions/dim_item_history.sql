-- Former and present versions of items, each with the days for which it was so. It remembers what the lake forgets: keep the lake's _models folder.
-- owner: team:inventory
-- grain: one version of one item
-- keys: company, item
-- cadence: daily
-- history: true
-- column valid_from: first day on which it was so
-- column valid_to: first day on which it was so no longer; nothing for the present version
-- column stamped_on: day of the last change as Sage 300 dates it, of what was saved without a difference too; a new stamp alone is no new version and no change
--   of the table
SELECT company, item, item_formatted, item_name, item_category, stocking_unit, costing_method, is_inactive, is_stock_item, is_sellable, default_price_list, changed_on
FROM models.dim_item
