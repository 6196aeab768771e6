CREATE SOURCE order_lines (
  invoice_no   STRING,
  stock_code   STRING,
  description  STRING,
  quantity     INT,
  invoice_date TIMESTAMP,
  unit_price   DECIMAL(12,3),
  customer_id  STRING,
  country      STRING,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'data/*.csv', partitions = 4, follow = false);

-- The lines with what every later view needs: the amount, the customer's number as the shop writes it (the file says
-- `17850.0`), and what kind of line it is.
CREATE VIEW lines AS
SELECT invoice_no,
       stock_code,
       trim(description)               AS description,
       quantity,
       unit_price,
       quantity * unit_price           AS amount,
       invoice_date,
       split_part(customer_id, '.', 1) AS customer_no,
       country,
       invoice_no LIKE 'C%'            AS is_cancellation,
       quantity > 0 AND unit_price > 0 AND invoice_no NOT LIKE 'C%' AS is_sale
FROM order_lines;

-- What was sold: no cancellations, no write-offs, no lines without a price.
CREATE VIEW sales AS
SELECT * FROM lines WHERE is_sale;

-- What was sold to a customer we know: the rows that customer figures are made of.
CREATE VIEW clean_sales AS
SELECT * FROM sales WHERE customer_no IS NOT NULL;

-- The lines without those that repeat an earlier one in every column.
CREATE VIEW distinct_lines AS
SELECT DISTINCT invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id, country
FROM order_lines;
-- Revenue over time. `revenue` is net: sales less cancellations, write-offs and bad debts. `gross` is what was sold.
CREATE MATERIALIZED VIEW revenue_5m AS
SELECT window.start                                             AS window_start,
       count(*)                                                 AS lines,
       count(DISTINCT invoice_no)                               AS invoices,
       count(DISTINCT invoice_no) FILTER (WHERE is_sale)        AS orders,
       count(DISTINCT customer_no)                              AS customers,
       sum(quantity)                                            AS units,
       sum(amount)                                              AS revenue,
       coalesce(sum(amount) FILTER (WHERE is_sale), 0)          AS gross,
       count(DISTINCT invoice_no) FILTER (WHERE is_cancellation) AS cancellations,
       coalesce(sum(amount) FILTER (WHERE is_cancellation), 0)  AS cancelled
FROM lines
GROUP BY window(invoice_date, '5 minutes');

CREATE MATERIALIZED VIEW revenue_5m_by_country AS
SELECT window.start               AS window_start,
       country,
       count(*)                   AS lines,
       count(DISTINCT invoice_no) AS invoices,
       sum(quantity)              AS units,
       sum(amount)                AS revenue
FROM lines
GROUP BY window(invoice_date, '5 minutes'), country;

CREATE MATERIALIZED VIEW revenue_hourly AS
SELECT window.start               AS window_start,
       count(*)                   AS lines,
       count(DISTINCT invoice_no) AS invoices,
       sum(quantity)              AS units,
       sum(amount)                AS revenue
FROM lines
GROUP BY window(invoice_date, '1 hour');

CREATE MATERIALIZED VIEW revenue_daily AS
SELECT window.start                                            AS day,
       count(*)                                                AS lines,
       count(DISTINCT invoice_no)                              AS invoices,
       count(DISTINCT customer_no)                             AS customers,
       sum(quantity)                                           AS units,
       sum(amount)                                             AS revenue,
       coalesce(sum(amount) FILTER (WHERE is_sale), 0)         AS gross,
       coalesce(sum(amount) FILTER (WHERE is_cancellation), 0) AS cancelled
FROM lines
GROUP BY window(invoice_date, '1 day');

-- Months differ in length, so they are no window: the group is the month itself.
CREATE MATERIALIZED VIEW revenue_monthly AS
SELECT date_trunc('month', invoice_date)                       AS month,
       count(*)                                                AS lines,
       count(DISTINCT invoice_no)                              AS invoices,
       count(DISTINCT customer_no)                             AS customers,
       sum(quantity)                                           AS units,
       sum(amount)                                             AS revenue,
       coalesce(sum(amount) FILTER (WHERE is_sale), 0)         AS gross,
       coalesce(sum(amount) FILTER (WHERE is_sale AND customer_no IS NOT NULL), 0) AS clean
FROM lines
GROUP BY date_trunc('month', invoice_date);
CREATE MATERIALIZED VIEW by_country AS
SELECT country,
       count(*)                    AS lines,
       count(DISTINCT invoice_no)  AS invoices,
       count(DISTINCT customer_no) AS customers,
       sum(quantity)               AS units,
       sum(amount)                 AS revenue
FROM lines
GROUP BY country;

CREATE MATERIALIZED VIEW products AS
SELECT stock_code,
       max(description) FILTER (WHERE is_sale)           AS description,
       count(*)                                          AS lines,
       count(DISTINCT invoice_no)                        AS invoices,
       sum(quantity)                                     AS units,
       sum(amount)                                       AS revenue,
       coalesce(sum(quantity) FILTER (WHERE is_sale), 0) AS units_sold,
       coalesce(sum(amount) FILTER (WHERE is_sale), 0)   AS gross
FROM lines
GROUP BY stock_code;
-- One row a customer, with what recency, frequency and monetary value are computed from: over all of their lines
-- (`invoices`, `net`, `last_seen`) and over what they bought and kept to (`orders`, `revenue`, `last_order`).
CREATE MATERIALIZED VIEW customers AS
SELECT customer_no,
       max(country)                                      AS country,
       count(*)                                          AS lines,
       count(DISTINCT invoice_no)                        AS invoices,
       sum(amount)                                       AS net,
       min(invoice_date)                                 AS first_seen,
       max(invoice_date)                                 AS last_seen,
       count(DISTINCT invoice_no) FILTER (WHERE is_sale) AS orders,
       coalesce(sum(amount) FILTER (WHERE is_sale), 0)   AS revenue,
       min(invoice_date) FILTER (WHERE is_sale)          AS first_order,
       max(invoice_date) FILTER (WHERE is_sale)          AS last_order
FROM lines
WHERE customer_no IS NOT NULL
GROUP BY customer_no;
CREATE MATERIALIZED VIEW invoices AS
SELECT invoice_no,
       min(invoice_date)                               AS invoice_date,
       count(*)                                        AS lines,
       sum(quantity)                                   AS units,
       sum(amount)                                     AS revenue,
       max(customer_no)                                AS customer_no,
       min(country)                                    AS country
FROM lines
GROUP BY invoice_no;

-- Orders worth a look while they are still being packed.
CREATE MATERIALIZED VIEW large_orders AS
SELECT invoice_no,
       min(invoice_date) AS invoice_date,
       max(customer_no)  AS customer_no,
       min(country)      AS country,
       count(*)          AS lines,
       sum(quantity)     AS units,
       sum(amount)       AS amount
FROM sales
GROUP BY invoice_no
HAVING sum(amount) >= 5000;

-- No GROUP BY: every cancelled line is a row of its own, which never changes again.
CREATE MATERIALIZED VIEW cancellations AS
SELECT invoice_date, invoice_no, stock_code, description, quantity, unit_price, amount, customer_no, country
FROM lines
WHERE is_cancellation;
-- What is odd in the data, counted: one row, kept up to date.
CREATE MATERIALIZED VIEW data_quality AS
SELECT count(*)                                                                  AS lines,
       count(DISTINCT invoice_no)                                                AS invoices,
       count(DISTINCT customer_id)                                               AS customers,
       count(DISTINCT stock_code)                                                AS stock_codes,
       count(DISTINCT description)                                               AS descriptions,
       count(DISTINCT country)                                                   AS countries,
       sum(quantity)                                                             AS units,
       sum(quantity * unit_price)                                                AS revenue,
       min(invoice_date)                                                         AS first_line,
       max(invoice_date)                                                         AS last_line,
       count(DISTINCT CAST(invoice_date AS DATE))                                AS days,
       count(DISTINCT invoice_date)                                              AS minutes,
       count(*) FILTER (WHERE invoice_no LIKE 'C%')                              AS cancelled_lines,
       count(DISTINCT invoice_no) FILTER (WHERE invoice_no LIKE 'C%')            AS cancelled_invoices,
       sum(quantity * unit_price) FILTER (WHERE invoice_no LIKE 'C%')            AS cancelled,
       count(*) FILTER (WHERE invoice_no LIKE 'A%')                              AS bad_debt_lines,
       count(*) FILTER (WHERE quantity < 0)                                      AS negative_quantity_lines,
       count(*) FILTER (WHERE quantity < 0 AND invoice_no NOT LIKE 'C%')         AS write_off_lines,
       count(*) FILTER (WHERE unit_price = 0)                                    AS zero_price_lines,
       count(*) FILTER (WHERE unit_price < 0)                                    AS negative_price_lines,
       count(*) FILTER (WHERE customer_id IS NULL)                               AS lines_without_customer,
       count(*) FILTER (WHERE description IS NULL)                               AS lines_without_description
FROM order_lines;

CREATE MATERIALIZED VIEW sales_quality AS
SELECT count(*)                                                          AS sale_lines,
       sum(amount)                                                       AS gross,
       count(*) FILTER (WHERE customer_no IS NOT NULL)                   AS clean_lines,
       count(DISTINCT invoice_no) FILTER (WHERE customer_no IS NOT NULL) AS clean_invoices,
       count(DISTINCT customer_no)                                       AS clean_customers,
       sum(amount) FILTER (WHERE customer_no IS NOT NULL)                AS clean
FROM sales;

-- The same totals without repeated lines. How many there were stands in the ledger of this query, as duplicates.
CREATE MATERIALIZED VIEW totals_without_repeats AS
SELECT count(*)                    AS lines,
       sum(quantity * unit_price)  AS revenue,
       count(DISTINCT invoice_no)  AS invoices,
       count(DISTINCT customer_id) AS customers
FROM distinct_lines;
-- The rows themselves, for whoever wants to work on them with other tools: two Delta tables.
CREATE SINK raw_order_lines FROM order_lines WITH (connector = 'delta', path = 'lake/order_lines');

CREATE SINK clean_order_lines FROM clean_sales WITH (connector = 'delta', path = 'lake/clean_sales');
