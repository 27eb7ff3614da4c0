-- Former and present versions of vendors, each with the days for which it was so. It remembers what the lake forgets: keep the lake's _models folder.
-- owner: team:payables
-- grain: one version of one vendor
-- keys: company, vendor
-- cadence: daily
-- history: true
-- column valid_from: first day on which it was so
-- column valid_to: first day on which it was so no longer; nothing for the present version
-- column stamped_on: day of the last change as Sage 300 dates it, of what was saved without a difference too; a new stamp alone is no new version and no change
--   of the table
SELECT
  company, vendor, vendor_name, vendor_group, status, is_on_hold, city, state_province, country, currency, terms, tax_group, account_set, control_account,
  bank, payment_code, credit_limit, changed_on
FROM models.dim_vendor
