-- What posted payment and adjustment batches took off vendor documents, as entered; what a credit note or prepayment that was applied gave up for it;
--   what the reversal of a check put back; and what notes took off the document that they name.
-- owner: team:payables
-- grain: one applied line, its counterpart in the document that was applied, the reversal of either, or a note on either of its documents
-- keys: company, vendor, document, application
-- cadence: daily
-- column kind: payment, adjustment, used (of the credit note or prepayment that was applied), note or reversal
WITH adjusted AS (
  SELECT company, BatchSelector, BatchNumber, EntryNumber, LineNumber, sum(DistributionAmount) AS amount
  FROM sage300.ap_adjustment_gl_distributions
  GROUP BY company, BatchSelector, BatchNumber, EntryNumber, LineNumber
),
applied AS (
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
    money(coalesce(l.PaymentAmount, 0) - coalesce(a.amount, 0)) AS amount,
    money(-coalesce(l.PaymentAmount, 0)) AS used_amount,
    p.VendorNumber AS paid_to,
    CASE
      WHEN coalesce(p.PaymentTransactionType, '') NOT ILIKE 'apply%' THEN NULL
      WHEN m.DocumentNumber IS NULL AND o.DocumentNumber IS NOT NULL THEN p.DocumentNumber
      ELSE coalesce(nullif(p.MatchingDocumentNumber, ''), nullif(p.DocumentNumber, ''))
    END AS document_used
  FROM sage300.ap_applied_payments AS l
  JOIN sage300.ap_payments AS p
    ON p.company = l.company AND p.BatchSelector = l.BatchSelector AND p.BatchNumber = l.BatchNumber AND p.EntryNumber = l.EntryNumber
  JOIN sage300.ap_payment_and_adjustment_batches AS b
    ON b.company = l.company AND b.BatchSelector = l.BatchSelector AND b.BatchNumber = l.BatchNumber
  -- An entry that uses up a document has two names for it, and which of them is that document's depends on the server: the one that the vendor has.
  LEFT JOIN sage300.ap_posted_documents AS m ON m.company = p.company AND m.VendorNumber = p.VendorNumber AND m.DocumentNumber = p.MatchingDocumentNumber
  LEFT JOIN sage300.ap_posted_documents AS o ON o.company = p.company AND o.VendorNumber = p.VendorNumber AND o.DocumentNumber = p.DocumentNumber
  LEFT JOIN adjusted AS a
    ON a.company = l.company AND a.BatchSelector = l.BatchSelector AND a.BatchNumber = l.BatchNumber AND a.EntryNumber = l.EntryNumber
    AND a.LineNumber = l.LineNumber
  WHERE b.BatchStatus = 'Posted'
),
reversed AS (
  -- A number that stands for several checks of a day counts as reversed when all of them are.
  SELECT company, BankCode AS bank, VendorNumber AS vendor, CheckNumber AS payment_number, CheckDate AS check_date, max(DateReversed) AS reversed_date
  FROM sage300.ap_posted_payments
  GROUP BY company, BankCode, VendorNumber, CheckNumber, CheckDate
  HAVING count(*) = count(DateReversed)
)
SELECT company, vendor, document, application, kind, application_date, bank, payment_number, amount
FROM applied
UNION ALL
SELECT a.company, a.paid_to, a.document_used, a.application || '-used', 'used', a.application_date, a.bank, a.payment_number, a.used_amount
FROM applied AS a
WHERE a.document_used IS NOT NULL
UNION ALL
SELECT
  a.company, a.vendor, a.document, a.application || '-reversed', 'reversal', greatest(r.reversed_date, a.application_date), a.bank, a.payment_number,
  money(-a.amount)
FROM applied AS a
JOIN reversed AS r
  ON r.company = a.company AND r.bank = a.bank AND r.vendor = a.paid_to AND r.payment_number = a.payment_number AND r.check_date = a.application_date
WHERE a.kind = 'payment' AND a.document_used IS NULL
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
