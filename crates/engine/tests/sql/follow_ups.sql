-- One mistake is told once: what reads something that is wrong is left alone.
CREATE SOURCE no_type (a STRING, b MONEY) WITH (connector = 'csv');
CREATE VIEW reads_no_type AS SELECT b + 1 AS c FROM no_type;
CREATE SOURCE lost (a STRING b INT) WITH (connector = 'csv');
CREATE MATERIALIZED VIEW reads_lost AS SELECT count(*) AS n FROM lost;
CREATE MATERIALIZED VIEW reads_the_reader AS SELECT n FROM reads_lost;
CREATE SINK sinks_lost FROM lost WITH (connector = 'delta');
CREATE VIEW lost_view AS SELECT FROM lost;
CREATE VIEW reads_lost_view AS SELECT * FROM Lost_View;
CREATE SOURCE no_end (a STRING) WITH (connector = 'csv')
CREATE SOURCE after_no_end (a STRING) WITH (connector = 'csv');
CREATE VIEW reads_both AS SELECT a FROM no_end UNION ALL SELECT a FROM after_no_end;
CREATE STREAM kafka (a STRING);
CREATE VIEW reads_kafka AS SELECT * FROM kafka;

-- A wrong watermark leaves the columns what they are.
CREATE SOURCE marked (zeit TIMESTAMP, name STRING, a INT, WATERMARK FOR ot AS ot - INTERVAL '1 minute') WITH (connector = 'csv');
CREATE VIEW reads_marked AS SELECT nothing FROM marked;
CREATE VIEW reads_nothing AS SELECT * FROM nowhere;
