CREATE SOURCE order_lines (
  invoice_no   STRING,
  quantity     INT,
  invoice_date TIMESTAMP,
  WATERMARK FOR invoice_date AS invoice_date - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'data/*.csv', partitons = 4, key = 'invoice', pace = 'quick');
