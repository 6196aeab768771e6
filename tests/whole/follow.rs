//! A source that follows its folder: rows that are appended, and files that come later.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::Value;

use super::support::http::{Feed, get};
use super::support::{Project, Running};

const SQL: &str = "
CREATE SOURCE sales (
  sale_no BIGINT, sold_at TIMESTAMP, shop STRING, amount DECIMAL(10,2),
  WATERMARK FOR sold_at AS sold_at - INTERVAL '1 minute'
) WITH (connector = 'csv', path = 'inbox/*.csv', key = 'shop', partitions = 2, follow = true);

CREATE MATERIALIZED VIEW by_shop AS
SELECT shop, count(*) AS sales, sum(amount) AS amount FROM sales GROUP BY shop;
";

const HEAD: &str = "sale_no,sold_at,shop,amount\n";

fn rows(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|n| format!("{n},2024-05-01T10:{:02}:{:02},shop {},1.10\n", n / 60 % 60, n % 60, n % 3)).collect()
}

fn append(project: &Project, name: &str, text: &str) {
    let mut file = OpenOptions::new().append(true).open(project.path(name)).expect("the file is there");
    file.write_all(text.as_bytes()).expect("it grows");
}

fn totals(project: &Project) -> Vec<Vec<String>> {
    project.ask("SELECT sum(sales) AS sales, sum(amount) AS amount FROM by_shop")
}

#[test]
fn growing_and_new_files_are_followed_and_gone_on_with() {
    let project = Project::empty();
    let patient = SQL.replace("follow = true", "follow = true, last_line_after = '1h'");
    project.write("sales.sql", patient).write("inbox/monday.csv", HEAD.to_owned() + &rows(0..600));
    let running = Running::start(&project);
    running.wait_until_caught_up("sales", 600);
    assert_eq!(totals(&project), [["600", "660.00"]]);

    // A row that is only half written is not a row yet.
    let next = rows(600..601);
    let (head, rest) = next.split_at(9);
    append(&project, "inbox/monday.csv", &(rows(601..700) + head));
    running.wait_until_caught_up("sales", 699);
    append(&project, "inbox/monday.csv", rest);
    running.wait_until_caught_up("sales", 700);
    assert_eq!(totals(&project), [["700", "770.00"]]);

    project.write("inbox/tuesday.csv", HEAD.to_owned() + &rows(700..1000));
    running.wait_until_caught_up("sales", 1000);
    running.signal("TERM").succeeded();

    // What comes while nobody looks is read at the next start, and nothing is read twice.
    append(&project, "inbox/tuesday.csv", &rows(1000..1100));
    let running = Running::start(&project);
    running.wait_until_caught_up("sales", 1100);
    assert_eq!(totals(&project), [["1100", "1210.00"]]);
    running.kill();

    append(&project, "inbox/monday.csv", &rows(1100..1200));
    let running = Running::start(&project);
    running.wait_until_caught_up("sales", 1200);
    assert_eq!(totals(&project), [["1200", "1320.00"]]);
    running.signal("TERM").succeeded();
}

#[test]
fn what_is_appended_comes_through_the_live_feed() {
    let project = Project::empty();
    project.write("sales.sql", SQL).write("inbox/monday.csv", HEAD.to_owned() + &rows(0..3));
    let running = Running::start(&project);
    running.wait_until_caught_up("sales", 3);
    let mut feed = Feed::open(&running.address, "/api/v1/views/by_shop/live");
    append(&project, "inbox/monday.csv", &rows(3..33));

    let mut seen = std::collections::BTreeMap::new();
    let mut last = String::new();
    while seen.values().sum::<u64>() < 33 {
        let event = feed.next(std::time::Duration::from_secs(60)).expect("the change comes through the feed");
        if event.name == "rows" {
            for row in event.json()["upserts"].as_array().expect("upserts") {
                seen.insert(row["shop"].to_string(), row["sales"].as_u64().expect("a count"));
            }
            last = event.id;
        }
    }
    assert_eq!(seen.values().copied().collect::<Vec<_>>(), [11, 11, 11]);

    // A client that was away gets what it missed, once.
    append(&project, "inbox/monday.csv", &rows(33..34));
    running.wait_until_caught_up("sales", 34);
    let mut feed = Feed::resume(&running.address, "/api/v1/views/by_shop/live", Some(&last));
    let event = feed.next(std::time::Duration::from_secs(60)).expect("what was missed comes at once");
    let upserts = event.json()["upserts"].as_array().map_or(0, Vec::len);
    assert_eq!((event.name.as_str(), upserts), ("rows", 1));

    let page: Value = get(&running.address, "/api/v1/views/by_shop/rows?order=shop").json();
    let counts: Vec<u64> =
        page["rows"].as_array().expect("rows").iter().filter_map(|row| row["sales"].as_u64()).collect();
    assert_eq!(counts, [12, 11, 11]);
    running.signal("TERM").succeeded();
}

/// A source that ends with its files ends anew at each start, and what comes after it waits for it to have looked.
#[test]
fn a_file_that_comes_between_two_runs_is_read_by_the_second() {
    let project = Project::empty();
    let sql = SQL.replace("follow = true", "follow = false")
        + "CREATE MATERIALIZED VIEW shops AS SELECT count(*) AS shops, sum(sales) AS sales FROM by_shop;\n";
    project.write("sales.sql", sql).write("inbox/1.csv", HEAD.to_owned() + &rows(0..600));
    project.load();
    let counted = |sales: &str| {
        assert_eq!(project.ask("SELECT shops, sales FROM shops"), [["3", sales]]);
        assert_eq!(project.ask("SELECT sum(sales) FROM by_shop"), [[sales]]);
    };
    counted("600");
    for run in 2..6 {
        project.write(&format!("inbox/{run}.csv"), HEAD.to_owned() + &rows(0..100));
        project.load();
        counted(&(500 + run * 100).to_string());
        // Nothing new: it ends again, and nothing is counted twice.
        project.load();
        counted(&(500 + run * 100).to_string());
    }
}
