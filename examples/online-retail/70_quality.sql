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
