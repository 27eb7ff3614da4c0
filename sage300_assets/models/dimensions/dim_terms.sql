-- Payment terms of vendors and of customers.
-- owner: team:finance
-- grain: one terms code of one side
-- keys: company, side, terms
-- cadence: weekly
-- column side: payable or receivable
SELECT t.company, 'payable' AS side, t.TermsCode AS terms, t.Description AS terms_name, whole(t.NumberOfPayments) AS number_of_payments
FROM sage300.ap_terms AS t
UNION ALL
SELECT t.company, 'receivable', t.TermsCode, t.Description, whole(t.NumberOfPayments)
FROM sage300.ar_terms AS t
