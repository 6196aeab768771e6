CREATE SOURCE order_lines (
  invoice_no   STRING,
  quantity     INT,
  invoice_date TIMESTAMP,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'data/*.csv');

CREATE MATERIALIZED VIEW by_invoice AS
SELECT invoice_no, sum(quantity) AS units FROM order_lines GROUP BY invoice_no;
