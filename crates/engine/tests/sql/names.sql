CREATE SOURCE orders (
  id STRING, at TIMESTAMP, amount DECIMAL(10,2), Country STRING,
  WATERMARK FOR at AS at - INTERVAL '1 minute'
) WITH (connector = 'csv');

-- Views may come before those they read.
CREATE MATERIALIZED VIEW a AS SELECT contry, sum(amuont) AS s FROM ordrs GROUP BY contry;
CREATE MATERIALIZED VIEW b AS SELECT contry, sum(amuont) AS s, smu(amount) AS t FROM orders GROUP BY contry;
CREATE MATERIALIZED VIEW c AS SELECT contry, sum(amuont) AS s FROM orders GROUP BY contry;
CREATE VIEW orders AS SELECT 1 AS one FROM orders;
CREATE VIEW x.late AS SELECT id FROM orders;
CREATE SINK s FROM nowhere WITH (connector = 'delta');
CREATE SINK s FROM orders WITH (connector = 'delta', connector = 'delta');
CREATE MATERIALIZED VIEW d AS SELECT country, sum(amount) FROM orders GROUP BY country;
CREATE MATERIALIZED VIEW e AS SELECT country AS c, sum(amount) AS c FROM orders GROUP BY country;
CREATE MATERIALIZED VIEW f AS SELECT id, sum(amount) AS s FROM orders GROUP BY country;
