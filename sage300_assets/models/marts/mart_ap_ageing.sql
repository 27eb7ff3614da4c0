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
-- column control_account: ledger account that the document is kept in, by its own account set or else that of its vendor; prepayments have one of their own
-- warn equals_control_account: WITH newest AS (SELECT company, max(fiscal_year) AS y FROM models.fact_gl_balance WHERE balance_set = 'A' GROUP BY 1),
--   now AS (SELECT b.company, b.account, sum(b.home_closing_amount) AS amount FROM models.fact_gl_balance AS b JOIN newest AS n
--   ON n.company = b.company AND n.y = b.fiscal_year WHERE b.balance_set = 'A' AND b.fiscal_period = 15 GROUP BY 1, 2),
--   later AS (SELECT l.company, l.account, sum(l.home_amount) AS amount FROM models.fact_gl_line AS l, run.today AS t WHERE l.journal_date > t.as_of_date
--   GROUP BY 1, 2), owed AS (SELECT company, control_account AS account, sum(home_open_amount) AS amount FROM this GROUP BY 1, 2),
--   every_account AS (SELECT company, account FROM owed UNION
--   SELECT company, control_account FROM models.dim_account_set WHERE side = 'payable' AND control_account IS NOT NULL),
--   compared AS (SELECT k.company, k.account, coalesce(o.amount, 0) AS documents, -(coalesce(n.amount, 0) - coalesce(r.amount, 0)) AS ledger
--   FROM every_account AS k LEFT JOIN owed AS o ON o.company = k.company AND o.account IS NOT DISTINCT FROM k.account
--   LEFT JOIN now AS n ON n.company = k.company AND n.account = k.account
--   LEFT JOIN later AS r ON r.company = k.company AND r.account = k.account) SELECT * FROM compared WHERE documents <> ledger
-- plot: SELECT concat_ws(' ', home_currency, age_bucket), sum(home_open_amount) FROM this GROUP BY 1 ORDER BY 1
WITH later AS (
  SELECT a.company, a.vendor, a.document, sum(a.amount) AS amount, whole_sum(a.home_amount) AS home_amount
  FROM models.fact_ap_application AS a
  CROSS JOIN run.today AS t
  WHERE a.application_date > t.as_of_date
  GROUP BY a.company, a.vendor, a.document
),
-- The ledger of documents does not say the account set; the invoice it was posted from does.
entered AS (
  SELECT company, vendor, document, max(account_set) AS account_set
  FROM models.fact_ap_invoice_line
  WHERE is_posted AND account_set IS NOT NULL
  GROUP BY company, vendor, document
),
opened AS (
  SELECT
    d.company, d.vendor, d.document, d.document_type, d.document_date, d.due_date, d.terms, d.currency, d.home_currency, d.exchange_rate,
    d.amount, d.home_amount,
    d.open_amount + coalesce(l.amount, 0) AS open_amount,
    d.home_open_amount + CASE WHEN l.document IS NULL THEN 0 ELSE l.home_amount END AS home_open_amount,
    t.as_of_date,
    date_diff('day', coalesce(d.due_date, d.document_date), t.as_of_date) AS days_overdue
  FROM models.fact_ap_document AS d
  CROSS JOIN run.today AS t
  LEFT JOIN later AS l ON l.company = d.company AND l.vendor = d.vendor AND l.document = d.document
  WHERE d.document_date <= t.as_of_date
)
SELECT
  o.company, o.vendor, v.vendor_name, v.vendor_group, o.document, o.document_type, o.document_date, o.due_date, o.terms,
  CASE WHEN o.document_type ILIKE '%prepayment%' THEN s.prepayment_account ELSE s.control_account END AS control_account,
  o.currency, o.home_currency, o.exchange_rate, o.amount, o.home_amount,
  money(o.open_amount) AS open_amount,
  money(o.home_open_amount) AS home_open_amount,
  o.as_of_date,
  whole(o.days_overdue) AS days_overdue,
  age_bucket(o.days_overdue) AS age_bucket
FROM opened AS o
LEFT JOIN models.dim_vendor AS v ON v.company = o.company AND v.vendor = o.vendor
LEFT JOIN entered AS i ON i.company = o.company AND i.vendor = o.vendor AND i.document = o.document
LEFT JOIN models.dim_account_set AS s ON s.company = o.company AND s.side = 'payable' AND s.account_set = coalesce(i.account_set, v.account_set)
WHERE o.open_amount <> 0 OR o.home_open_amount <> 0
