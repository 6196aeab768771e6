CREATE SOURCE order_lines (
  invoice_no   STRING,
  stock_code   STRING,
  quantity     INT,
  invoice_date TIMESTAMP,
  unit_price   DECIMAL(12,3),
  country      STRING,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'data/*.csv', partitions = 4, follow = false);

CREATE SOURCE prices (
  stock_code STRING,
  price      MONEY
) WITH (connector = 'csv', path = 'data/prices.csv');

-- Its columns are right, one of its options is not.
CREATE SOURCE customers (
  customer_id STRING
) WITH (connector = 'csv', paht = 'data/customers.csv');
