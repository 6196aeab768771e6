//! What the README and the guide tell a newcomer to do works as it is written there.

use std::fs;
use std::path::Path;

use super::support::Project;

/// The blocks of a language in a document, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect("the document is there");
    let mut blocks = Vec::new();
    // What stands between fences: text, block, text, block …
    for block in text.split("```").skip(1).step_by(2) {
        let (head, body) = block.split_once('\n').expect("a block has lines");
        if head == language {
            blocks.push(body.to_owned());
        }
    }
    blocks
}

#[test]
fn getting_started_works_as_written() {
    let guide = "docs/getting-started.md";
    let project = Project::empty();
    project.write("data/sales.csv", &blocks(guide, "")[0]);
    for (number, sql) in blocks(guide, "sql").iter().enumerate() {
        project.write(&format!("{number}.sql"), sql);
    }
    project.write("millrace.toml", &blocks(guide, "toml")[0]);
    project.run(&["check", project.arg()]).succeeded();

    // The guide's source follows its folder; to see its end, it is told not to.
    project.edit("0.sql", "follow = true", "follow = false");
    project.load();
    let questions: Vec<String> = blocks(guide, "sh").iter().flat_map(|block| questions_in(block)).collect();
    assert_eq!(questions.len(), 2, "the guide asks twice: {questions:?}");
    assert_eq!(project.ask(&questions[0]), [["Köln", "19.00"]]);
    assert_eq!(project.ask(&questions[1]), [["2024-03-01T09:00:00", "19.00", "1", "3"]]);
}

/// What the lines with `millrace sql` ask.
fn questions_in(block: &str) -> Vec<String> {
    let asking = block.lines().filter(|line| line.starts_with("millrace sql"));
    asking.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn the_readme_s_project_is_a_project() {
    let project = Project::empty();
    project.write("data/lines.csv", "No,Quantity,Date,Price,Country\n1,2,2024-03-01 09:00:00,3.500,France\n");
    project.write("shop.sql", blocks("README.md", "sql").concat());
    project.load();
    let question = blocks("README.md", "sh").iter().flat_map(|block| questions_in(block)).next().expect("it asks");
    assert_eq!(project.ask(&question), [["2024-03-01T09:00:00", "7.000", "1"]]);
}

/// Every statement and every function that the reference names is one that there is.
#[test]
fn the_reference_of_the_sql_is_true() {
    let project = Project::empty();
    project.write(
        "all.sql",
        "CREATE SOURCE t (n INT, d DECIMAL(9,2), s STRING, b BOOLEAN, day DATE, at TIMESTAMP,
           WATERMARK FOR at AS at - INTERVAL '1 minute') WITH (connector = 'csv', path = 't.csv', follow = false);
         CREATE MATERIALIZED VIEW aggregates AS SELECT count(*) AS c1, count_if(b) AS c2, sum(d) AS c3, avg(n) AS c4, min(s) AS c5,
           max(s) AS c6, min_by(s, n) AS c7, max_by(s, n) AS c8, median(n) AS c9, percentile(n, 0.5) AS c10,
           approx_percentile(n, 0.5) AS c11, approx_count_distinct(s) AS c12, stddev(n) AS c13, variance(n) AS c14,
           corr(n, n) AS c15, bool_and(b) AS c16, bool_or(b) AS c17, any(b) AS c18, every(b) AS c19,
           any_value(s) AS c20 FROM t;
         CREATE MATERIALIZED VIEW texts AS SELECT concat(s, 'x') AS c1, s || 'x' AS c2, upper(s) AS c3, lower(s) AS c4, trim(s) AS c5,
           ltrim(s) AS c6, rtrim(s) AS c7, length(s) AS c8, substring(s, 2, 3) AS c9, split_part(s, 'a', 1) AS c10,
           replace(s, 'a', 'b') AS c11, regexp_replace(s, 'a+', 'b') AS c12, regexp_extract(s, '(a)', 1) AS c13,
           s RLIKE 'a' AS c14, startswith(s, 'a') AS c15, endswith(s, 'a') AS c16, instr(s, 'a') AS c17, locate('a', s) AS c18,
           lpad(s, 5, ' ') AS c19, rpad(s, 5, ' ') AS c20, reverse(s) AS c21, initcap(s) AS c22,
           concat_ws('-', s, 'x') AS c23 FROM t;
         CREATE MATERIALIZED VIEW numbers AS SELECT abs(n) AS c1, round(d, 1) AS c2, floor(d) AS c3, ceil(d) AS c4, sign(n) AS c5,
           power(n, 2) AS c6, sqrt(n) AS c7, exp(n) AS c8, ln(n) AS c9, log10(n) AS c10, mod(n, 3) AS c11, n % 3 AS c12,
           n div 2 AS c13, try_divide(n, 0) AS c14, n / 2 AS c15 FROM t;
         CREATE MATERIALIZED VIEW times AS SELECT date_trunc('month', at) AS c1, trunc(day, 'month') AS c2, date_part('hour', at) AS c3,
           extract(YEAR FROM at) AS c4, year(at) AS c5, quarter(at) AS c6, month(at) AS c7, day(at) AS c8, dayofweek(at) AS c9,
           weekofyear(at) AS c10, hour(at) AS c11, minute(at) AS c12, second(at) AS c13, date_add(day, 1) AS c14,
           date_sub(day, 1) AS c15, add_months(day, 1) AS c16, last_day(day) AS c17, datediff(day, day) AS c18,
           date_format(at, 'yyyy-MM') AS c19, to_date('2024-01-02') AS c20, to_timestamp('2024-01-02 03:04:05') AS c21,
           unix_timestamp(at) AS c22, at + INTERVAL '1 day' AS c23, weekday(at) AS c24 FROM t;
         CREATE MATERIALIZED VIEW conditions AS SELECT CASE WHEN b THEN 1 ELSE 2 END AS c1, if(b, 1, 2) AS c2, coalesce(n, 0) AS c3,
           nullif(n, 0) AS c4, nvl(n, 0) AS c5, isnull(n) AS c6, isnotnull(n) AS c7, greatest(n, 1) AS c8, least(n, 1) AS c9,
           n <=> NULL AS c10 FROM t;
         CREATE OR REPLACE MATERIALIZED VIEW by_place AS SELECT s, count(*) AS c FROM t GROUP BY 1;
         CREATE VIEW IF NOT EXISTS same AS SELECT * FROM t;
         CREATE MATERIALIZED VIEW firsts AS SELECT n, s, at FROM
           (SELECT *, ROW_NUMBER() OVER (PARTITION BY n ORDER BY at) AS nth FROM t) AS o WHERE nth = 1;
         CREATE MATERIALIZED VIEW tumbled AS SELECT window_start, count(*) AS c FROM TUMBLE(t, at, INTERVAL '1 hour')
           GROUP BY window_start, window_end EMIT ON WINDOW CLOSE ALLOWED LATENESS INTERVAL '1 hour';
         CREATE SINK closed AS SELECT n, s FROM t WHERE b WITH (connector = 'delta', path = 'lake/closed');",
    );
    project.write("t.csv", "n,d,s,b,day,at\n7,1.25,banana,true,2024-02-29,2024-02-29 10:11:12\n");
    project.load();
    let one = |sql: &str| project.ask(sql).remove(0);
    assert_eq!(one("SELECT c1, c2, c3, c4, c8, c20 FROM aggregates"), ["1", "1", "1.25", "7.0", "banana", "banana"]);
    assert_eq!(one("SELECT c9, c12, c13, c17, c22, c23 FROM texts"), ["ana", "bbnbnb", "a", "2", "Banana", "banana-x"]);
    assert_eq!(one("SELECT c3, c12, c13, c14, c15 FROM numbers"), ["1", "1", "3", "", "3.5"]);
    assert_eq!(
        one("SELECT c1, c2, c9, c16, c17, c19, c24 FROM times"),
        ["2024-02-01T00:00:00", "2024-02-01", "5", "2024-03-29", "2024-02-29", "2024-02", "3"]
    );
    assert_eq!(one("SELECT c10 FROM conditions"), ["false"]);
    assert_eq!(one("SELECT s, c FROM by_place"), ["banana", "1"]);
    assert_eq!(one("SELECT n FROM same"), ["7"]);
    assert_eq!(one("SELECT window_start, c FROM tumbled"), ["2024-02-29T10:00:00", "1"]);
    assert_eq!(one("SELECT n, s FROM firsts"), ["7", "banana"]);
    assert_eq!(one("SELECT n, s FROM lake.closed"), ["7", "banana"]);
    assert_eq!(project.ask("SELECT reason FROM topic.\"numbers.dlq\""), Vec::<Vec<String>>::new());
}
