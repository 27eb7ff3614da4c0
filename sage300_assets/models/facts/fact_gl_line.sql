-- Every posted journal line; debits are positive, credits negative.
-- owner: team:general-ledger
-- grain: one posted journal line
-- keys: company, account, fiscal_year, fiscal_period, currency, source_ledger, source_type, posting_sequence, detail
-- cadence: daily
-- partition: gl_posted_transactions
-- reference: account -> dim_account
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column amount: in the currency of the transaction
-- column home_amount: in the company's own currency
-- column is_consolidated: a sum of several lines of its batch, which belongs to none of the batch's entries any more
-- column business_date: the journal date; files are cut by its month
-- check every_entry_balances: WITH summed AS (SELECT DISTINCT company, batch FROM this
--   WHERE is_consolidated OR (company, account) IN (SELECT (company, account) FROM models.dim_account WHERE posts_consolidated)),
--   parts AS (SELECT l.company, l.batch, CASE WHEN s.batch IS NULL THEN l.posting_sequence END AS posting_sequence,
--   CASE WHEN s.batch IS NULL THEN l.journal_entry END AS journal_entry, l.home_amount
--   FROM this AS l LEFT JOIN summed AS s ON s.company = l.company AND s.batch = l.batch)
--   SELECT company, batch, posting_sequence, journal_entry, sum(home_amount) AS out_of_balance FROM parts GROUP BY ALL HAVING sum(home_amount) <> 0
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(JournalTransactionAmount) AS s FROM sage300.gl_posted_transactions GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(home_amount) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
-- warn inside_fiscal_calendar: SELECT l.company, l.journal_date, l.fiscal_year, l.fiscal_period, count(*) AS lines FROM this AS l
--   JOIN models.dim_fiscal_period AS p ON p.company = l.company AND p.fiscal_year = l.fiscal_year AND p.fiscal_period = l.fiscal_period
--   WHERE p.kind = 'period' AND (l.journal_date < p.start_date OR l.journal_date > p.end_date) GROUP BY ALL
SELECT
  g.company,
  g.AccountNumber AS account,
  CAST(g.FiscalYear AS INTEGER) AS fiscal_year,
  period_number(g.FiscalPeriod) AS fiscal_period,
  quarter_of(period_number(g.FiscalPeriod), y.long_quarter) AS fiscal_quarter,
  g.SourceLedgerCode AS source_ledger,
  g.SourceTypeCode AS source_type,
  whole(g.PostingSequenceNumber) AS posting_sequence,
  whole(g.DetailCount) AS detail,
  g.BatchNumber AS batch,
  g.JournalEntryNumber AS journal_entry,
  g.JournalDate AS journal_date,
  g.DocumentDate AS document_date,
  g.JournalDetailDescription AS description,
  g.JournalDetailReference AS reference,
  g.SourceCurrencyCode AS currency,
  g.HomeCurrencyCode AS home_currency,
  rate(g.CurrencyRateForConversion) AS exchange_rate,
  money(g.SourceCurrencyAmount) AS amount,
  money(g.JournalTransactionAmount) AS home_amount,
  quantity(g.JournalTransactionQuantity) AS quantity,
  coalesce(upper(g.ConsolidationOccurredOnPost) IN ('YES', 'TRUE', '1'), false) AS is_consolidated,
  g.business_date
FROM sage300.gl_posted_transactions AS g
LEFT JOIN models.dim_fiscal_year AS y ON y.company = g.company AND y.fiscal_year = CAST(g.FiscalYear AS INTEGER)
