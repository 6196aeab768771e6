-- What looks like those and is right.
CREATE SOURCE s (branch STRING, n INT, price DECIMAL(10,2), day STRING, sold_at TIMESTAMP, WATERMARK FOR sold_at AS sold_at - INTERVAL '1 minute') WITH (connector = 'csv');
CREATE MATERIALIZED VIEW v1 AS SELECT extract(dow FROM sold_at) AS a, extract(DAYOFWEEK FROM sold_at) AS b, extract(dow_iso FROM sold_at) AS c, date_part('dow', sold_at) AS d, dayofweek(sold_at) AS e, extract('hour' FROM sold_at) AS f, date_part('MINS', sold_at) AS g FROM s;
CREATE MATERIALIZED VIEW v2 AS SELECT to_char(sold_at, 'yyyy-MM') AS a, floor(price) AS b, ceil(price) AS c, floor(n) AS d, ceil(CAST(n AS DOUBLE)) AS e, CAST(n AS TINYINT) AS f, TRY_CAST(branch AS SMALLINT) AS g, CAST(branch AS VARCHAR(3)) AS h FROM s;
CREATE MATERIALIZED VIEW v3 AS SELECT branch, count(DISTINCT day, n) AS a, count(DISTINCT n) AS b FROM s GROUP BY branch;
CREATE MATERIALIZED VIEW v4 AS SELECT 1.0 / 3 AS a, price / 3 AS b, price / n AS c, CAST(1 AS DECIMAL(10,2)) / 3 AS d, 1 / price AS e FROM s;
CREATE MATERIALIZED VIEW v5 AS SELECT branch, count(*) * 100.0 / sum(n) AS share, sum(price) / count(*) AS mean FROM s GROUP BY branch;
CREATE MATERIALIZED VIEW v6 AS SELECT date_trunc("day", sold_at) AS "n", regexp_extract(branch, 'A-', 0) AS x, branch <=> NULL AS y FROM s WHERE n IS NOT NULL;
CREATE MATERIALIZED VIEW v7 AS SELECT branch, count_if(n > 1) AS x FROM s GROUP BY branch;
CREATE MATERIALIZED VIEW v8 AS SELECT date_format(sold_at, "day") AS a, to_char(sold_at, "day") AS b FROM s;
CREATE MATERIALIZED VIEW v9 AS SELECT branch "n", n + 1 "day", count(*) "price" FROM s GROUP BY branch, n;
