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
