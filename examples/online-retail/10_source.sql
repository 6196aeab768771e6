-- Every order line of the shop, as the file has it. Cancellations, write-offs, bad debts and lines without a customer are
-- all in here: nothing is thrown away at the door.
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
) WITH (
  connector  = 'csv',
  path       = 'data/online_retail.csv.zst',
  key        = 'customer_id',
  partitions = 4,
  follow     = false
);
