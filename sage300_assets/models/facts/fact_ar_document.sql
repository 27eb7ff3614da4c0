-- The receivables ledger: every posted customer document and what is still due on it. Credit notes, prepayments and unapplied cash are negative.
-- owner: team:receivables
-- grain: one posted customer document
-- keys: company, customer, document
-- cadence: daily
-- partition: ar_posted_documents
-- reference: customer -> dim_customer
-- reference: 'receivable', terms -> dim_terms
-- reference: currency -> dim_currency
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column open_amount: still due, in the document's currency, without what is retained
-- column home_open_amount: still due, in home currency at the document's own rate
-- column retained_amount: kept back by the customer until later; a ledger account of its own holds it; what of it was invoiced since is not in it any more
-- column original_retained_amount: what was kept back of the amount when the document was posted, and is never due on it
-- column business_date: the day of its last activity; files are cut by its month
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(FunctionalCurrencyAmountDue) AS s FROM sage300.ar_posted_documents GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(home_open_amount) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
SELECT
  d.company,
  d.CustomerNumber AS customer,
  d.DocumentNumber AS document,
  d.DocumentType AS document_type,
  d.DocumentDate AS document_date,
  d.DueDate AS due_date,
  d.DiscountDate AS discount_date,
  d.PostingDate AS posting_date,
  CAST(nullif(d.FiscalYear, '') AS INTEGER) AS fiscal_year,
  period_number(d.FiscalPeriod) AS fiscal_period,
  quarter_of(period_number(d.FiscalPeriod), y.long_quarter) AS fiscal_quarter,
  nullif(d.OrderNumber, '') AS sales_order,
  d.DocumentDescription AS description,
  d.Terms AS terms,
  nullif(d.NationalAccountNumber, '') AS national_account,
  nullif(d.Salesperson1, '') AS salesperson,
  d.AccountSet AS account_set,
  d.CurrencyCode AS currency,
  c.home_currency,
  rate(d.ExchangeRate) AS exchange_rate,
  money(d.CustomerCurrencyInvoiceAmount) AS amount,
  money(d.FunctionalCurrencyInvoiceAmount) AS home_amount,
  money(d.CustomerCurrencyTaxAmount) AS tax_amount,
  money(d.FunctionalCurrencyTaxAmount) AS home_tax_amount,
  money(d.CustomerCurrencyDiscountAmount) AS discount_available,
  money(d.CustomerCurrencyAmountDue) AS open_amount,
  money(d.FunctionalCurrencyAmountDue) AS home_open_amount,
  money(d.CustomerCurrencyRetainageAmount) AS retained_amount,
  money(d.FunctionalCurrencyRetainageAmount) AS home_retained_amount,
  money(d.CustomerCurrencyOriginalRetainageAmount) AS original_retained_amount,
  money(d.FunctionalCurrencyOriginalRetainageAmount) AS home_original_retained_amount,
  coalesce(d.FullyPaid, '') = 'Yes' AS is_fully_paid,
  d.DatePaid AS paid_date,
  d.LastActivityDate AS last_activity_date,
  d.business_date
FROM sage300.ar_posted_documents AS d
LEFT JOIN models.dim_company AS c ON c.company = d.company
LEFT JOIN models.dim_fiscal_year AS y ON y.company = d.company AND y.fiscal_year = CAST(nullif(d.FiscalYear, '') AS INTEGER)
