-- What posted receipt and adjustment batches took off customer documents, as entered, and what notes took off the document that they name.
-- owner: team:receivables
-- grain: one applied line, or a note on either of its documents
-- keys: company, customer, document, application
-- cadence: daily
SELECT
  l.company,
  l.CustomerNumber AS customer,
  l.DocumentNumber AS document,
  l.BatchRecordType || '-' || CAST(whole(l.BatchNumber) AS VARCHAR) || '-' || CAST(whole(l.EntryNumber) AS VARCHAR) || '-'
    || CAST(whole(l.LineNumber) AS VARCHAR) AS application,
  CASE l.BatchRecordType WHEN 'AD' THEN 'adjustment' ELSE 'receipt' END AS kind,
  r.ReceiptDateAdjustmentDate AS application_date,
  nullif(b.BankCode, '') AS bank,
  nullif(r.CheckReceiptNumber, '') AS receipt_number,
  money(coalesce(l.CustomerReceiptAmount, 0) + coalesce(l.CustomerDiscountAmountTaken, 0) + coalesce(l.CustomerAdjustmentTotal, 0)) AS amount
FROM sage300.ar_applied_receipts AS l
JOIN sage300.ar_receipts AS r
  ON r.company = l.company AND r.BatchRecordType = l.BatchRecordType AND r.BatchNumber = l.BatchNumber AND r.EntryNumber = l.EntryNumber
JOIN sage300.ar_receipt_and_adjustment_batches AS b
  ON b.company = l.company AND b.BatchRecordType = l.BatchRecordType AND b.BatchNumber = l.BatchNumber
WHERE b.BatchStatus = 'Posted'
UNION ALL
-- A note is itself settled by what it takes off its document.
SELECT
  i.company,
  i.CustomerNumber,
  CASE s.side WHEN 1 THEN i.DocumentNumber ELSE i.ApplytoDocument END,
  'note-' || CAST(whole(i.BatchNumber) AS VARCHAR) || '-' || CAST(whole(i.EntryNumber) AS VARCHAR),
  'note',
  i.DocumentDate,
  NULL,
  NULL,
  money(CASE i.DocumentType WHEN 'CreditNote' THEN -s.side ELSE s.side END * i.DocumentTotalIncludingTax)
FROM sage300.ar_invoices AS i
JOIN sage300.ar_invoice_batches AS b ON b.company = i.company AND b.BatchNumber = i.BatchNumber
CROSS JOIN (VALUES (1), (-1)) AS s(side)
WHERE b.BatchStatus = 'Posted' AND coalesce(i.ApplytoDocument, '') <> '' AND i.DocumentType IN ('CreditNote', 'DebitNote')
