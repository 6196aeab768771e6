//! What is written to the lake is read back by other people's readers.

use super::support::Project;
use super::support::python::read_delta;

#[test]
fn delta_tables_hold_every_row_once() {
    let project = Project::example();
    project.load();

    let raw = read_delta(&project.path("lake/order_lines"));
    assert_eq!((&raw["rows"], &raw["positions"]), (&541_909.into(), &541_909.into()), "{raw:#}");
    assert_eq!(raw["sums"]["quantity"], "5176450");
    for column in ["invoice_no", "description", "invoice_date", "unit_price", "customer_id", "country"] {
        assert!(raw["columns"].as_array().is_some_and(|all| all.iter().any(|c| c == column)), "{column}: {raw:#}");
    }

    let clean = read_delta(&project.path("lake/clean_sales"));
    assert_eq!((&clean["rows"], &clean["positions"]), (&397_884.into(), &397_884.into()), "{clean:#}");
    assert_eq!(clean["sums"]["amount"], "8911407.904");
}

#[test]
fn a_second_run_adds_nothing() {
    let project = Project::example();
    project.load();
    let before = read_delta(&project.path("lake/order_lines"));
    project.load();
    let after = read_delta(&project.path("lake/order_lines"));
    assert_eq!((&before["rows"], &before["sums"]), (&after["rows"], &after["sums"]));
    assert_eq!(project.ask("SELECT lines, revenue FROM data_quality"), [["541909", "9747747.934"]]);
}
