//! The exact results over the example's data, and the questions that must give them.
//!
//! `tests/expected/uci_expected.json` was computed by another program in integers. Where it states a sha256, the same text is
//! made here from the program's own answers: `a,b,c\n` a row, money in thousandths, in the stated columns and order.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{seconds, thousandths};

/// How a cell of an answer is written in the expected text.
#[derive(Clone, Copy)]
enum Cell {
    AsIs,
    Thousandths,
    /// The first so many characters: `2010-12` of a time is its month.
    Start(usize),
}
use Cell::{AsIs, Start, Thousandths};

/// A result that is stated whole, by its sha256.
struct Figure {
    name: &'static str,
    sql: &'static str,
    cells: &'static [Cell],
}

const FIGURES: [Figure; 8] = [
    Figure {
        name: "tumbling_5min",
        sql: "SELECT window_start, lines, invoices, units, revenue FROM revenue_5m ORDER BY window_start",
        cells: &[AsIs, AsIs, AsIs, AsIs, Thousandths],
    },
    Figure {
        name: "tumbling_1h",
        sql: "SELECT window_start, lines, invoices, units, revenue FROM revenue_hourly ORDER BY window_start",
        cells: &[AsIs, AsIs, AsIs, AsIs, Thousandths],
    },
    Figure {
        name: "tumbling_5min_by_country",
        sql: "SELECT window_start, country, lines, revenue FROM revenue_5m_by_country ORDER BY window_start, country",
        cells: &[AsIs, AsIs, AsIs, Thousandths],
    },
    Figure {
        name: "daily",
        sql: "SELECT day, lines, invoices, customers, units, revenue, gross, cancelled FROM revenue_daily ORDER BY day",
        cells: &[Start(10), AsIs, AsIs, AsIs, AsIs, Thousandths, Thousandths, Thousandths],
    },
    Figure {
        name: "monthly",
        sql: "SELECT month, lines, invoices, customers, units, revenue, gross, clean FROM revenue_monthly ORDER BY month",
        cells: &[Start(7), AsIs, AsIs, AsIs, AsIs, Thousandths, Thousandths, Thousandths],
    },
    Figure {
        name: "by_country",
        sql: "SELECT country, lines, invoices, customers, units, revenue FROM by_country ORDER BY revenue DESC, country",
        cells: &[AsIs, AsIs, AsIs, AsIs, AsIs, Thousandths],
    },
    Figure {
        name: "products",
        sql: "SELECT stock_code, lines, units, revenue FROM products ORDER BY stock_code",
        cells: &[AsIs, AsIs, AsIs, Thousandths],
    },
    Figure {
        name: "invoices",
        sql: "SELECT invoice_no, invoice_date, lines, units, revenue, customer_no, country FROM invoices ORDER BY invoice_no",
        cells: &[AsIs, AsIs, AsIs, AsIs, Thousandths, AsIs, AsIs],
    },
];

/// Asks a question; the rows as text.
type Ask<'a> = &'a dyn Fn(&str) -> Vec<Vec<String>>;

/// The expected results.
pub(crate) fn expected() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/uci_expected.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the expected results are there")).expect("they are JSON")
}

/// Asks for every figure that the example's views cover, and compares.
#[track_caller]
pub(crate) fn check(ask: Ask<'_>) {
    let expected = expected();
    for figure in &FIGURES {
        check_whole(ask, &expected, figure);
    }
    check_totals(ask, &expected);
    check_quality(ask, &expected);
    check_customers(ask, &expected);
    check_best_products(ask, &expected);
    check_cancellations(ask, &expected);
}

/// The text whose sha256 is stated.
fn text_of(rows: &[Vec<String>]) -> String {
    rows.iter().map(|row| row.join(",") + "\n").collect()
}

#[track_caller]
pub(crate) fn check_text(expected: &Value, name: &str, rows: &[Vec<String>]) {
    let figure = &expected[name];
    assert_eq!(Some(rows.len() as u64), figure["rows"].as_u64(), "rows of {name}");
    for (row, first) in rows.iter().zip(figure["first"].as_array().into_iter().flatten()) {
        assert_eq!(json!(row), *first, "{name}");
    }
    let digest: String = Sha256::digest(text_of(rows)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(figure["sha256"], digest.as_str(), "sha256 of {name}");
}

#[track_caller]
fn check_whole(ask: Ask<'_>, expected: &Value, figure: &Figure) {
    let mut rows = ask(figure.sql);
    for row in &mut rows {
        assert_eq!(row.len(), figure.cells.len(), "columns of {}", figure.name);
        for (cell, form) in row.iter_mut().zip(figure.cells) {
            match form {
                AsIs => {}
                Thousandths => *cell = thousandths(cell).to_string(),
                Start(length) => cell.truncate(*length),
            }
        }
    }
    check_text(expected, figure.name, &rows);
}

/// One row as integers, money (where there is a point) in thousandths.
#[track_caller]
fn integers(ask: Ask<'_>, sql: &str) -> Vec<i64> {
    let rows = ask(sql);
    assert_eq!(rows.len(), 1, "one row: {sql}");
    let integer =
        |cell: &String| if cell.contains('.') { thousandths(cell) } else { cell.parse().expect("an integer") };
    rows[0].iter().map(integer).collect()
}

#[track_caller]
fn check_totals(ask: Ask<'_>, expected: &Value) {
    let columns = "lines, invoices, customers, stock_codes, descriptions, countries, units, revenue, days, minutes";
    let found = integers(ask, &format!("SELECT {columns} FROM data_quality"));
    let totals = &expected["totals"];
    let names = "rows invoices customers stock_codes descriptions countries units revenue_milli days minutes_with_data";
    for (name, found) in names.split(' ').zip(found) {
        assert_eq!(totals[name], found, "totals: {name}");
    }
    let range = ask("SELECT first_line, last_line FROM data_quality");
    assert_eq!(json!(range), json!([[totals["min_ts"], totals["max_ts"]]]));
}

#[track_caller]
fn check_quality(ask: Ask<'_>, expected: &Value) {
    let of = |names: &str, sql: &str| {
        for (name, found) in names.split('|').zip(integers(ask, sql)) {
            assert_eq!(expected["quality"][name], found, "quality: {name}");
        }
    };
    of(
        "cancel_rows|cancel_invoices|cancel_milli|adjust_A_rows|neg_qty_rows|neg_qty_not_cancel_rows|zero_price_rows|\
         neg_price_rows|missing_customer_rows|missing_description_rows",
        "SELECT cancelled_lines, cancelled_invoices, cancelled, bad_debt_lines, negative_quantity_lines, write_off_lines, \
         zero_price_lines, negative_price_lines, lines_without_customer, lines_without_description FROM data_quality",
    );
    of(
        "gross_rows(q>0,p>0,not C)|gross_milli|clean_rows(gross and customer)|clean_invoices|clean_customers|clean_milli",
        "SELECT sale_lines, gross, clean_lines, clean_invoices, clean_customers, clean FROM sales_quality",
    );
    let found = integers(ask, "SELECT lines, revenue, invoices, customers FROM totals_without_repeats");
    for (name, found) in ["rows", "revenue_milli", "invoices", "customers"].into_iter().zip(found) {
        assert_eq!(expected["quality"]["after_dedup"][name], found, "after dedup: {name}");
    }
}

/// Recency, frequency and monetary value, counted from a day after the last line.
#[track_caller]
fn check_customers(ask: Ask<'_>, expected: &Value) {
    let snapshot = seconds("2011-12-10T12:50:00");
    let all = "SELECT customer_no, invoices, net, last_seen FROM customers ORDER BY customer_no";
    let clean = "SELECT customer_no, orders, revenue, last_order FROM customers WHERE orders > 0 ORDER BY customer_no";
    for (name, sql) in [("rfm_all_rows", all), ("rfm_clean", clean)] {
        let rows = ask(sql).into_iter().map(|row| {
            let [customer, frequency, money, last] = <[String; 4]>::try_from(row).expect("four columns");
            let recency = (snapshot - seconds(&last)).div_euclid(86_400).to_string();
            vec![customer, recency, frequency, thousandths(&money).to_string(), last]
        });
        check_text(expected, name, &rows.collect::<Vec<_>>());
    }
}

#[track_caller]
fn check_best_products(ask: Ask<'_>, expected: &Value) {
    for (name, units, money) in [
        ("top20_products_net_revenue(all rows)", "units", "revenue"),
        ("top20_products_gross", "units_sold", "gross"),
        ("top20_products_by_units(all rows)", "units", "revenue"),
    ] {
        let by = if name.contains("by_units") { units } else { money };
        let found =
            ask(&format!("SELECT stock_code, {units}, {money} FROM products ORDER BY {by} DESC, stock_code LIMIT 20"));
        let found = found.iter().map(|row| json!([row[0], row[1], thousandths(&row[2]).to_string()]));
        // Which of several descriptions a product goes by is a matter of taste; the rest is not.
        let best = expected[name].as_array().expect("a list of products").iter();
        let best: Vec<Value> = best.map(|row| json!([row[0], row[2], row[3]])).collect();
        assert_eq!(found.collect::<Vec<_>>(), best, "{name}");
    }
}

#[track_caller]
fn check_cancellations(ask: Ask<'_>, expected: &Value) {
    let columns = "invoice_no, stock_code, description, quantity, unit_price, amount, invoice_date, customer_no";
    let found = ask(&format!("SELECT {columns} FROM cancellations ORDER BY amount, invoice_no LIMIT 10"));
    let found = found.into_iter().map(|mut row| {
        row[4] = thousandths(&row[4]).to_string();
        row[5] = thousandths(&row[5]).to_string();
        json!(row)
    });
    assert_eq!(Value::Array(found.collect()), expected["top10_cancellations"]);
    let count = integers(ask, "SELECT count(*) FROM cancellations");
    assert_eq!(expected["quality"]["cancel_rows"], count[0], "rows of cancellations");
}
