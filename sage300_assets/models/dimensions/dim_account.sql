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
-- column posts_consolidated: lines of a batch on it become one when they are posted
WITH codes AS (
  SELECT company, period_number(SegmentNumber) AS segment_number, SegmentCode AS segment_code, Description AS segment_name
  FROM sage300.gl_segment_codes
)
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
  s1.segment_name AS segment_1_name,
  a.AccountSegmentCode2 AS segment_2,
  s2.segment_name AS segment_2_name,
  a.AccountSegmentCode3 AS segment_3,
  s3.segment_name AS segment_3_name,
  a.AccountSegmentCode4 AS segment_4,
  s4.segment_name AS segment_4_name,
  a.AccountSegmentCode5 AS segment_5,
  s5.segment_name AS segment_5_name,
  a.AccountSegmentCode6 AS segment_6,
  s6.segment_name AS segment_6_name,
  a.AccountSegmentCode7 AS segment_7,
  s7.segment_name AS segment_7_name,
  a.AccountSegmentCode8 AS segment_8,
  s8.segment_name AS segment_8_name,
  a.AccountSegmentCode9 AS segment_9,
  s9.segment_name AS segment_9_name,
  a.AccountSegmentCode10 AS segment_10,
  s10.segment_name AS segment_10_name,
  s2.segment_name AS cost_centre_name,
  a.ControlAccount = 'Yes' AS is_control_account,
  a.Multicurrency = 'Yes' AS is_multicurrency,
  a.QuantitiesAllowed = 'Yes' AS keeps_quantities,
  a.UnitOfMeasure AS unit_of_measure,
  coalesce(a.PostToAccount ILIKE 'consol%', false) AS posts_consolidated
FROM sage300.gl_accounts AS a
LEFT JOIN sage300.gl_account_groups AS g ON g.company = a.company AND g.AccountGroupCode = a.AccountGroupCode
LEFT JOIN codes AS s1 ON s1.company = a.company AND s1.segment_number = 1 AND s1.segment_code = a.AccountSegmentCode1
LEFT JOIN codes AS s2 ON s2.company = a.company AND s2.segment_number = 2 AND s2.segment_code = a.AccountSegmentCode2
LEFT JOIN codes AS s3 ON s3.company = a.company AND s3.segment_number = 3 AND s3.segment_code = a.AccountSegmentCode3
LEFT JOIN codes AS s4 ON s4.company = a.company AND s4.segment_number = 4 AND s4.segment_code = a.AccountSegmentCode4
LEFT JOIN codes AS s5 ON s5.company = a.company AND s5.segment_number = 5 AND s5.segment_code = a.AccountSegmentCode5
LEFT JOIN codes AS s6 ON s6.company = a.company AND s6.segment_number = 6 AND s6.segment_code = a.AccountSegmentCode6
LEFT JOIN codes AS s7 ON s7.company = a.company AND s7.segment_number = 7 AND s7.segment_code = a.AccountSegmentCode7
LEFT JOIN codes AS s8 ON s8.company = a.company AND s8.segment_number = 8 AND s8.segment_code = a.AccountSegmentCode8
LEFT JOIN codes AS s9 ON s9.company = a.company AND s9.segment_number = 9 AND s9.segment_code = a.AccountSegmentCode9
LEFT JOIN codes AS s10 ON s10.company = a.company AND s10.segment_number = 10 AND s10.segment_code = a.AccountSegmentCode10
