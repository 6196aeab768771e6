//! The integration tests of the crate rdkafka.
//!
//! What must pass is what passes on Apache Kafka 4.3: `tests/expected/rdkafka_on_kafka_4.3.tsv`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::Broker;
use super::expected::must_pass;
use super::servers::kept;

/// Partitions of topics that are made by asking for them: what the tests count on.
const PARTITIONS: u32 = 3;

#[test]
fn its_own_tests_pass_as_on_kafka() {
    let broker = Broker::with_partitions(PARTITIONS);
    let folder = kept("rdkafka");
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in must_pass("rdkafka") {
        let (program, test) = name.split_once("::").expect("a program and a test");
        wanted.entry(program.to_owned()).or_default().insert(test.to_owned());
    }
    let (mut failed, mut said) = (Vec::new(), String::new());
    for (program, tests) in wanted {
        let mut command = Command::new(folder.join(&program));
        command.arg("--exact").args(&tests).env("KAFKA_HOST", &broker.address).env("KAFKA_VERSION", "4.3.0");
        let output = command.env_remove("RUST_LOG").output().expect("a program of tests runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let results = text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
        let passed: BTreeSet<&str> = results.collect();
        let missing = tests.into_iter().filter(|test| !passed.contains(test.as_str()));
        failed.extend(missing.map(|test| format!("{program}::{test}")));
        said.push_str(&text);
    }
    assert!(failed.is_empty(), "these pass on Apache Kafka and not here: {failed:#?}\n{said}");
}
