//! Stopping and going on: what was begun is not begun again, and ends with the same results.

use std::time::Duration;

use super::support::figures::check;
use super::support::{Project, Running};

/// Stops a load in the middle, and checks what a second start makes of it.
#[track_caller]
fn stopped_and_gone_on(signal: &str) {
    let project = Project::example();
    let running = Running::start(&project);
    running.wait_until("some rows are in", |pipeline| {
        let nodes = pipeline["nodes"].as_array().expect("nodes");
        nodes.iter().any(|node| node["kind"] == "source" && node["total"].as_u64() > Some(0))
    });
    running.signal(signal).succeeded();
    project.load();
    check(&|sql| project.ask(sql));
}

#[test]
fn control_c_stops_cleanly() {
    stopped_and_gone_on("INT");
}

#[test]
fn termination_stops_cleanly() {
    stopped_and_gone_on("TERM");
}

#[test]
fn a_program_that_is_done_goes_on_serving() {
    let project = Project::example();
    let mut running = Running::start(&project);
    running.wait_until_done();
    assert!(running.ended_within(Duration::from_millis(1)).is_none(), "it ended by itself");
    running.wait_for_line("Done in");
    let health = running.json("/api/v1/health");
    assert_eq!(health["status"], "ok", "{health:#}");
    running.signal("TERM").succeeded();
}

#[test]
fn answers_are_the_same_with_the_program_running_or_not() {
    let project = Project::example();
    project.load();
    let question = "SELECT country, revenue FROM by_country ORDER BY revenue DESC LIMIT 5";
    let alone = project.ask(question);
    let running = Running::start(&project);
    assert_eq!(project.ask(question), alone);
    running.signal("TERM").succeeded();
    assert_eq!(alone[0], ["United Kingdom", "8187806.364"]);
}
