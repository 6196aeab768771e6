//! A file with planted bad, late and repeated rows: every row is accounted for, and each is where the ledger says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::support::{Project, Running, iso, seconds};

/// Rows that fit, one every 30 seconds.
const GOOD: i64 = 5_000;
/// After so many of them comes a late one, a repeated one, a bad one.
const LATE_EVERY: i64 = 250;
const REPEATED_EVERY: i64 = 200;
const BAD_EVERY: i64 = 125;

const WINDOW_S: i64 = 300;

/// What is wrong with a bad row, and the column it is wrong in.
const BAD: [(&str, &str); 5] = [
    ("A1,SKU,1.5,2024-03-01T00:00:00,2.50,ann", "quantity"),
    ("A1,SKU,1,the first of March,2.50,ann", "sold_at"),
    ("A1,SKU,1,2024-03-01T00:00:00,two pounds,ann", "price"),
    ("A1,SKU,1,2024-03-01T00:00:00,2.505,ann", "price"),
    ("A1,SKU,1", ""),
];

/// The planted file, and what must come of it.
#[derive(Default)]
struct Planted {
    csv: String,
    lines: u64,
    /// Line, column and text of each bad row.
    bad: Vec<(u64, &'static str, &'static str)>,
    late: u64,
    repeated: u64,
    /// Rows, units and hundredths of money by window.
    windows: BTreeMap<i64, (i64, i64, i64)>,
}

impl Planted {
    fn new() -> Self {
        let mut planted = Self { csv: "order_no,sku,quantity,sold_at,price,customer\n".to_owned(), ..Self::default() };
        let start = seconds("2024-03-01T08:00:00");
        for number in 0..GOOD {
            let second = start + number * 30;
            let row = format!(
                "A{number},S{},{},{},{}.{:02},c{}",
                number % 7,
                number % 9 + 1,
                iso(second),
                number % 40,
                number % 100,
                number % 83
            );
            planted.push(&row);
            planted.count(number, second);
            if number % REPEATED_EVERY == REPEATED_EVERY - 1 {
                planted.push(&row);
                planted.count(number, second);
                planted.repeated += 1;
            }
            // Three hours behind: its window closed long ago, and it repeats nothing.
            if number % LATE_EVERY == LATE_EVERY - 1 && number > 400 {
                planted.push(&format!("L{number},S0,1,{},1.00,c0", iso(second - 3 * 3600)));
                planted.late += 1;
            }
            if number % BAD_EVERY == BAD_EVERY - 1 {
                let (row, column) = BAD[planted.bad.len() % BAD.len()];
                planted.push(row);
                let line = planted.lines + 1;
                planted.bad.push((line, column, row));
            }
        }
        planted
    }

    fn push(&mut self, row: &str) {
        writeln!(self.csv, "{row}").expect("a text grows");
        self.lines += 1;
    }

    fn count(&mut self, number: i64, second: i64) {
        let (rows, units, money) = self.windows.entry(second - second.rem_euclid(WINDOW_S)).or_default();
        *rows += 1;
        *units += number % 9 + 1;
        *money += (number % 9 + 1) * (number % 40 * 100 + number % 100);
    }
}

const SQL: &str = "
CREATE SOURCE orders (
  order_no STRING, sku STRING, quantity INT, sold_at TIMESTAMP, price DECIMAL(10,2), customer STRING,
  WATERMARK FOR sold_at AS sold_at - INTERVAL '10 minutes'
) WITH (connector = 'csv', path = 'data/orders.csv', key = 'customer', partitions = 1, follow = false);

CREATE MATERIALIZED VIEW by_window AS
SELECT window.start AS window_start, count(*) AS rows_in, sum(quantity) AS units, sum(quantity * price) AS money
FROM orders GROUP BY window(sold_at, '5 minutes');

CREATE VIEW told_once AS SELECT DISTINCT order_no, sku, quantity, sold_at, price, customer FROM orders;
CREATE MATERIALIZED VIEW by_customer AS
SELECT customer, count(*) AS rows_in FROM told_once GROUP BY customer;

CREATE MATERIALIZED VIEW everything AS SELECT count(*) AS rows_in FROM orders;
";

fn line_of<'a>(ledger: &'a Value, stage: &str) -> &'a Value {
    let lines = ledger.as_array().expect("the ledger is a list");
    lines.iter().find(|line| line["stage"] == stage).unwrap_or_else(|| panic!("no line of {stage}: {ledger:#}"))
}

#[track_caller]
fn assert_line(ledger: &Value, stage: &str, [read, used, late, duplicate, rejected]: [u64; 5]) {
    let line = line_of(ledger, stage);
    let wanted = [("read", read), ("used", used), ("late", late), ("duplicate", duplicate), ("rejected", rejected)];
    for (name, count) in wanted {
        assert_eq!(line[name], count, "{name} of {stage}: {line:#}");
    }
    assert_eq!(line["balances"], true, "{stage}: {line:#}");
}

#[test]
fn every_row_is_accounted_for() {
    let planted = Planted::new();
    let project = Project::empty();
    project.write("data/orders.csv", &planted.csv).write("orders.sql", SQL);
    let said = project.run(&["up", project.arg(), "--until-done", "--listen", "127.0.0.1:0"]);
    said.succeeded();

    // What was not used is told at the end, with the way to all of it.
    let (line, ..) = &planted.bad[0];
    for word in [
        format!("millrace topic consume orders.dlq --from-beginning --project {}\n", project.arg()),
        format!("first: data/orders.csv:{line}: "),
        format!(
            "millrace topic consume by_window.late --from-beginning --project {}\n  first: data/orders.csv:",
            project.arg()
        ),
        "s, and its window from 2024-03-01T".to_owned(),
        "query:by_customer".to_owned(),
    ] {
        assert!(said.stdout.contains(&word), "`{word}` is missing in:\n{}", said.stdout);
    }
    assert!(!said.stdout.contains("query:everything"), "it used every row:\n{}", said.stdout);

    // The rows themselves.
    let windows: Vec<Vec<String>> =
        project.ask("SELECT window_start, rows_in, units, money FROM by_window ORDER BY window_start");
    let expected = planted.windows.iter().map(|(start, (rows, units, money))| {
        vec![iso(*start), rows.to_string(), units.to_string(), format!("{}.{:02}", money / 100, money % 100)]
    });
    assert_eq!(windows, expected.collect::<Vec<_>>());

    // The ledger.
    let bad = planted.bad.len() as u64;
    let (taken, late, repeated) = (planted.lines - bad, planted.late, planted.repeated);
    let running = Running::start(&project);
    let ledger = running.json("/api/v1/ledger");
    assert_line(&ledger, "source:orders", [planted.lines, taken, 0, 0, bad]);
    assert_line(&ledger, "query:by_window", [taken, taken - late, late, 0, 0]);
    assert_line(&ledger, "query:by_customer", [taken, taken - late - repeated, late, repeated, 0]);
    assert_line(&ledger, "query:everything", [taken, taken, 0, 0, 0]);

    // What the ledger counts is there, whole.
    let rejected = running.json("/api/v1/topics/orders.dlq/messages?limit=1000&order=oldest");
    let rejected = rejected["messages"].as_array().expect("messages");
    assert_eq!(rejected.len(), planted.bad.len());
    for (message, (line, column, row)) in rejected.iter().zip(&planted.bad) {
        let value = &message["value"];
        assert_eq!(value["line"], *line, "{value:#}");
        assert_eq!(value["row"], *row, "{value:#}");
        assert_eq!(value["column"].as_str().unwrap_or_default(), *column, "{value:#}");
        assert!(value["file"].as_str().is_some_and(|file| file.ends_with("orders.csv")), "{value:#}");
        assert!(value["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{value:#}");
    }
    let late_rows = running.json("/api/v1/topics/by_window.late/messages?limit=1000&order=oldest");
    let late_rows = late_rows["messages"].as_array().expect("messages");
    assert_eq!(late_rows.len() as u64, late);
    for message in late_rows {
        let value = &message["value"];
        assert!(value["order_no"].as_str().is_some_and(|number| number.starts_with('L')), "{value:#}");
        assert!(value["late_by_ms"].as_i64().is_some_and(|by| by > 0), "{value:#}");
    }
    running.signal("TERM").succeeded();
}
