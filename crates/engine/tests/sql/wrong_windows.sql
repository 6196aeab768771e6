CREATE SOURCE s (a STRING, at TIMESTAMP, WATERMARK FOR at AS at - INTERVAL '5 fortnights') WITH (connector = 'csv');
CREATE SOURCE t (a STRING, at TIMESTAMP, WATERMARK FOR at AS at - INTERVAL '1 minute') WITH (connector = 'csv');
CREATE MATERIALIZED VIEW v1 AS SELECT session_window.start AS b, count(*) AS n FROM t GROUP BY session_window(at, '5 minutes');
CREATE MATERIALIZED VIEW v2 AS SELECT window.start AS b, count(*) AS n FROM t GROUP BY window(at, '-5 minutes');
CREATE MATERIALIZED VIEW v3 AS SELECT window.start AS b, count(*) AS n FROM t GROUP BY window(at, '5 minutes', INTERVAL 0 SECONDS);
CREATE MATERIALIZED VIEW v4 AS SELECT window.start AS b, count(*) AS n FROM t GROUP BY window(at, INTERVAL 5 FORTNIGHTS);
