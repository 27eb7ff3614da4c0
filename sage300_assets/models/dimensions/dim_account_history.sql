-- Former and present versions of accounts, each with the days for which it was so. It remembers what the lake forgets: keep the lake's _models folder.
-- owner: team:general-ledger
-- grain: one version of one account
-- keys: company, account
-- cadence: daily
-- history: true
-- column valid_from: first day on which it was so
-- column valid_to: first day on which it was so no longer; nothing for the present version
-- column stamped_on: day of the last change as Sage 300 dates it, of what was saved without a difference too; a new stamp alone is no new version and no change
--   of the table
SELECT
  a.company, a.UnformattedAccount AS account, a.Description AS account_name, a.AccountGroupCode AS account_group, a.AccountType AS account_type,
  a.NormalBalanceDRCR AS normal_balance, a.Status AS status, a.AccountSegmentCode2 AS cost_centre, a.ControlAccount AS control_account, a.business_date AS changed_on
FROM sage300.gl_accounts AS a
