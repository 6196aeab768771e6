"""The bench's query as one batch in DuckDB. Usage: batch.py ORDER_LINES.csv RESULT.csv [ORDER_LINES.parquet]"""
import sys

import duckdb

source, result = sys.argv[1:3]
columns = {
    "invoice_no": "VARCHAR", "stock_code": "VARCHAR", "description": "VARCHAR", "quantity": "INTEGER", "invoice_date": "TIMESTAMP",
    "unit_price": "DECIMAL(12,3)", "customer_id": "VARCHAR", "country": "VARCHAR",
}
lines = f"read_csv('{source}', header = true, delim = ',', quote = '\"', columns = {columns})"
duckdb.sql(f"""
COPY (
  SELECT strftime(time_bucket(INTERVAL '5 minutes', invoice_date, TIMESTAMP '1970-01-01'), '%Y-%m-%dT%H:%M:%S') AS window_start, country,
         count(*) AS order_lines, count(DISTINCT invoice_no) AS invoices, sum(quantity) AS units, sum(quantity * unit_price) AS revenue
  FROM {lines} GROUP BY ALL ORDER BY window_start, country
) TO '{result}' (HEADER, DELIMITER ',')""")
if len(sys.argv) > 3:
    duckdb.sql(f"COPY (SELECT * FROM {lines}) TO '{sys.argv[3]}' (FORMAT parquet, COMPRESSION zstd)")
