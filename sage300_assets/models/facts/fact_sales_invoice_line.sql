-- Lines of order entry's invoices: revenue, cost and margin. Cost is known once day-end processing has run.
-- owner: team:sales
-- grain: one line of a sales invoice
-- keys: company, invoice_key, line
-- cadence: daily
-- partition: oe_invoices
-- reference: customer -> dim_customer
-- reference: item -> dim_item
-- reference: item_category -> dim_item_category
-- reference: location -> dim_location
-- reference: salesperson_1 -> dim_salesperson
-- reference: salesperson_2 -> dim_salesperson
-- reference: salesperson_3 -> dim_salesperson
-- reference: salesperson_4 -> dim_salesperson
-- reference: salesperson_5 -> dim_salesperson
-- reference: currency -> dim_currency
-- reference: fiscal_year, fiscal_period -> dim_fiscal_period
-- column order_detail_number: the line of that order it was made from
-- column included_tax_amount: tax that is in the price. A line tells its tax for each authority and not what of it is included: that is as much as of the whole invoice
-- column revenue_amount: what was charged for the line less its part of the invoice's discount, and without tax, be it in the price or not
-- column home_cost_amount: cost of goods, which is kept in home currency
-- column exchange_rate: the invoice's, or 1 where it is in home currency; nothing where the server does not tell it, and then home amounts neither
-- column is_costed: whether the cost is known
-- column business_date: the invoice date; files are cut by its month
-- check adds_up_to_source: WITH a AS (SELECT company, count(*) AS n, sum(ExtendedShippedPriceMiscellaneousCha) AS s FROM sage300.oe_invoice_details GROUP BY ALL),
--   b AS (SELECT company, count(*) AS n, sum(gross_amount) AS s FROM this GROUP BY ALL)
--   SELECT * FROM a FULL JOIN b ON a.company = b.company WHERE a.n IS DISTINCT FROM b.n OR a.s IS DISTINCT FROM b.s
-- check every_revenue_is_known: SELECT company, invoice, line, customer FROM this WHERE gross_amount IS NOT NULL AND revenue_amount IS NULL
-- warn rate_is_known: SELECT company, invoice, invoice_date, currency FROM this WHERE exchange_rate IS NULL GROUP BY ALL
WITH taxed AS (
  SELECT
    l.*,
    h.InvoiceNumber, h.InvoiceDate, h.InvoiceFiscalYear, h.InvoiceFiscalPeriod, h.CustomerNumber,
    h.Salesperson1, h.Salesperson2, h.Salesperson3, h.Salesperson4, h.Salesperson5,
    h.SalesPercentage1, h.SalesPercentage2, h.SalesPercentage3, h.SalesPercentage4, h.SalesPercentage5,
    h.InvoiceSourceCurrency, h.InvoiceHomeCurrency, h.InvoiceRateType,
    rate_told(h.InvoiceRate, h.InvoiceSourceCurrency, h.InvoiceHomeCurrency) AS exchange_rate,
    included_tax(l.TaxAmount1, h.IncludedTaxAmount1, h.ExcludedTaxAmount1) + included_tax(l.TaxAmount2, h.IncludedTaxAmount2, h.ExcludedTaxAmount2)
      + included_tax(l.TaxAmount3, h.IncludedTaxAmount3, h.ExcludedTaxAmount3) + included_tax(l.TaxAmount4, h.IncludedTaxAmount4, h.ExcludedTaxAmount4)
      + included_tax(l.TaxAmount5, h.IncludedTaxAmount5, h.ExcludedTaxAmount5) AS included_tax_amount
  FROM sage300.oe_invoice_details AS l
  JOIN sage300.oe_invoices AS h ON h.company = l.company AND h.InvoiceUniquifier = l.InvoiceUniquifier
),
lines AS (
  SELECT t.*, t.ExtendedShippedPriceMiscellaneousCha - coalesce(t.InvoiceDiscountAmount, 0) - t.included_tax_amount AS revenue_amount
  FROM taxed AS t
)
SELECT
  l.company,
  whole(l.InvoiceUniquifier) AS invoice_key,
  whole(l.LineUniquifier) AS line,
  l.InvoiceNumber AS invoice,
  l.InvoiceDate AS invoice_date,
  CAST(nullif(l.InvoiceFiscalYear, '') AS INTEGER) AS fiscal_year,
  period_number(l.InvoiceFiscalPeriod) AS fiscal_period,
  nullif(l.OrderNumber, '') AS sales_order,
  l.OrderDetailNumber AS order_detail_number,
  l.CustomerNumber AS customer,
  l.LineType AS line_type,
  nullif(l.UnformattedItemNumber, '') AS item,
  nullif(l.MiscellaneousChargesCode, '') AS miscellaneous_charge,
  l.Description AS description,
  nullif(l.Category, '') AS item_category,
  nullif(l.Location, '') AS location,
  nullif(l.Salesperson1, '') AS salesperson_1,
  nullif(l.Salesperson2, '') AS salesperson_2,
  nullif(l.Salesperson3, '') AS salesperson_3,
  nullif(l.Salesperson4, '') AS salesperson_4,
  nullif(l.Salesperson5, '') AS salesperson_5,
  percentage(l.SalesPercentage1) AS sales_percent_1,
  percentage(l.SalesPercentage2) AS sales_percent_2,
  percentage(l.SalesPercentage3) AS sales_percent_3,
  percentage(l.SalesPercentage4) AS sales_percent_4,
  percentage(l.SalesPercentage5) AS sales_percent_5,
  quantity(l.QuantityShipped) AS quantity_shipped,
  l.InvoiceUnitOfMeasure AS unit_of_measure,
  price(l.UnitPrice) AS unit_price,
  l.InvoiceSourceCurrency AS currency,
  l.InvoiceHomeCurrency AS home_currency,
  rate(l.exchange_rate) AS exchange_rate,
  money(l.ExtendedShippedPriceMiscellaneousCha) AS gross_amount,
  money(coalesce(l.InvoiceDiscountAmount, 0)) AS discount_amount,
  money(l.included_tax_amount) AS included_tax_amount,
  money(l.revenue_amount) AS revenue_amount,
  money(l.TaxTotal) AS tax_amount,
  in_home(l.revenue_amount, l.exchange_rate, o.operation, c.home_decimals) AS home_revenue_amount,
  money(l.ExtendedDetailCost) AS home_cost_amount,
  money(in_home(l.revenue_amount, l.exchange_rate, o.operation, c.home_decimals) - coalesce(l.ExtendedDetailCost, 0)) AS home_margin_amount,
  coalesce(l.RecordCosted, false) AS is_costed,
  l.business_date
FROM lines AS l
LEFT JOIN models.dim_rate_type AS o ON o.company = l.company AND o.rate_type = l.InvoiceRateType
LEFT JOIN models.dim_company AS c ON c.company = l.company
