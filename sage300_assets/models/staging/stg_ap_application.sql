-- What posted payment and adjustment batches took off vendor documents, as entered.
-- owner: team:payables
-- grain: one applied line
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
