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
