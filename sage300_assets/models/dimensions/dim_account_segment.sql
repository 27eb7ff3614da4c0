-- Values that the segments of an account can have: divisions, regions, cost centres.
-- owner: team:general-ledger
-- grain: one code of one segment
-- keys: company, segment_number, segment_code
-- cadence: weekly
SELECT
  s.company, coalesce(period_number(s.SegmentNumber), 0) AS segment_number, s.SegmentCode AS segment_code, s.Description AS segment_name, s.ClosingAccount AS closing_account
FROM sage300.gl_segment_codes AS s
