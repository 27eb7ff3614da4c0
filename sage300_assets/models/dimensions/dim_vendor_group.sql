-- Groups of vendors.
-- owner: team:payables
-- grain: one vendor group
-- keys: company, vendor_group
-- cadence: weekly
SELECT g.company, g.GroupCode AS vendor_group, g.Description AS vendor_group_name, g.AccountSet AS account_set, g.CurrencyCode AS currency, g.Terms AS terms
FROM sage300.ap_vendor_groups AS g
