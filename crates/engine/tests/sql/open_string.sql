CREATE VIEW v AS SELECT 'never closed FROM t;
