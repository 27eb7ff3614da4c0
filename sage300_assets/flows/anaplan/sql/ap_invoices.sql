-- A document that is not posted is not in the ledger, and a line without an amount adds nothing. What has one is never left out.
SELECT
  vendor, account, date_trunc('month', document_date) AS month, sum(home_amount) AS amount,
  CASE
    WHEN account IS NULL THEN concat('document ', document, ' of vendor ', vendor, ' has an amount without an account')
    WHEN home_amount IS NULL THEN concat('document ', document, ' of vendor ', vendor, ' has no amount in home currency')
  END AS wrong
FROM models.fact_ap_invoice_line AS l
WHERE l.company = getvariable('company') AND l.is_posted AND coalesce(l.home_amount, l.amount) IS DISTINCT FROM 0
GROUP BY ALL
