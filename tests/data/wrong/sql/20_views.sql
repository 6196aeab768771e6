-- A column that is not there.
CREATE MATERIALIZED VIEW units AS
SELECT country, sum(quantitty) AS units FROM order_lines GROUP BY country;

-- A view that is not there.
CREATE MATERIALIZED VIEW revenue AS
SELECT country, sum(quantity * unit_price) AS revenue FROM order_line GROUP BY country;

-- A stream has no end to sort.
CREATE MATERIALIZED VIEW newest AS
SELECT * FROM order_lines ORDER BY invoice_date DESC LIMIT 10;

-- A column that is neither a group nor aggregated.
CREATE MATERIALIZED VIEW by_country AS
SELECT country, stock_code, count(*) AS lines FROM order_lines GROUP BY country;

-- A statement that ends too early.
CREATE MATERIALIZED VIEW cut AS
SELECT country, count(* AS lines FROM order_lines GROUP BY country;

-- The same name twice.
CREATE VIEW units AS SELECT * FROM order_lines;
