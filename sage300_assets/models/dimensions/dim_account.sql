-- The chart of accounts, with the segments of each account split out. The first segment is the natural account; the second is taken for the
--   cost centre, as in Sage 300's own sample structures. Where yours differs, this line is the only one to change.
-- owner: team:general-ledger
-- grain: one account
-- keys: company, account
-- cadence: daily
-- column account: without separators, as transactions carry it
-- column account_formatted: as people write it
-- column cost_centre: second segment
-- column statement: balance sheet or income statement
-- column presentation_sign: what a debit-positive amount is multiplied by to be shown the usual way round
SELECT
  a.company,
  a.UnformattedAccount AS account,
  a.AccountNumber AS account_formatted,
  a.Description AS account_name,
  a.AccountGroupCode AS account_group,
  g.AccountGroupDescription AS account_group_name,
  g.GroupCategory AS group_category,
  coalesce(g.AccountGroupSortCode, a.AccountGroupSortCode) AS group_sort,
  CASE a.AccountType WHEN 'IncomeStatement' THEN 'income statement' ELSE 'balance sheet' END AS statement,
  a.AccountType AS account_type,
  a.NormalBalanceDRCR AS normal_balance,
  CASE a.NormalBalanceDRCR WHEN 'Credit' THEN -1 ELSE 1 END AS presentation_sign,
  a.Status AS status,
  a.StructureCode AS structure,
  a.AccountSegmentCode2 AS cost_centre,
  a.AccountSegmentCode1 AS segment_1,
  a.AccountSegmentCode2 AS segment_2,
  a.AccountSegmentCode3 AS segment_3,
  a.AccountSegmentCode4 AS segment_4,
  a.AccountSegmentCode5 AS segment_5,
  a.AccountSegmentCode6 AS segment_6,
  a.AccountSegmentCode7 AS segment_7,
  a.AccountSegmentCode8 AS segment_8,
  a.AccountSegmentCode9 AS segment_9,
  a.AccountSegmentCode10 AS segment_10,
  s.Description AS cost_centre_name,
  a.ControlAccount = 'Yes' AS is_control_account,
  a.Multicurrency = 'Yes' AS is_multicurrency,
  a.QuantitiesAllowed = 'Yes' AS keeps_quantities,
  a.UnitOfMeasure AS unit_of_measure
FROM sage300.gl_accounts AS a
LEFT JOIN sage300.gl_account_groups AS g ON g.company = a.company AND g.AccountGroupCode = a.AccountGroupCode
LEFT JOIN sage300.gl_segment_codes AS s
  ON s.company = a.company AND TRY_CAST(s.SegmentNumber AS INTEGER) = 2 AND s.SegmentCode = a.AccountSegmentCode2
