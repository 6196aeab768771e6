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
