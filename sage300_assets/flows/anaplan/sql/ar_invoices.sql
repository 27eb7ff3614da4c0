SELECT customer, account, date_trunc('month', document_date) AS month, sum(home_amount) AS amount
FROM models.fact_ar_invoice_line
WHERE company = getvariable('company') AND is_posted AND account IS NOT NULL
GROUP BY ALL
