-- Functions that the models are written with. Each keeps amounts exact: nothing here goes through a binary float.

CREATE OR REPLACE MACRO money(x) AS CAST(x AS DECIMAL(18,3));
CREATE OR REPLACE MACRO quantity(x) AS CAST(x AS DECIMAL(18,4));
CREATE OR REPLACE MACRO price(x) AS CAST(x AS DECIMAL(18,6));
CREATE OR REPLACE MACRO rate(x) AS CAST(x AS DECIMAL(15,7));
CREATE OR REPLACE MACRO percentage(x) AS CAST(x AS DECIMAL(9,5));
CREATE OR REPLACE MACRO whole(x) AS CAST(x AS BIGINT);

-- `n` divided by `d`, half away from zero, both whole numbers. The remainder is doubled, not `n`, which may fill all 128 bits.
CREATE OR REPLACE MACRO halved_away(n, d) AS
  CASE WHEN d <> 0 THEN sign(n) * sign(d) * (abs(n) // abs(d) + CASE WHEN 2 * (abs(n) % abs(d)) >= abs(d) THEN 1 ELSE 0 END) END;

-- The part of `amount` that `part` is of `whole_amount`: an amount with three decimals; the other two may be quantities or percentages, which have up to five.
-- All three may have 15 digits before the point: their product then has 38 digits, which is what 128 bits hold. What is larger is an error.
CREATE OR REPLACE MACRO share(amount, part, whole_amount) AS
  CAST(CAST(halved_away(
    CAST(CAST(amount AS DECIMAL(38,3)) * 1000 AS HUGEINT) * CAST(CAST(part AS DECIMAL(38,5)) * 100000 AS HUGEINT),
    CAST(CAST(whole_amount AS DECIMAL(38,5)) * 100000 AS HUGEINT)) AS DECIMAL(30,0)) * CAST('0.001' AS DECIMAL(4,3)) AS DECIMAL(18,3));

-- A currency's smallest unit, in thousandths; most have two decimals.
CREATE OR REPLACE MACRO unit_of(decimals) AS CASE decimals WHEN 0 THEN 1000 WHEN 1 THEN 100 WHEN 3 THEN 1 ELSE 10 END;

-- A share in as many decimals as the currency has, rounded once: 1.0048 is 1.00, and by way of thousandths it would be 1.01.
CREATE OR REPLACE MACRO rounded_share(amount, part, whole_amount, decimals) AS
  CAST(CAST(halved_away(
    CAST(CAST(amount AS DECIMAL(38,3)) * 1000 AS HUGEINT) * CAST(CAST(part AS DECIMAL(38,5)) * 100000 AS HUGEINT),
    CAST(CAST(whole_amount AS DECIMAL(38,5)) * 100000 AS HUGEINT) * unit_of(decimals)) * unit_of(decimals) AS DECIMAL(30,0)) * CAST('0.001' AS DECIMAL(4,3)) AS DECIMAL(18,3));

-- The sum of amounts that are all known; nothing where one of them is not, because what is left of them is no total.
CREATE OR REPLACE MACRO whole_sum(x) AS CASE WHEN count(x) = count(*) THEN sum(x) END;

-- What of a line's tax for an authority is in its price: as much as the whole document includes of that tax. Lines do not say it themselves.
CREATE OR REPLACE MACRO included_tax(tax, included, excluded) AS
  CASE WHEN coalesce(included, 0) = 0 THEN CAST(0 AS DECIMAL(18,3)) ELSE share(tax, included, included + coalesce(excluded, 0)) END;

-- `a` over `b` with four decimals; null when `b` is nothing.
CREATE OR REPLACE MACRO ratio(a, b) AS
  CAST(CAST(halved_away(
    CAST(CAST(a AS DECIMAL(38,3)) * 1000 AS HUGEINT) * 10000,
    CAST(CAST(b AS DECIMAL(38,3)) * 1000 AS HUGEINT)) AS DECIMAL(30,0)) * CAST('0.0001' AS DECIMAL(5,4)) AS DECIMAL(18,4));

-- As many decimals as the currency has; most have two. Every branch is cast by itself: the common type of wide decimals would lose their decimals.
CREATE OR REPLACE MACRO rounded(amount, decimals) AS
  CASE decimals
    WHEN 0 THEN CAST(round(amount, 0) AS DECIMAL(18,3))
    WHEN 1 THEN CAST(round(amount, 1) AS DECIMAL(18,3))
    WHEN 3 THEN CAST(round(amount, 3) AS DECIMAL(18,3))
    ELSE CAST(round(amount, 2) AS DECIMAL(18,3)) END;

-- The rate that a document was entered with. Some servers tell 0 of those in home currency, whose rate is 1; of others, 0 is none.
CREATE OR REPLACE MACRO rate_told(exchange_rate, currency, home) AS coalesce(nullif(exchange_rate, 0), CASE WHEN currency = home THEN 1 END);

-- An amount in home currency, rounded as that is, once. Sage 300 multiplies by its rates unless the currency table says `Divide`.
-- Nothing is nothing at any rate, known or not.
CREATE OR REPLACE MACRO in_home(amount, exchange_rate, operation, decimals) AS
  CASE WHEN amount = 0 THEN CAST(0 AS DECIMAL(18,3)) WHEN operation = 'Divide' THEN
    rounded(CAST(halved_away(
      CAST(CAST(amount AS DECIMAL(38,3)) * 1000 AS HUGEINT) * 100000000000000,
      CAST(CAST(exchange_rate AS DECIMAL(38,7)) * 10000000 AS HUGEINT)) AS DECIMAL(28,0)) * CAST('0.0000000001' AS DECIMAL(10,10)), decimals)
  ELSE rounded(CAST(amount AS DECIMAL(23,3)) * CAST(exchange_rate AS DECIMAL(15,7)), decimals) END;

-- Fiscal periods as numbers: `06`, `Num6`, `ADJ` (14) and `CLS` (15). Other small numbers that an enum may write as a word too: `000002`, `Num2`.
CREATE OR REPLACE MACRO period_number(x) AS
  CASE upper(x) WHEN 'ADJ' THEN 14 WHEN 'CLS' THEN 15 ELSE TRY_CAST(regexp_extract(x, '[0-9]+') AS INTEGER) END;

-- Quarter of a fiscal year: three periods each, and four in the long one of a year that has thirteen (the last, where it is not known which).
-- The last has adjustment and closing too. None for what is no period.
CREATE OR REPLACE MACRO quarter_of(x, long_quarter) AS
  CAST(CASE
    WHEN x < 1 OR x > 15 THEN NULL
    WHEN x <= 3 + CASE WHEN long_quarter = 1 THEN 1 ELSE 0 END THEN 1
    WHEN x <= 6 + CASE WHEN long_quarter <= 2 THEN 1 ELSE 0 END THEN 2
    WHEN x <= 9 + CASE WHEN long_quarter <= 3 THEN 1 ELSE 0 END THEN 3
    WHEN x <= 15 THEN 4 END AS INTEGER);

-- How late something is, as an ageing report groups it.
CREATE OR REPLACE MACRO age_bucket(days) AS
  CASE WHEN days <= 0 THEN '0 not due' WHEN days <= 30 THEN '1 to 30' WHEN days <= 60 THEN '31 to 60' WHEN days <= 90 THEN '61 to 90' ELSE '91 and over' END;
