"""Reads a Delta table with the `deltalake` package and DuckDB, and prints what it found as JSON.

Usage: read_delta.py TABLE
Counts rows, rows with a (_partition, _offset) of their own, and sums exactly every column that can be summed.
"""
import json
import sys

import deltalake
import duckdb

table = deltalake.DeltaTable(sys.argv[1])
fields = [field.name for field in table.schema().fields]
files = table.file_uris()
result = {"version": table.version(), "files": len(files), "columns": fields, "rows": 0, "positions": 0, "sums": {}}
if files:
    rows = duckdb.read_parquet(files)
    types = dict(zip(rows.columns, (str(t) for t in rows.types)))
    sums = [c for c in rows.columns if not c.startswith("_") and types[c].startswith(("INTEGER", "BIGINT", "DECIMAL"))]
    wanted = ["count(*)", "count(DISTINCT (_partition, _offset))"] + [f'CAST(sum("{c}") AS VARCHAR)' for c in sums]
    found = duckdb.sql(f"SELECT {', '.join(wanted)} FROM rows").fetchall()[0]
    result.update(rows=found[0], positions=found[1], sums=dict(zip(sums, found[2:])), types=types)
print(json.dumps(result))
