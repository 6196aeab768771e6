-- All names of all types.
CREATE SOURCE every (
  a STRING, a2 TEXT, b INT, b2 INTEGER, c BIGINT, c2 LONG, d DECIMAL, d2 DECIMAL(12), d3 NUMERIC(12, 3), d4 DEC(5, 5),
  e DOUBLE, f FLOAT, f2 REAL, g BOOLEAN, g2 BOOL, h DATE, i TIMESTAMP, i2 TIMESTAMP_NTZ
) WITH (connector = 'csv');
CREATE VIEW v AS SELECT * FROM every;
