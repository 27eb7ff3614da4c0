SELECT order_key || '-' || line AS code, coalesce(purchase_order, '') || ' ' || coalesce(item_name, '') AS name
FROM models.fact_purchase_order_line
WHERE company = getvariable('company') AND quantity_outstanding <> 0
