-- Names that no column can have, and columns without one.
CREATE SOURCE s (a INT, größe INT, `x-y` INT, `1st` INT) WITH (connector = 'csv');
CREATE SOURCE t (a INT, p INT) WITH (connector = 'csv');
CREATE MATERIALIZED VIEW v1 AS SELECT a AS `mein Name` FROM t;
CREATE MATERIALIZED VIEW v2 AS SELECT a AS größe, p AS "1st" FROM t;
CREATE MATERIALIZED VIEW v3 AS SELECT a + 1, sum(p) FROM t GROUP BY a;
CREATE MATERIALIZED VIEW wörter AS SELECT a FROM t;
