-- What not every row comes to, and what gives NULL.
CREATE SOURCE s (a INT, b BIGINT, n STRING, d DATE, t TIMESTAMP, p DECIMAL(10,2), f DOUBLE, ok BOOLEAN) WITH (connector = 'csv');
CREATE MATERIALIZED VIEW v1 AS SELECT CASE WHEN a = 0 THEN 1 / 0 ELSE 1 END AS x, coalesce(a, 1 / 0) AS y, try_divide(a, 0) AS z FROM s;
CREATE MATERIALIZED VIEW v2 AS SELECT a / nullif(b, 0) AS x, TRY_CAST('abc' AS INT) AS y, 1 / 2 AS z FROM s WHERE n rlike '\\[' AND a IS NOT NULL;
