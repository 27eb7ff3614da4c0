-- Lines of vendor invoices and credit notes as they were entered, posted or not. Amounts of credit notes are negative.
-- owner: team:payables
-- grain: one line of an entered document
-- keys: company, batch, entry, line
-- cadence: daily
-- partition: ap_invoice_batches
-- reference: vendor -> dim_vendor
-- reference: account -> dim_account
-- reference: currency -> dim_currency
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column account: as dim_account has it, however the line writes it
-- column is_posted: only posted lines are in the ledger
-- column exchange_rate: the document's, or 1 where it is in home currency; nothing where the server does not tell it
-- column amount: before tax, whether the distributed amount includes it or not, in the document's currency
-- column home_amount: the same at that rate, rounded line by line; nothing where it is not known
-- column business_date: the day the batch was last edited; files are cut by its month
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(abs(coalesce(DistributedAmountBeforeTaxes, DistributedAmount))) AS s FROM sage300.ap_invoice_details GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(abs(amount)) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
-- warn rate_is_known: SELECT company, batch, entry, document, currency FROM this WHERE exchange_rate IS NULL GROUP BY ALL
WITH net AS (
  SELECT *, coalesce(DistributedAmountBeforeTaxes, DistributedAmount) AS net_amount FROM sage300.ap_invoice_details
)
SELECT
  l.company,
  whole(l.BatchNumber) AS batch,
  whole(l.EntryNumber) AS entry,
  whole(l.LineNumber) AS line,
  b.BatchStatus = 'Posted' AS is_posted,
  i.VendorNumber AS vendor,
  i.DocumentNumber AS document,
  i.DocumentType AS document_type,
  i.DocumentDate AS document_date,
  CAST(nullif(i.FiscalYear, '') AS INTEGER) AS fiscal_year,
  period_number(i.FiscalPeriod) AS fiscal_period,
  nullif(i.PONumber, '') AS purchase_order,
  coalesce(n.account, nullif(l.GLAccount, '')) AS account,
  l.DistributionDescription AS description,
  nullif(l.DistributionCode, '') AS distribution_code,
  nullif(l.ItemNumber, '') AS item_formatted,
  nullif(l.Contract, '') AS contract,
  nullif(l.Project, '') AS project,
  nullif(l.Category, '') AS project_category,
  price(l.Quantity) AS quantity,
  nullif(i.AccountSet, '') AS account_set,
  i.CurrencyCode AS currency,
  c.home_currency,
  -- Some servers tell a rate of nothing, which would make the amount nothing.
  rate(rate_told(i.ExchangeRate, i.CurrencyCode, c.home_currency)) AS exchange_rate,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.net_amount ELSE l.net_amount END) AS amount,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -l.TaxTotal ELSE l.TaxTotal END) AS tax_amount,
  in_home(
    CASE i.DocumentType WHEN 'CreditNote' THEN -l.net_amount ELSE l.net_amount END,
    rate_told(i.ExchangeRate, i.CurrencyCode, c.home_currency), o.operation, c.home_decimals
  ) AS home_amount,
  l.business_date
FROM net AS l
JOIN sage300.ap_invoices AS i ON i.company = l.company AND i.BatchNumber = l.BatchNumber AND i.EntryNumber = l.EntryNumber
JOIN sage300.ap_invoice_batches AS b ON b.company = l.company AND b.BatchNumber = l.BatchNumber
LEFT JOIN models.dim_company AS c ON c.company = l.company
LEFT JOIN models.dim_rate_type AS o ON o.company = l.company AND o.rate_type = i.RateType
LEFT JOIN models.dim_account_spelling AS n ON n.company = l.company AND n.spelling = l.GLAccount
