//! kafka-python's own integration tests.
//!
//! What must pass is what passes on Apache Kafka 4.3: `tests/expected/kafka_python_on_kafka_4.3.tsv`.

use std::collections::BTreeMap;
use std::process::Command;

use super::Broker;
use super::expected::must_pass;
use super::servers::{kafka, kept};
use super::support::python::python;

/// Partitions of topics that are made by asking for them: as in the servers that its authors start.
const PARTITIONS: u32 = 4;

/// How often a test that failed is run again, with the others that did. A consumer that subscribes while it waits for its first
/// metadata forgets for five minutes to ask for those of its topics, whatever it talks to: on a busy machine one or two of the
/// tests meet that.
const RUNS_MORE: usize = 3;

#[test]
fn its_own_tests_pass_as_on_kafka() {
    let broker = Broker::with_partitions(PARTITIONS);
    let wanted = must_pass("kafka_python");
    let mut said = run(&broker, &["test/integration".to_owned()]);
    let mut failed = not_passed(&wanted, &said);
    for _ in 0..RUNS_MORE {
        if failed.is_empty() {
            return;
        }
        eprintln!("once more: {failed:?}");
        let again: Vec<String> = failed.iter().map(|name| format!("test/integration/{name}")).collect();
        said = run(&broker, &again);
        failed = not_passed(&failed, &said);
    }
    assert!(failed.is_empty(), "these pass on Apache Kafka and not here: {failed:#?}\n{said}");
}

/// Runs these tests; answers what pytest says.
fn run(broker: &Broker, tests: &[String]) -> String {
    let mut command = Command::new(python());
    command.args(["-m", "pytest", "-q", "-rA", "--show-capture=no", "--tb=short", "-p", "no:cacheprovider"]);
    // On Kafka one of them waits for ever; here that is a failure like any other.
    command.args(["--timeout=60", "--timeout-method=signal"]).args(tests).current_dir(kept("kafka-python"));
    command.env("KAFKA_URI", format!("kafka://{}", broker.address)).env("KAFKA_VERSION", "4.2.0");
    command.env("KAFKA_ROOT", kafka::distribution());
    String::from_utf8_lossy(&command.output().expect("Python runs").stdout).into_owned()
}

/// Those of `wanted` that pytest does not say passed.
fn not_passed(wanted: &[String], said: &str) -> Vec<String> {
    let results = results(said);
    wanted.iter().filter(|name| results.get(*name) != Some(&"PASSED")).cloned().collect()
}

/// What each test came to: pytest's summary has a line for each.
fn results(said: &str) -> BTreeMap<String, &str> {
    let results = said.lines().filter_map(|line| {
        let (result, rest) = line.split_once(" test/integration/")?;
        let name = rest.split(" - ").next()?;
        matches!(result, "PASSED" | "FAILED" | "ERROR").then(|| (name.to_owned(), result))
    });
    results.collect()
}
