//! Spark's Kafka source and sink: batches, and a stream that goes on where its last run stood.

use std::process::Command;

use serde_json::{Value, json};

use super::Broker;
use super::servers::kept;

#[test]
fn batches_and_a_stream_that_goes_on() {
    let broker = Broker::with_partitions(4);
    let spark = kept("spark");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let jars = std::fs::read_dir(spark.join("jars")).expect("the connector is there");
    let jars: Vec<String> = jars.filter_map(|jar| Some(jar.ok()?.path().display().to_string())).collect();
    let mut command = Command::new(spark.join("bin/python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/spark_kafka.py"));
    command.args([&broker.address, &jars.join(",")]).arg(folder.path()).current_dir(folder.path());
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    let counts: Vec<u32> = (0..7).map(|shop| (0..40_000).filter(|order| order % 7 == shop).count() as u32).collect();
    let expected = json!({
        "rows": 20_000, "distinct": 20_000, "streamed": 20_000, "streamed_then": 20_000, "counts": counts,
        "since_1970": 40_000,
    });
    assert_eq!(seen, expected);
}
