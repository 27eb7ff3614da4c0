-- What posted payment and adjustment batches took off vendor documents, as entered, and what notes took off the document that they name.
-- owner: team:payables
-- grain: one applied line, or a note on either of its documents
-- keys: company, vendor, document, application
-- cadence: daily
WITH adjusted AS (
  SELECT company, BatchSelector, BatchNumber, EntryNumber, LineNumber, sum(DistributionAmount) AS amount
  FROM sage300.ap_adjustment_gl_distributions
  GROUP BY company, BatchSelector, BatchNumber, EntryNumber, LineNumber
)
SELECT
  l.company,
  l.VendorNumber AS vendor,
  l.DocumentNumber AS document,
  l.BatchSelector || '-' || CAST(whole(l.BatchNumber) AS VARCHAR) || '-' || CAST(whole(l.EntryNumber) AS VARCHAR) || '-'
    || CAST(whole(l.LineNumber) AS VARCHAR) AS application,
  CASE l.BatchSelector WHEN 'AD' THEN 'adjustment' ELSE 'payment' END AS kind,
  p.PaymentDateAdjustmentDate AS application_date,
  nullif(b.BankCode, '') AS bank,
  nullif(p.CheckNumber, '') AS payment_number,
  money(coalesce(l.PaymentAmount, 0) - coalesce(a.amount, 0)) AS amount
FROM sage300.ap_applied_payments AS l
JOIN sage300.ap_payments AS p
  ON p.company = l.company AND p.BatchSelector = l.BatchSelector AND p.BatchNumber = l.BatchNumber AND p.EntryNumber = l.EntryNumber
JOIN sage300.ap_payment_and_adjustment_batches AS b
  ON b.company = l.company AND b.BatchSelector = l.BatchSelector AND b.BatchNumber = l.BatchNumber
LEFT JOIN adjusted AS a
  ON a.company = l.company AND a.BatchSelector = l.BatchSelector AND a.BatchNumber = l.BatchNumber AND a.EntryNumber = l.EntryNumber
  AND a.LineNumber = l.LineNumber
WHERE b.BatchStatus = 'Posted'
UNION ALL
-- A note is itself settled by what it takes off its document.
SELECT
  i.company,
  i.VendorNumber,
  CASE s.side WHEN 1 THEN i.DocumentNumber ELSE i.ApplytoDocument END,
  'note-' || CAST(whole(i.BatchNumber) AS VARCHAR) || '-' || CAST(whole(i.EntryNumber) AS VARCHAR),
  'note',
  i.DocumentDate,
  NULL,
  NULL,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -s.side ELSE s.side END * i.DocumentTotalIncludingTax)
FROM sage300.ap_invoices AS i
JOIN sage300.ap_invoice_batches AS b ON b.company = i.company AND b.BatchNumber = i.BatchNumber
CROSS JOIN (VALUES (1), (-1)) AS s(side)
WHERE b.BatchStatus = 'Posted' AND coalesce(i.ApplytoDocument, '') <> '' AND i.DocumentType IN ('CreditNote', 'DebitNote')
