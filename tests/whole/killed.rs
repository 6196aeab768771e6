//! Killed with -9 at random moments while it loads, and started again each time: the same results, nothing twice.
//!
//! `MILLRACE_TEST_KILLS` says how often (8 unless told), `MILLRACE_TEST_SEED` repeats a run.

use std::time::Duration;

use serde_json::Value;

use super::support::figures::check;
use super::support::python::read_delta;
use super::support::{Project, Random, Running, warehouse};

/// Kills of a run when nobody says.
const KILLS: u64 = 8;

/// No kill comes later than this after a start: a load takes a few of these, so that a round sees several kills.
const MOMENT_MS: u64 = 1_500;

#[test]
fn killed_at_random_moments_it_ends_with_the_same_results() {
    let wanted = std::env::var("MILLRACE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut random = Random::of_this_run();
    let mut kills = 0;
    while kills < wanted {
        let project = Project::example();
        let mut moments = Vec::new();
        loop {
            let mut running =
                Running::launch(&project, &["up", project.arg(), "--until-done", "--listen", "127.0.0.1:0"]);
            let moment_ms = random.below(MOMENT_MS);
            if kills < wanted && running.ended_within(Duration::from_millis(moment_ms)).is_none() {
                running.kill();
                kills += 1;
                moments.push(moment_ms);
                continue;
            }
            running.outcome_within(Duration::from_secs(120)).succeeded();
            break;
        }
        println!("killed {} times, after ms: {moments:?}", moments.len());
        nothing_is_lost_or_twice(&project);
    }
}

#[track_caller]
fn nothing_is_lost_or_twice(project: &Project) {
    check(&|sql| project.ask(sql));
    assert_eq!(project.ask("SELECT count(*) FROM order_lines"), [["541909"]], "records in the log");
    assert_eq!(warehouse::count(project.dir(), "cancellations"), (9288, 9288));
    assert_eq!(warehouse::count(project.dir(), "revenue_5m"), (15_921, 15_921));
    for (table, rows) in [("order_lines", 541_909), ("clean_sales", 397_884)] {
        let found = read_delta(&project.path("lake").join(table));
        assert_eq!(found["rows"], rows, "rows of {table}");
        assert_eq!(found["positions"], rows, "rows with an offset of their own of {table}");
    }
    let running = Running::start(project);
    let ledger = running.json("/api/v1/ledger");
    assert!(ledger_balances(&ledger), "{ledger:#}");
    running.signal("TERM").succeeded();
}

fn ledger_balances(ledger: &Value) -> bool {
    let lines = ledger.as_array().expect("the ledger is a list");
    let of = |line: &Value, name: &str| line[name].as_u64().expect("a count");
    !lines.is_empty()
        && lines.iter().all(|line| {
            let spent = of(line, "used") + of(line, "late") + of(line, "duplicate") + of(line, "rejected");
            line["balances"] == true && of(line, "read") == spent
        })
}
