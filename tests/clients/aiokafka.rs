//! aiokafka: every codec, a group of two, offsets by time and by place, commits with metadata, topics.

use std::process::Command;

use serde_json::{Value, json};

use super::Broker;
use super::support::python::python;

#[test]
fn what_people_do_with_it_all_day() {
    let broker = Broker::start();
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/aiokafka_all_day.py")).arg(&broker.address);
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    let expected = json!({
        "offsets": 2500, "values": 2500, "shares": [2, 2], "ends": 2500,
        // Record n is of second n.
        "from_1000_on": 1500, "beyond": [null, null, null, null], "sought": 7, "committed": 8,
        "groups": ["lookers", "readers"], "partitions": 6, "topics": [],
    });
    assert_eq!(seen, expected);
}
