CREATE SOURCE Orders (
  Id STRING, At TIMESTAMP, Quantity INT, Price DECIMAL(12,3), Country STRING, note STRING, score DOUBLE, day DATE,
  WATERMARK FOR at AS AT - INTERVAL 10 MINUTES
) WITH (connector = 'csv', delimiter = '\t', "quote" = '"', pace = 2.5, rebase = 'now');

-- Names are found in whatever case, and spelled as they are selected.
CREATE MATERIALIZED VIEW ByCountry AS
SELECT COUNTRY, SUM(quantity * PRICE) AS Revenue, count(*) AS `lines` FROM ORDERS GROUP BY country;

CREATE MATERIALIZED VIEW hops AS
SELECT window.start AS s, window.end AS e, window_time(window) AS t, country, avg(price) AS mean, max_by(id, price) AS dearest
FROM orders GROUP BY window(at, '15 minutes', '5 minutes'), country
EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '1 hour';

CREATE MATERIALIZED VIEW by_bounds AS
SELECT window(at, '1 hour').start AS s, count(*) AS n FROM orders GROUP BY 1;

CREATE MATERIALIZED VIEW tumbled AS
SELECT window_start, window_end, country, count(*) AS n
FROM TUMBLE(orders, at, INTERVAL '5 minutes') WHERE quantity > 0 GROUP BY window_start, window_end, country;

CREATE MATERIALIZED VIEW flink AS
SELECT window_start, count(DISTINCT id) AS n
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '5' MINUTES)) GROUP BY window_start, window_end;

CREATE MATERIALIZED VIEW hopped AS
SELECT window_start, country, sum(quantity) AS units
FROM HOP(orders, at, INTERVAL '5 minutes', INTERVAL '15 minutes') AS h GROUP BY window_start, country;

CREATE MATERIALIZED VIEW daily AS
SELECT date_trunc('DAY', at) AS day, date_format(max(at), 'HH:mm') AS last, sum(quantity) / count(*) AS mean
FROM orders GROUP BY date_trunc('DAY', at) HAVING count(*) > 2;

CREATE MATERIALIZED VIEW by_date AS SELECT CAST(at AS DATE) AS d, year(at) AS y, count_if(quantity < 0) AS returns,
  count(DISTINCT at) AS times, count(DISTINCT CAST(at AS DATE)) AS days
FROM orders GROUP BY CAST(at AS DATE), year(at);

CREATE MATERIALIZED VIEW firsts AS
SELECT id, at, price FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY at) AS n FROM orders) WHERE n = 1;

CREATE MATERIALIZED VIEW seen AS SELECT DISTINCT country, day FROM orders;

CREATE MATERIALIZED VIEW once AS SELECT DISTINCT ON (id) id, country, price FROM orders;

CREATE VIEW unrepeated AS SELECT DISTINCT * FROM orders;

CREATE MATERIALIZED VIEW totals AS
SELECT window.start AS s, sum(quantity * price) AS revenue FROM unrepeated WHERE quantity > 0 GROUP BY window(at, '1 hour');

CREATE MATERIALIZED VIEW both AS
SELECT id, at, quantity FROM orders WHERE quantity > 0
UNION ALL
SELECT concat(id, '-r'), at, -quantity FROM orders WHERE quantity < 0;

CREATE MATERIALIZED VIEW best_hour AS SELECT date_trunc('day', s) AS day, max(revenue) AS best FROM totals GROUP BY 1;

CREATE MATERIALIZED VIEW big AS SELECT country, revenue FROM ByCountry WHERE revenue > 1000;

CREATE MATERIALIZED VIEW per_hour AS
SELECT window.start AS s, count(*) AS n FROM both GROUP BY window(at, '1 hour');

CREATE MATERIALIZED VIEW words AS
SELECT if(note RLIKE '^[a-z]+\\d', 'yes', "no") AS matches, nvl(note, '') AS note, substring(note, 1, 3) AS head,
       regexp_replace(note, '(a)b', '$1') AS r, quantity DIV 2 AS half, quantity / 2 AS exact_half, price / 2 AS half_price,
       CAST(quantity AS BIGINT) AS q, TRY_CAST(note AS INT) AS number, day + INTERVAL 1 DAY AS tomorrow,
       dayofweek(at) AS dow, at BETWEEN TIMESTAMP '2010-12-01 00:00:00' AND TIMESTAMP '2011-01-01 00:00:00' AS early,
       datediff(day, DATE '2010-12-01') AS days, length(note) AS len, instr(note, 'a') AS i, concat_ws('-', id, note) AS both,
       CASE country WHEN 'France' THEN 1 ELSE 0 END AS fr, quantity <=> 3 AS three, round(score, 1) AS score
FROM orders WHERE country IN ('France', 'EIRE') AND note NOT LIKE 'x%' AND NOT quantity IS NULL;

CREATE SINK lake FROM unrepeated WITH (connector = 'delta', path = 'lake');
CREATE SINK own AS SELECT id, price * 2 AS double_price FROM orders WHERE price > 1 WITH (connector = 'delta', path = 'own');
