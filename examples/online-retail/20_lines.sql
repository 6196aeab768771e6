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
