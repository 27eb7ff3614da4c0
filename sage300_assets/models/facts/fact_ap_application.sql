-- What was taken off each vendor document, and when. A line `rest` closes the gap between what is known and what is still due: discounts that
--   no line tells of, settlements from before the lake begins, what is retained,
--   which payables do not tell by document, rounding in home currency. So amount minus applications is exactly what is due.
-- owner: team:payables
-- grain: one application of a payment, an adjustment or a note to a document
-- keys: company, vendor, document, application
-- cadence: daily
-- reference: vendor, document -> fact_ap_document
-- column kind: payment, adjustment, used (of a credit note or prepayment that was applied to others), note (on either of its documents), reversal or rest
-- column application_date: the day of the payment, of its reversal or of the note, as the ledger dates it. A rest has the day of the last application, or else of the last
--   activity; what is due again though it was settled has that of the last activity; more than a tenth of a document that is older than all applications
--   known was settled before them
-- column amount: what it took off the document, in its currency
-- check leaves_what_is_due: WITH a AS (SELECT company, vendor, document, sum(amount) AS amount, sum(home_amount) AS home_amount FROM this GROUP BY ALL)
--   SELECT d.company, d.vendor, d.document FROM models.fact_ap_document AS d
--   LEFT JOIN a ON a.company = d.company AND a.vendor = d.vendor AND a.document = d.document
--   WHERE d.amount - coalesce(a.amount, 0) <> d.open_amount OR d.home_amount - coalesce(a.home_amount, 0) <> d.home_open_amount
-- warn rests_are_explained: WITH f AS (SELECT company, min(application_date) AS first_date FROM this WHERE kind <> 'rest' GROUP BY 1)
--   SELECT d.company, d.vendor, d.document, d.document_date, d.amount, d.open_amount, r.amount AS rest FROM this AS r
--   JOIN models.fact_ap_document AS d ON d.company = r.company AND d.vendor = r.vendor AND d.document = r.document
--   LEFT JOIN f ON f.company = r.company WHERE r.kind = 'rest' AND (sign(r.amount) = -sign(d.amount) AND r.amount <> 0
--   OR abs(r.amount) * 10 > abs(d.amount) AND d.document_date >= coalesce(f.first_date, d.document_date))
WITH known AS (
  SELECT
    s.company, s.vendor, s.document, s.application, s.kind, s.application_date, s.bank, s.payment_number, d.currency, d.home_currency, s.amount,
    CASE WHEN d.amount = 0 THEN money(0) ELSE rounded(share(d.home_amount, s.amount, d.amount), c.home_decimals) END AS home_amount
  FROM models.stg_ap_application AS s
  JOIN models.fact_ap_document AS d ON d.company = s.company AND d.vendor = s.vendor AND d.document = s.document
  LEFT JOIN models.dim_company AS c ON c.company = s.company
),
taken AS (
  SELECT company, vendor, document, sum(amount) AS amount, sum(home_amount) AS home_amount, max(application_date) AS last_date
  FROM known
  GROUP BY company, vendor, document
),
first_known AS (
  SELECT company, min(application_date) AS first_date FROM known WHERE kind <> 'note' GROUP BY company
),
gap AS (
  SELECT
    d.company, d.vendor, d.document, d.currency, d.home_currency, d.document_date, d.paid_date, d.last_activity_date, t.last_date, d.amount AS document_amount,
    d.amount - d.open_amount - coalesce(t.amount, 0) AS amount,
    d.home_amount - d.home_open_amount - coalesce(t.home_amount, 0) AS home_amount
  FROM models.fact_ap_document AS d
  LEFT JOIN taken AS t ON t.company = d.company AND t.vendor = d.vendor AND t.document = d.document
)
SELECT company, vendor, document, application, kind, application_date, bank, payment_number, currency, home_currency, amount, home_amount
FROM known
UNION ALL
SELECT
  g.company, g.vendor, g.document, 'rest', 'rest',
  CASE
    WHEN g.amount * sign(g.document_amount) < 0 THEN coalesce(greatest(g.last_activity_date, g.last_date), g.document_date)
    WHEN g.document_date < f.first_date AND g.last_date IS NOT NULL AND abs(g.amount) * 10 > abs(g.document_amount) THEN greatest(g.document_date, f.first_date - 1)
    ELSE coalesce(g.last_date, g.paid_date, g.last_activity_date, g.document_date)
  END,
  NULL, NULL, g.currency, g.home_currency, money(g.amount), money(g.home_amount)
FROM gap AS g
LEFT JOIN first_known AS f ON f.company = g.company
WHERE g.amount <> 0 OR g.home_amount <> 0
