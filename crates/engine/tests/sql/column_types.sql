-- Types that a source does not keep, in its columns.
CREATE SOURCE narrow (
  a SMALLINT,
  b tinyint,
  c VARCHAR(5),
  d CHAR(3),
  e INT(5),
  f DECIMAL(12, 3, 1),
  g MONEY,
  h CHARAKTER
) WITH (connector = 'csv');
