//! Every figure over the real file is exact, whatever its encoding and however many partitions it is read in.

use serde_json::json;

use super::support::figures::{check, check_text, expected};
use super::support::{Project, thousandths};

#[track_caller]
fn loaded_and_exact(partitions: u32, latin1: bool) {
    let project = Project::variant(partitions, latin1);
    project.load();
    check(&|sql| project.ask(sql));
}

#[test]
fn utf8_in_four_partitions() {
    loaded_and_exact(4, false);
}

#[test]
fn utf8_in_one_partition() {
    loaded_and_exact(1, false);
}

#[test]
fn latin1_in_four_partitions() {
    loaded_and_exact(4, true);
}

#[test]
fn latin1_in_one_partition() {
    loaded_and_exact(1, true);
}

/// Questions that no view was made for: the program computes them from its topics when asked.
#[test]
fn questions_over_topics_and_sliding_windows_are_exact() {
    let project = Project::example();
    project.write(
        "35_sliding.sql",
        "CREATE MATERIALIZED VIEW revenue_15m AS\n\
         SELECT window.start AS window_start, count(*) AS lines, sum(amount) AS revenue\n\
         FROM lines GROUP BY window(invoice_date, '15 minutes', '5 minutes');\n",
    );
    project.load();
    let expected = expected();

    let mut sliding = project.ask("SELECT window_start, lines, revenue FROM revenue_15m ORDER BY window_start");
    for row in &mut sliding {
        row[2] = thousandths(&row[2]).to_string();
    }
    check_text(&expected, "hopping_15min_every_5min", &sliding);

    let by_hour = project.ask(
        "SELECT date_part('hour', invoice_date) AS hour, count(*), count(DISTINCT invoice_no), sum(quantity * unit_price)
         FROM order_lines GROUP BY date_part('hour', invoice_date) ORDER BY 1",
    );
    let number = |text: &String| text.parse::<i64>().expect("an integer");
    let by_hour =
        by_hour.iter().map(|row| json!([number(&row[0]), number(&row[1]), number(&row[2]), thousandths(&row[3])]));
    assert_eq!(json!(by_hour.collect::<Vec<_>>()), expected["by_hour"]);

    let orders = project.ask(
        "SELECT count(*), max(amount), max(lines)
         FROM (SELECT invoice_no, sum(amount) AS amount, count(*) AS lines FROM sales GROUP BY invoice_no) AS orders",
    );
    let stats = &expected["invoice_stats_gross"];
    let found = json!([number(&orders[0][0]), thousandths(&orders[0][1]), number(&orders[0][2])]);
    assert_eq!(found, json!([stats["invoices"], stats["max_milli"], stats["max_lines"]]));
}
