-- Companies, each with the currency it keeps its books in and its number of fiscal periods.
-- owner: team:finance
-- grain: one company
-- keys: company
-- cadence: weekly
SELECT company, company_name, legal_name, city, country, home_currency, reporting_currency, default_rate_type, fiscal_periods
FROM models.stg_company
