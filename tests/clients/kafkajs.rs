//! kafkajs: admin, an idempotent producer, a group of two, offsets moved.

use std::process::Command;

use serde_json::{Value, json};

use super::Broker;
use super::servers::kept;

#[test]
fn an_admin_a_producer_and_a_group_of_two() {
    let broker = Broker::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/kafkajs.js");
    let mut command = Command::new("node");
    command.arg(script).arg(&broker.address).env("NODE_PATH", kept("kafkajs"));
    let output = command.output().expect("Node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    let expected = json!({
        "created": true, "again": false, "retention": ["100000"], "altered": ["200000"], "ends": 2000, "values": 2000,
        "headers": true, "shares": [2, 2], "group": ["Stable", "consumer", 2], "committed": 2000, "moved": 20,
        // kafkajs commits -2, which stands for the beginning, for each of the four partitions.
        "reset": -8,
        "low": "10", "partitions": 6, "brokers": 1, "groups": 0, "topics": [],
    });
    assert_eq!(seen, expected);
}
