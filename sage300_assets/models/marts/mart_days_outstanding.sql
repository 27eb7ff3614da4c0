-- Days sales and days payables outstanding: open items over the last ninety days' invoicing, times ninety. Credit notes count on both sides, tax is included on both.
--   Documents of all currencies are in one figure, so there are home amounts only. models.days_outstanding_as_of(date) gives the same for any day.
-- owner: team:finance
-- grain: one company and side
-- keys: company, side
-- cadence: daily
-- as_of: true
-- column side: receivable or payable
-- column days_outstanding: nothing when nothing was invoiced, or the amount of a document is not known in home currency
-- plot: SELECT company || ' ' || side, days_outstanding FROM this ORDER BY 1
WITH documents AS (
  SELECT d.company, 'payable' AS side, d.home_currency, d.document_date, d.home_amount, d.home_open_amount, d.document_type FROM models.fact_ap_document AS d
  UNION ALL
  SELECT d.company, 'receivable', d.home_currency, d.document_date, d.home_amount, d.home_open_amount, d.document_type FROM models.fact_ar_document AS d
),
taken AS (
  SELECT a.company, 'payable' AS side, a.application_date, a.home_amount FROM models.fact_ap_application AS a
  UNION ALL
  SELECT a.company, 'receivable', a.application_date, a.home_amount FROM models.fact_ar_application AS a
),
later AS (
  SELECT a.company, a.side, whole_sum(a.home_amount) AS home_amount
  FROM taken AS a
  CROSS JOIN run.today AS t
  WHERE a.application_date > t.as_of_date
  GROUP BY a.company, a.side
),
future AS (
  SELECT d.company, d.side, whole_sum(d.home_amount) AS home_amount
  FROM documents AS d
  CROSS JOIN run.today AS t
  WHERE d.document_date > t.as_of_date
  GROUP BY d.company, d.side
),
sums AS (
  SELECT
    d.company, d.side, d.home_currency, t.as_of_date,
    whole_sum(d.home_open_amount) AS home_open_amount,
    whole_sum(CASE WHEN d.document_date > t.as_of_date - 90 AND d.document_date <= t.as_of_date
      AND d.document_type IN ('Invoice', 'DebitNote', 'CreditNote') THEN d.home_amount ELSE 0 END) AS home_invoiced
  FROM documents AS d
  CROSS JOIN run.today AS t
  GROUP BY d.company, d.side, d.home_currency, t.as_of_date
),
opened AS (
  SELECT
    s.company, s.side, s.home_currency, s.as_of_date, s.home_invoiced,
    s.home_open_amount + CASE WHEN l.company IS NULL THEN 0 ELSE l.home_amount END - CASE WHEN f.company IS NULL THEN 0 ELSE f.home_amount END AS home_open_amount
  FROM sums AS s
  LEFT JOIN later AS l ON l.company = s.company AND l.side = s.side
  LEFT JOIN future AS f ON f.company = s.company AND f.side = s.side
)
SELECT
  o.company, o.side, o.home_currency AS currency, o.home_currency, o.as_of_date,
  money(o.home_open_amount) AS home_open_amount,
  money(o.home_invoiced) AS home_invoiced_amount,
  ratio(o.home_open_amount * 90, o.home_invoiced) AS days_outstanding
FROM opened AS o
