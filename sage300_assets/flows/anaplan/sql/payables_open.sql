-- What has no day on which it is due is due at once, as in the ageing reports.
SELECT
  vendor, date_trunc('month', coalesce(due_date, document_date)) AS month, sum(home_open_amount) AS amount,
  CASE WHEN home_open_amount IS NULL THEN concat('document ', document, ' of vendor ', vendor, ' has no open amount in home currency') END AS wrong
FROM models.fact_ap_document
WHERE company = getvariable('company') AND coalesce(home_open_amount, open_amount) IS DISTINCT FROM 0
GROUP BY ALL
