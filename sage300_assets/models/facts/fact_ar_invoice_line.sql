-- Lines of customer invoices and credit notes as they were entered, posted or not. Amounts of credit notes are negative.
-- owner: team:receivables
-- grain: one line of an entered document
-- keys: company, batch, entry, line
-- cadence: daily
-- partition: ar_invoice_batches
-- reference: customer -> dim_customer
-- reference: account -> dim_account
-- reference: currency -> dim_currency
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column account: as dim_account has it, however the line writes it
-- column is_posted: only posted lines are in the ledger
-- column amount: without tax, in the document's currency
-- column home_amount: the same in home currency, as Sage 300 tells it
-- column retained_amount: kept back by the customer until later
-- column business_date: the day the batch was last edited; files are cut by its month
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(abs(ExtendedAmountWithoutTIP)) AS s FROM sage300.ar_invoice_details GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(abs(amount)) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
SELECT
  l.company,
  whole(l.BatchNumber) AS batch,
  whole(l.EntryNumber) AS entry,
  whole(l.LineNumber) AS line,
  b.BatchStatus = 'Posted' AS is_posted,
  i.CustomerNumber AS customer,
  i.DocumentNumber AS document,
  i.DocumentType AS document_type,
  i.DocumentDate AS document_date,
  CAST(nullif(i.FiscalYear, '') AS INTEGER) AS fiscal_year,
  period_number(i.FiscalPeriod) AS fiscal_period,
  nullif(i.OrderNumber, '') AS sales_order,
  coalesce(n.account, nullif(l.RevenueAccount, '')) AS account,
  l.Description AS description,
  nullif(l.DistributionCode, '') AS distribution_code,
  nullif(l.ItemNumber, '') AS item_formatted,
  nullif(l.Contract, '') AS contract,
  nullif(l.Project, '') AS project,
  nullif(l.Category, '') AS project_category,
  price(l.Quantity) AS quantity,
  i.CurrencyCode AS currency,
  c.home_currency,
  rate(i.ExchangeRate) AS exchange_rate,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.ExtendedAmountWithoutTIP ELSE l.ExtendedAmountWithoutTIP END) AS amount,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.TaxTotal ELSE l.TaxTotal END) AS tax_amount,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.FunctionalDistributionNetOfTaxes ELSE l.FunctionalDistributionNetOfTaxes END) AS home_amount,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.RetainageAmount ELSE l.RetainageAmount END) AS retained_amount,
  l.business_date
FROM sage300.ar_invoice_details AS l
JOIN sage300.ar_invoices AS i ON i.company = l.company AND i.BatchNumber = l.BatchNumber AND i.EntryNumber = l.EntryNumber
JOIN sage300.ar_invoice_batches AS b ON b.company = l.company AND b.BatchNumber = l.BatchNumber
LEFT JOIN models.dim_company AS c ON c.company = l.company
LEFT JOIN models.dim_account_spelling AS n ON n.company = l.company AND n.spelling = l.RevenueAccount
