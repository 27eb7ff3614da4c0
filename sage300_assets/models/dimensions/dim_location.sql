-- Warehouses and other places where stock is kept.
-- owner: team:inventory
-- grain: one location
-- keys: company, location
-- cadence: weekly
SELECT l.company, l.LocationKey AS location, l.Name AS location_name, l.LocationType AS location_type
FROM sage300.ic_locations AS l
