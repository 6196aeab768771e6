//! Lists of what a client's own tests come to on Apache Kafka: `tests/expected/*_on_kafka_4.3.tsv`.

use std::fs;
use std::path::Path;

/// The tests of a client that pass on Apache Kafka, and therefore must pass here. A list may name, beside a test, why it is
/// not asked of us.
pub(crate) fn passed_on_kafka(client: &str) -> Vec<String> {
    let list = format!("tests/expected/{client}_on_kafka_4.3.tsv");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(list)).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let passed = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let is_asked = cells.get(2).is_none_or(|why| why.is_empty());
        (cells.get(1) == Some(&"PASSED") && is_asked).then(|| cells[0].to_owned())
    });
    let passed: Vec<String> = passed.collect();
    assert!(passed.len() > 20, "the list of {client} was not found");
    passed
}
