-- Groups of customers.
-- owner: team:receivables
-- grain: one customer group
-- keys: company, customer_group
-- cadence: weekly
SELECT g.company, g.GroupCode AS customer_group, g.Description AS customer_group_name, g.Status AS status, g.AccountSet AS account_set, g.Terms AS terms
FROM sage300.ar_customer_groups AS g
