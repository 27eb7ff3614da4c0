-- Documents past their due date, of vendors and of customers.
-- owner: team:finance
-- grain: one overdue document
-- keys: company, side, party, document
-- cadence: daily
-- column side: payable or receivable
-- column party: vendor or customer
-- plot: SELECT concat_ws(' ', home_currency, side, age_bucket), sum(home_open_amount) FROM this GROUP BY 1 ORDER BY 1
SELECT
  a.company, 'payable' AS side, a.vendor AS party, a.vendor_name AS party_name, a.document, a.document_type, a.document_date, a.due_date, a.as_of_date,
  a.days_overdue, a.age_bucket, a.currency, a.home_currency, a.amount, a.home_amount, a.open_amount, a.home_open_amount
FROM models.mart_ap_ageing AS a
WHERE a.days_overdue > 0
UNION ALL
SELECT
  a.company, 'receivable', a.customer, a.customer_name, a.document, a.document_type, a.document_date, a.due_date, a.as_of_date,
  a.days_overdue, a.age_bucket, a.currency, a.home_currency, a.amount, a.home_amount, a.open_amount, a.home_open_amount
FROM models.mart_ar_ageing AS a
WHERE a.days_overdue > 0
