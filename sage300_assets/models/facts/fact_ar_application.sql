-- What was taken off each customer document, and when. A line `rest` closes the gap between what is known and what is still due: discounts that
--   no line tells of, settlements from before the lake begins, rounding in home currency. So amount minus applications is exactly what is due.
-- owner: team:receivables
-- grain: one application of a receipt, an adjustment or a note to a document, or what the customer kept back of it
-- keys: company, customer, document, application
-- cadence: daily
-- reference: customer, document -> fact_ar_document
-- column kind: receipt, adjustment, used (of a credit note or prepayment that was applied to others), note (on either of its documents), reversal, retained
--   (kept back by the customer: on a ledger account of its own from the day of the document, and due on another document later) or rest
-- column application_date: the day of the receipt, of its reversal or of the note, as the ledger dates it. A rest has the day of the last application, or else of the last
--   activity; what is due again though it was settled has that of the last activity; more than a tenth of a document that is older than all applications
--   known was settled before them
-- column amount: what it took off the document, in its currency
-- check leaves_what_is_due: WITH a AS (SELECT company, customer, document, sum(amount) AS amount, sum(home_amount) AS home_amount FROM this GROUP BY ALL)
--   SELECT d.company, d.customer, d.document FROM models.fact_ar_document AS d
--   LEFT JOIN a ON a.company = d.company AND a.customer = d.customer AND a.document = d.document
--   WHERE d.amount - coalesce(a.amount, 0) <> d.open_amount OR d.home_amount - coalesce(a.home_amount, 0) <> d.home_open_amount
-- warn rests_are_explained: WITH f AS (SELECT company, min(application_date) AS first_date FROM this WHERE kind NOT IN ('rest', 'retained') GROUP BY 1)
--   SELECT d.company, d.customer, d.document, d.document_date, d.amount, d.open_amount, r.amount AS rest FROM this AS r
--   JOIN models.fact_ar_document AS d ON d.company = r.company AND d.customer = r.customer AND d.document = r.document
--   LEFT JOIN f ON f.company = r.company WHERE r.kind = 'rest' AND (sign(r.amount) = -sign(d.amount) AND r.amount <> 0
--   OR abs(r.amount) * 10 > abs(d.amount) AND d.document_date >= coalesce(f.first_date, d.document_date))
WITH known AS (
  SELECT
    s.company, s.customer, s.document, s.application, s.kind, s.application_date, s.bank, s.receipt_number, d.currency, d.home_currency, s.amount,
    CASE WHEN d.amount = 0 THEN money(0) ELSE rounded(share(d.home_amount, s.amount, d.amount), c.home_decimals) END AS home_amount
  FROM models.stg_ar_application AS s
  JOIN models.fact_ar_document AS d ON d.company = s.company AND d.customer = s.customer AND d.document = s.document
  LEFT JOIN models.dim_company AS c ON c.company = s.company
  UNION ALL
  SELECT
    d.company, d.customer, d.document, 'retained', 'retained', d.document_date, NULL, NULL, d.currency, d.home_currency, d.original_retained_amount,
    coalesce(d.home_original_retained_amount, rounded_share(d.home_amount, d.original_retained_amount, d.amount, c.home_decimals))
  FROM models.fact_ar_document AS d
  LEFT JOIN models.dim_company AS c ON c.company = d.company
  WHERE d.original_retained_amount <> 0
),
taken AS (
  SELECT
    company, customer, document, sum(amount) AS amount, sum(home_amount) AS home_amount,
    max(CASE WHEN kind <> 'retained' THEN application_date END) AS last_date
  FROM known
  GROUP BY company, customer, document
),
first_known AS (
  SELECT company, min(application_date) AS first_date FROM known WHERE kind NOT IN ('note', 'retained') GROUP BY company
),
gap AS (
  SELECT
    d.company, d.customer, d.document, d.currency, d.home_currency, d.document_date, d.paid_date, d.last_activity_date, t.last_date, d.amount AS document_amount,
    d.amount - d.open_amount - coalesce(t.amount, 0) AS amount,
    d.home_amount - d.home_open_amount - coalesce(t.home_amount, 0) AS home_amount
  FROM models.fact_ar_document AS d
  LEFT JOIN taken AS t ON t.company = d.company AND t.customer = d.customer AND t.document = d.document
)
SELECT company, customer, document, application, kind, application_date, bank, receipt_number, currency, home_currency, amount, home_amount
FROM known
UNION ALL
SELECT
  g.company, g.customer, g.document, 'rest', 'rest',
  CASE
    WHEN g.amount * sign(g.document_amount) < 0 THEN coalesce(greatest(g.last_activity_date, g.last_date), g.document_date)
    WHEN g.document_date < f.first_date AND g.last_date IS NOT NULL AND abs(g.amount) * 10 > abs(g.document_amount) THEN greatest(g.document_date, f.first_date - 1)
    ELSE coalesce(g.last_date, g.paid_date, g.last_activity_date, g.document_date)
  END,
  NULL, NULL, g.currency, g.home_currency, money(g.amount), money(g.home_amount)
FROM gap AS g
LEFT JOIN first_known AS f ON f.company = g.company
WHERE g.amount <> 0 OR g.home_amount <> 0
