-- Lines of order entry's credit and debit notes. Currency, rate and salespersons are those of the invoice they refer to, or else the customer's, in home-currency
--   dealings; where no rate is known the home amount is empty rather than guessed. Tax that a price of theirs includes is not told by the Web API, and is in them.
-- owner: team:sales
-- grain: one line of a credit or debit note
-- keys: company, note_key, line
-- cadence: daily
-- reference: customer -> dim_customer
-- reference: location -> dim_location
-- reference: currency -> dim_currency
-- column credited_amount: positive lowers what was sold; debit notes are negative. Where the server does not tell it, it is quantity times price
-- check every_amount_is_known: SELECT company, note_key, note, line, customer FROM this WHERE credited_amount IS NULL
WITH noted AS (
  SELECT
    h.company, h.CNUniquifier, h.CreditDebitNoteNumber, h.CreditDebitNoteDate, h.CreditDebitNoteType, h.InvoiceNumber, h.CustomerNumber,
    CASE WHEN h.CreditDebitNoteType LIKE '%Debit%' THEN -1 ELSE 1 END AS sign,
    coalesce(i.InvoiceSourceCurrency, k.currency) AS currency,
    c.home_currency,
    c.home_decimals,
    rate_told(i.InvoiceRate, coalesce(i.InvoiceSourceCurrency, k.currency), c.home_currency) AS exchange_rate,
    o.operation,
    nullif(CASE WHEN i.company IS NULL THEN k.salesperson ELSE i.Salesperson1 END, '') AS salesperson_1,
    nullif(i.Salesperson2, '') AS salesperson_2,
    nullif(i.Salesperson3, '') AS salesperson_3,
    nullif(i.Salesperson4, '') AS salesperson_4,
    nullif(i.Salesperson5, '') AS salesperson_5,
    i.SalesPercentage1, i.SalesPercentage2, i.SalesPercentage3, i.SalesPercentage4, i.SalesPercentage5
  FROM sage300.oe_credit_debit_notes AS h
  LEFT JOIN models.dim_customer AS k ON k.company = h.company AND k.customer = h.CustomerNumber
  LEFT JOIN sage300.oe_invoices AS i ON i.company = h.company AND i.InvoiceNumber = h.InvoiceNumber AND h.InvoiceNumber <> ''
  LEFT JOIN models.dim_rate_type AS o ON o.company = h.company AND o.rate_type = i.InvoiceRateType
  LEFT JOIN models.dim_company AS c ON c.company = h.company
),
credited AS (
  SELECT
    l.company, l.CNUniquifier, l.LineNumber, l.Item, l.Location, l.QuantityReturned, l.business_date,
    coalesce(
      l.ExtendedAmountMiscellaneousCharge,
      rounded(CAST(l.QuantityReturned AS DECIMAL(18,4)) * CAST(l.UnitPrice AS DECIMAL(18,6)), d.decimals)) AS amount
  FROM sage300.oe_credit_debit_details AS l
  JOIN noted AS h ON h.company = l.company AND h.CNUniquifier = l.CNUniquifier
  LEFT JOIN models.dim_currency AS d ON d.company = l.company AND d.currency = h.currency
)
SELECT
  l.company,
  whole(l.CNUniquifier) AS note_key,
  whole(l.LineNumber) AS line,
  nullif(h.CreditDebitNoteNumber, '') AS note,
  h.CreditDebitNoteDate AS note_date,
  h.CreditDebitNoteType AS note_type,
  nullif(h.InvoiceNumber, '') AS invoice,
  h.CustomerNumber AS customer,
  h.salesperson_1, h.salesperson_2, h.salesperson_3, h.salesperson_4, h.salesperson_5,
  percentage(h.SalesPercentage1) AS sales_percent_1,
  percentage(h.SalesPercentage2) AS sales_percent_2,
  percentage(h.SalesPercentage3) AS sales_percent_3,
  percentage(h.SalesPercentage4) AS sales_percent_4,
  percentage(h.SalesPercentage5) AS sales_percent_5,
  nullif(l.Item, '') AS item_formatted,
  nullif(l.Location, '') AS location,
  quantity(l.QuantityReturned) AS quantity_returned,
  h.currency,
  h.home_currency,
  money(h.sign * l.amount) AS credited_amount,
  in_home(h.sign * l.amount, h.exchange_rate, h.operation, h.home_decimals) AS home_credited_amount,
  l.business_date
FROM credited AS l
JOIN noted AS h ON h.company = l.company AND h.CNUniquifier = l.CNUniquifier
