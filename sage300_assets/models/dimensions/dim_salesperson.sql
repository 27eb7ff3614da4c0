-- Salespersons.
-- owner: team:sales
-- grain: one salesperson
-- keys: company, salesperson
-- cadence: weekly
SELECT s.company, s.SalespersonKey AS salesperson, s.Name AS salesperson_name, s.Status AS status, s.EmployeeNumber AS employee, money(s.AnnualSalesTarget) AS annual_sales_target
FROM sage300.ar_salespersons AS s
