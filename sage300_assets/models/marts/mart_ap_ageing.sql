-- Vendor ageing: every document that is open on a day, with how late it is. The table is as of the day it was built; the function
--   models.ap_ageing_as_of(date) gives the same for any day: documents dated until then, less what was taken off them until then.
-- owner: team:payables
-- grain: one open document
-- keys: company, vendor, document
-- cadence: daily
-- as_of: true
-- reference: vendor -> dim_vendor
-- column open_amount: still due on that day, in the document's currency; credit notes are negative
-- column home_open_amount: still due on that day, in home currency at the document's own rate
-- column days_overdue: days after the due date; negative before it
-- column age_bucket: as ageing reports group it
-- column control_account: ledger account that the document is kept in
-- warn equals_control_account: WITH newest AS (SELECT company, max(fiscal_year) AS y FROM models.fact_gl_balance WHERE balance_set = 'A' GROUP BY 1),
--   now AS (SELECT b.company, b.account, sum(b.home_closing_amount) AS amount FROM models.fact_gl_balance AS b JOIN newest AS n
--   ON n.company = b.company AND n.y = b.fiscal_year WHERE b.balance_set = 'A' AND b.fiscal_period = 15 GROUP BY 1, 2),
--   later AS (SELECT l.company, l.account, sum(l.home_amount) AS amount FROM models.fact_gl_line AS l, run.today AS t WHERE l.journal_date > t.as_of_date
--   GROUP BY 1, 2), owed AS (SELECT company, control_account AS account, sum(home_open_amount) AS amount FROM this GROUP BY 1, 2)
--   SELECT o.company, o.account, o.amount AS documents, -(coalesce(n.amount, 0) - coalesce(r.amount, 0)) AS ledger FROM owed AS o
--   LEFT JOIN now AS n ON n.company = o.company AND n.account = o.account
--   LEFT JOIN later AS r ON r.company = o.company AND r.account = o.account
--   WHERE o.amount <> -(coalesce(n.amount, 0) - coalesce(r.amount, 0))
-- plot: SELECT age_bucket, sum(home_open_amount) FROM this GROUP BY 1 ORDER BY 1
WITH later AS (
  SELECT a.company, a.vendor, a.document, sum(a.amount) AS amount, sum(a.home_amount) AS home_amount
  FROM models.fact_ap_application AS a
  CROSS JOIN run.today AS t
  WHERE a.application_date > t.as_of_date
  GROUP BY a.company, a.vendor, a.document
),
opened AS (
  SELECT
    d.company, d.vendor, d.document, d.document_type, d.document_date, d.due_date, d.terms, d.currency, d.home_currency, d.exchange_rate,
    d.amount, d.home_amount,
    d.open_amount + coalesce(l.amount, 0) AS open_amount,
    d.home_open_amount + coalesce(l.home_amount, 0) AS home_open_amount,
    t.as_of_date,
    date_diff('day', coalesce(d.due_date, d.document_date), t.as_of_date) AS days_overdue
  FROM models.fact_ap_document AS d
  CROSS JOIN run.today AS t
  LEFT JOIN later AS l ON l.company = d.company AND l.vendor = d.vendor AND l.document = d.document
  WHERE d.document_date <= t.as_of_date
)
SELECT
  o.company, o.vendor, v.vendor_name, v.vendor_group, o.document, o.document_type, o.document_date, o.due_date, o.terms,
  v.control_account, o.currency, o.home_currency, o.exchange_rate, o.amount, o.home_amount,
  money(o.open_amount) AS open_amount,
  money(o.home_open_amount) AS home_open_amount,
  o.as_of_date,
  whole(o.days_overdue) AS days_overdue,
  age_bucket(o.days_overdue) AS age_bucket
FROM opened AS o
LEFT JOIN models.dim_vendor AS v ON v.company = o.company AND v.vendor = o.vendor
WHERE o.open_amount <> 0 OR o.home_open_amount <> 0
