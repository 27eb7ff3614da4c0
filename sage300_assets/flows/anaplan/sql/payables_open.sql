SELECT vendor, date_trunc('month', due_date) AS month, sum(home_open_amount) AS amount
FROM models.fact_ap_document
WHERE company = getvariable('company') AND home_open_amount <> 0
GROUP BY ALL
