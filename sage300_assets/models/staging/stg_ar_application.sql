-- What posted receipt and adjustment batches took off customer documents, as entered.
-- owner: team:receivables
-- grain: one applied line
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
