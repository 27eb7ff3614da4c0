-- Former and present versions of customers, each with the days for which it was so. It remembers what the lake forgets: keep the lake's _models folder.
-- owner: team:receivables
-- grain: one version of one customer
-- keys: company, customer
-- cadence: daily
-- history: true
-- column valid_from: first day on which it was so
-- column valid_to: first day on which it was so no longer; nothing for the present version
-- column stamped_on: day of the last change as Sage 300 dates it, of what was saved without a difference too; a new stamp alone is no new version and no change
--   of the table
SELECT
  company, customer, customer_name, customer_group, national_account, status, is_on_hold, city, state_province, country, territory, currency, terms,
  tax_group, account_set, control_account, salesperson, price_list, credit_limit, changed_on
FROM models.dim_customer
