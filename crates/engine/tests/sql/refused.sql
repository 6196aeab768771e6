CREATE SOURCE orders (
  id STRING, at TIMESTAMP, paid TIMESTAMP, amount DECIMAL(10,2), country STRING,
  WATERMARK FOR at AS at - INTERVAL '1 minute'
) WITH (connector = 'csv');
CREATE SOURCE plain (id STRING, at TIMESTAMP, amount DOUBLE) WITH (connector = 'csv');

CREATE MATERIALIZED VIEW a AS SELECT * FROM orders ORDER BY at LIMIT 10;
CREATE MATERIALIZED VIEW b AS SELECT o.id FROM orders o JOIN plain p ON o.id = p.id;
CREATE MATERIALIZED VIEW c AS SELECT id, sum(amount) OVER (PARTITION BY country) AS s FROM orders;
CREATE MATERIALIZED VIEW d AS SELECT max(s) AS m FROM (SELECT country, sum(amount) AS s FROM orders GROUP BY country);
CREATE MATERIALIZED VIEW e AS SELECT window.start AS s, count(*) AS n FROM plain GROUP BY window(at, '5 minutes');
CREATE MATERIALIZED VIEW f AS SELECT window.start AS s, count(*) AS n FROM orders GROUP BY window(paid, '5 minutes');
CREATE MATERIALIZED VIEW g AS SELECT country, count(*) AS n FROM orders GROUP BY country EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW h AS SELECT country, count(*) AS n FROM orders GROUP BY country ALLOWED LATENESS INTERVAL '1 hour';
CREATE MATERIALIZED VIEW i AS SELECT id FROM orders WHERE at > now() - INTERVAL '1 day';
CREATE MATERIALIZED VIEW j AS SELECT window, count(*) AS n FROM orders GROUP BY window(at, '5 minutes');
CREATE MATERIALIZED VIEW k AS SELECT window.start AS s, count(*) AS n FROM orders GROUP BY window(at, '1 month');
CREATE MATERIALIZED VIEW l AS SELECT session_window.start AS s, count(*) AS n FROM orders GROUP BY session_window(at, '5 minutes');
CREATE MATERIALIZED VIEW m AS SELECT collect_set(id) AS ids FROM orders;
CREATE MATERIALIZED VIEW n AS SELECT country, count(*) AS n FROM orders GROUP BY ROLLUP (country);
CREATE MATERIALIZED VIEW o AS SELECT id FROM orders WHERE id IN (SELECT id FROM plain);
CREATE MATERIALIZED VIEW p AS SELECT id + at AS x FROM orders;
CREATE MATERIALIZED VIEW q AS SELECT id FROM orders WHERE amount;
CREATE MATERIALIZED VIEW r AS SELECT date_format(at, 'yyyy-QQ') AS x FROM orders;
CREATE MATERIALIZED VIEW s AS
SELECT id, amount FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY at DESC, amount) AS rn FROM orders) WHERE rn = 1;
CREATE VIEW joined AS SELECT o.id, p.amount FROM orders o JOIN plain p ON o.id = p.id ORDER BY 1;
CREATE MATERIALIZED VIEW t AS SELECT * FROM joined;
CREATE SINK u FROM joined WITH (connector = 'delta');
CREATE MATERIALIZED VIEW v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW w AS SELECT id FROM orders INTERSECT SELECT id FROM plain;
CREATE MATERIALIZED VIEW x AS SELECT window.start AS s, sum(n) AS n FROM hourly GROUP BY window(s, '1 day') EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW hourly AS SELECT window.start AS s, count(*) AS n FROM orders GROUP BY window(at, '1 hour');
CREATE MATERIALIZED VIEW y AS SELECT window.start AS s, count(*) AS n FROM orders GROUP BY window(at, '5 minutes', '10 minutes');
CREATE MATERIALIZED VIEW z AS SELECT window_start, id FROM HOP(orders, at, INTERVAL '5 minutes', INTERVAL '15 minutes');
CREATE MATERIALIZED VIEW aa AS
SELECT window_start, max(window_end) AS e FROM HOP(orders, at, INTERVAL '5 minutes', INTERVAL '15 minutes') GROUP BY window_start;
CREATE MATERIALIZED VIEW ab AS SELECT * FROM HOP(orders, at);
CREATE MATERIALIZED VIEW ac AS SELECT * FROM read_csv('/etc/passwd');
CREATE MATERIALIZED VIEW ad AS SELECT window.start AS s, window(at, '1 hour').end AS e, count(*) AS n FROM orders
GROUP BY window(at, '5 minutes'), window(at, '1 hour');
CREATE MATERIALIZED VIEW ae AS SELECT window.start AS s, count(*) AS n FROM totals GROUP BY window(n, '5 minutes');
CREATE MATERIALIZED VIEW totals AS SELECT country, count(*) AS n FROM orders GROUP BY country;
CREATE MATERIALIZED VIEW af AS SELECT country, count(*) AS n FROM orders GROUP BY country UNION ALL SELECT country, count(*) AS n FROM orders GROUP BY country;
