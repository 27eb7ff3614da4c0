-- A few rows of each model that the imports read.
CREATE SCHEMA models;
CREATE TABLE models.dim_account AS SELECT * FROM (VALUES
  ('SAMLTD', '6000100', 'Rent, "head" office', 'EXP', 'Expenses', '6000', '100'), ('SAMLTD', '6000200', 'Rent' || chr(10) || 'East', 'EXP', 'Expenses', '6000', '200'),
  ('SAMLTD', '2300100', 'Accrued', 'OTHER', 'Other', '2300', '100'), ('SAMINC', '9', 'Not ours', 'X', 'X', '9', '9'))
  AS t(company, account, account_name, account_group, account_group_name, segment_1, cost_centre);
CREATE TABLE models.dim_account_segment AS SELECT * FROM (VALUES ('SAMLTD', 2, '100', 'Head office'), ('SAMLTD', 2, '200', 'East'),
  ('SAMLTD', 1, '6000', 'Rent')) AS t(company, segment_number, segment_code, segment_name);
CREATE TABLE models.dim_vendor_group AS SELECT * FROM (VALUES ('SAMLTD', 'WPS', 'Paper; supplies')) AS t(company, vendor_group, vendor_group_name);
CREATE TABLE models.dim_vendor AS SELECT * FROM (VALUES ('SAMLTD', 'O''NEIL', 'Twin', 'WPS', 'CAD', 'N30', false, 'Active'),
  ('SAMLTD', 'ÉCLAIR', 'Twin', NULL, 'USD', NULL, true, 'Inactive')) AS t(company, vendor, vendor_name, vendor_group, currency, terms, is_on_hold, status);
CREATE TABLE models.dim_customer_group AS SELECT 'SAMLTD' AS company, 'WHL' AS customer_group, 'Wholesale' AS customer_group_name;
CREATE TABLE models.dim_customer AS SELECT 'SAMLTD' AS company, '1200' AS customer, 'Ronald' AS customer_name, 'WHL' AS customer_group;
CREATE TABLE models.dim_item_category AS SELECT 'SAMLTD' AS company, 'LGT' AS item_category, 'Light' AS item_category_name, '6000200' AS cost_of_sales_account;
CREATE TABLE models.dim_item AS SELECT 'SAMLTD' AS company, 'A1' AS item, 'A-1' AS item_formatted, 'Lamp' AS item_name, 'LGT' AS item_category;
CREATE TABLE models.dim_fiscal_period AS SELECT 'SAMLTD' AS company, 2026 AS fiscal_year, n::INTEGER AS fiscal_period, 'period' AS kind,
  make_date(2026, n::INTEGER, 1) AS start_date, last_day(make_date(2026, n::INTEGER, 1)) AS end_date, true AS is_open,
  '2026-' || lpad(n::VARCHAR, 2, '0') AS period_label FROM range(1, 13) AS r(n)
  UNION ALL SELECT 'SAMLTD', 2026, 14, 'adjustment', DATE '2026-12-31', DATE '2026-12-31', true, '2026-14';
CREATE TABLE models.fact_gl_balance AS SELECT * FROM (VALUES ('SAMLTD', '6000100', 2026, 1, 'A', 1234.56::DECIMAL(18,3)),
  ('SAMLTD', '2300100', 2026, 1, 'A', -1234.56), ('SAMLTD', '6000100', 2026, 12, 'A', 0.1), ('SAMLTD', '6000100', 2026, 14, 'A', 0.2),
  ('SAMLTD', '6000200', 2026, 1, '1', 99999999999.99), ('SAMINC', '9', 2026, 1, 'A', 5)) AS t(company, account, fiscal_year, fiscal_period, balance_set, home_net_amount);
CREATE TABLE models.fact_purchase_order_line AS SELECT * FROM (VALUES
  ('SAMLTD', 7, 20, 'PO1', 'O''NEIL', 'A-1', 'Lamp', DATE '2026-03-05', 10::DECIMAL(18,4), 4.5::DECIMAL(18,4), 10.01::DECIMAL(18,3), 12.34::DECIMAL(18,3), 'CAD'),
  ('SAMLTD', 7, 40, 'PO1', 'O''NEIL', 'B-9', 'Cable', DATE '2026-03-06', 1, 1, 7, 7, 'CAD'),
  ('SAMLTD', 8, 20, 'PO2', 'ÉCLAIR', 'A-1', 'Lamp', DATE '2026-04-01', 1, 0, 0, 0, 'USD'))
  AS t(company, order_key, line, purchase_order, vendor, item_formatted, item_name, order_date, quantity_ordered, quantity_outstanding, open_commitment,
       home_open_commitment, currency);
CREATE TABLE models.fact_ap_invoice_line AS SELECT *, home_amount AS amount FROM (VALUES
  ('SAMLTD', true, 'O''NEIL', 'IN1', '6000100', DATE '2026-02-03', 1.1::DECIMAL(18,3)), ('SAMLTD', true, 'O''NEIL', 'IN2', '6000100', DATE '2026-02-27', 2.2),
  ('SAMLTD', false, 'O''NEIL', 'IN3', '6000100', DATE '2026-02-27', 100), ('SAMLTD', true, 'ÉCLAIR', 'IN4', '6000200', DATE '2026-02-03', -0.35))
  AS t(company, is_posted, vendor, document, account, document_date, home_amount);
CREATE TABLE models.fact_ar_invoice_line AS SELECT 'SAMLTD' AS company, true AS is_posted, '1200' AS customer, 'IN5' AS document, '6000100' AS account,
  DATE '2026-05-05' AS document_date, 4321.09::DECIMAL(18,3) AS home_amount, 4321.09::DECIMAL(18,3) AS amount;
CREATE TABLE models.fact_ap_document AS SELECT 'SAMLTD' AS company, 'O''NEIL' AS vendor, 'IN1' AS document, DATE '2026-05-08' AS document_date,
  DATE '2026-06-07' AS due_date, 55.5::DECIMAL(18,3) AS open_amount, 55.5::DECIMAL(18,3) AS home_open_amount;
