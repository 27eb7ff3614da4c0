-- What posted receipt and adjustment batches took off customer documents, as entered; what a credit note, prepayment or unapplied cash that was applied gave up
--   for it; what the return of a receipt put back; and what notes took off the document that they name.
-- owner: team:receivables
-- grain: one applied line, its counterpart in the document that was applied, the reversal of either, or a note on either of its documents
-- keys: company, customer, document, application
-- cadence: daily
-- column kind: receipt, adjustment, used (of the document that was applied), note or reversal
WITH applied AS (
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
    money(coalesce(l.CustomerReceiptAmount, 0) + coalesce(l.CustomerDiscountAmountTaken, 0) + coalesce(l.CustomerAdjustmentTotal, 0)) AS amount,
    money(-coalesce(l.CustomerReceiptAmount, 0)) AS used_amount,
    r.CustomerNumber AS paid_by,
    CASE
      WHEN coalesce(r.ReceiptTransactionType, '') NOT ILIKE 'apply%' THEN NULL
      WHEN m.DocumentNumber IS NULL AND o.DocumentNumber IS NOT NULL THEN r.DocumentNumber
      ELSE coalesce(nullif(r.MatchingDocumentNumber, ''), nullif(r.DocumentNumber, ''))
    END AS document_used
  FROM sage300.ar_applied_receipts AS l
  JOIN sage300.ar_receipts AS r
    ON r.company = l.company AND r.BatchRecordType = l.BatchRecordType AND r.BatchNumber = l.BatchNumber AND r.EntryNumber = l.EntryNumber
  JOIN sage300.ar_receipt_and_adjustment_batches AS b
    ON b.company = l.company AND b.BatchRecordType = l.BatchRecordType AND b.BatchNumber = l.BatchNumber
  -- An entry that uses up a document has two names for it, and which of them is that document's depends on the server: the one that the customer has.
  LEFT JOIN sage300.ar_posted_documents AS m ON m.company = r.company AND m.CustomerNumber = r.CustomerNumber AND m.DocumentNumber = r.MatchingDocumentNumber
  LEFT JOIN sage300.ar_posted_documents AS o ON o.company = r.company AND o.CustomerNumber = r.CustomerNumber AND o.DocumentNumber = r.DocumentNumber
  WHERE b.BatchStatus = 'Posted'
),
returned AS (
  -- A number that stands for several receipts of a day counts as returned when all of them are.
  SELECT company, BankCode AS bank, CustomerNumber AS customer, CheckReceiptNumber AS receipt_number, ReceiptDate AS receipt_date, max(DateReturned) AS returned_date
  FROM sage300.ar_posted_receipts
  GROUP BY company, BankCode, CustomerNumber, CheckReceiptNumber, ReceiptDate
  HAVING count(*) = count(DateReturned)
)
SELECT company, customer, document, application, kind, application_date, bank, receipt_number, amount
FROM applied
UNION ALL
SELECT a.company, a.paid_by, a.document_used, a.application || '-used', 'used', a.application_date, a.bank, a.receipt_number, a.used_amount
FROM applied AS a
WHERE a.document_used IS NOT NULL
UNION ALL
SELECT
  a.company, a.customer, a.document, a.application || '-reversed', 'reversal', greatest(r.returned_date, a.application_date), a.bank, a.receipt_number,
  money(-a.amount)
FROM applied AS a
JOIN returned AS r
  ON r.company = a.company AND r.bank = a.bank AND r.customer = a.paid_by AND r.receipt_number = a.receipt_number AND r.receipt_date = a.application_date
WHERE a.kind = 'receipt' AND a.document_used IS NULL
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
