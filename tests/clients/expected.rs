//! Lists of what a client's own tests come to on Apache Kafka: `tests/expected/*_on_kafka_4.3.tsv`.
//!
//! A line has the test's name, what it comes to there (`PASSED`, `FAILED`, `SKIPPED`), and a remark. A remark beside `PASSED`
//! says why the test is not asked of us. `HERE` instead of `FAILED` says that it passes here all the same.

use std::fs;
use std::path::Path;

/// The tests of a client that must pass.
pub(crate) fn must_pass(client: &str) -> Vec<String> {
    let list = format!("tests/expected/{client}_on_kafka_4.3.tsv");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(list)).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let wanted = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let is_excused = cells.get(2).is_some_and(|why| !why.is_empty());
        let is_wanted = match cells.get(1) {
            Some(&"PASSED") => !is_excused,
            Some(&"HERE") => std::env::var_os("MILLRACE_TEST_PEER").is_none(),
            _ => false,
        };
        is_wanted.then(|| cells[0].to_owned())
    });
    let wanted: Vec<String> = wanted.collect();
    assert!(wanted.len() > 20, "the list of {client} was not found");
    wanted
}
