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
