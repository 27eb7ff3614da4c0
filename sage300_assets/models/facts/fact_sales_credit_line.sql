-- Lines of order entry's credit and debit notes. Currency and rate are those of the invoice they refer to, or else the customer's home-currency dealings;
--   where neither is known the home amount is empty rather than guessed.
-- owner: team:sales
-- grain: one line of a credit or debit note
-- keys: company, note_key, line
-- cadence: daily
-- reference: customer -> dim_customer
-- column credited_amount: positive lowers what was sold; debit notes are negative
SELECT
  l.company,
  whole(l.CNUniquifier) AS note_key,
  whole(l.LineNumber) AS line,
  nullif(h.CreditDebitNoteNumber, '') AS note,
  h.CreditDebitNoteDate AS note_date,
  h.CreditDebitNoteType AS note_type,
  nullif(h.InvoiceNumber, '') AS invoice,
  h.CustomerNumber AS customer,
  nullif(l.Item, '') AS item_formatted,
  nullif(l.Location, '') AS location,
  quantity(l.QuantityReturned) AS quantity_returned,
  coalesce(i.InvoiceSourceCurrency, k.currency) AS currency,
  k.home_currency,
  money(CASE WHEN h.CreditDebitNoteType LIKE '%Debit%' THEN -l.ExtendedAmountMiscellaneousCharge ELSE l.ExtendedAmountMiscellaneousCharge END) AS credited_amount,
  in_home(
    CASE WHEN h.CreditDebitNoteType LIKE '%Debit%' THEN -l.ExtendedAmountMiscellaneousCharge ELSE l.ExtendedAmountMiscellaneousCharge END,
    coalesce(i.InvoiceRate, CASE WHEN k.currency = k.home_currency THEN 1 END), o.operation, c.home_decimals) AS home_credited_amount,
  l.business_date
FROM sage300.oe_credit_debit_details AS l
JOIN sage300.oe_credit_debit_notes AS h ON h.company = l.company AND h.CNUniquifier = l.CNUniquifier
LEFT JOIN models.dim_customer AS k ON k.company = l.company AND k.customer = h.CustomerNumber
LEFT JOIN sage300.oe_invoices AS i ON i.company = l.company AND i.InvoiceNumber = h.InvoiceNumber AND h.InvoiceNumber <> ''
LEFT JOIN models.stg_rate_operation AS o ON o.company = l.company AND o.rate_type = i.InvoiceRateType
LEFT JOIN models.dim_company AS c ON c.company = l.company
