-- Constant texts that are numbers, dates or times are compared with such columns.
CREATE SOURCE s (a INT, b BIGINT, n STRING, d DATE, t TIMESTAMP, p DECIMAL(10,2), f DOUBLE, ok BOOLEAN) WITH (connector = 'csv');
CREATE MATERIALIZED VIEW v1 AS SELECT a FROM s WHERE a = '5' AND p > '1.5' AND f < '1e3' AND b IN ('1', '2') AND n = '5';
CREATE MATERIALIZED VIEW v2 AS SELECT a FROM s WHERE CAST(n AS INT) > 5 AND TRY_CAST(n AS DOUBLE) < 1.5;
CREATE MATERIALIZED VIEW v3 AS SELECT a FROM s WHERE d > '2010-12-01' AND t BETWEEN '2010-12-01' AND '2010-12-09 12:00:00';
CREATE MATERIALIZED VIEW v4 AS SELECT a FROM s WHERE a > 1.5 AND p = 3 AND b <> f AND n IS NULL;
CREATE MATERIALIZED VIEW v5 AS SELECT CASE a WHEN '1' THEN n ELSE 'x' END AS x, last_day(t) AS l, datediff(t, d) AS days, date_add(t, 1) AS next FROM s;
