//! Transactions of clients that nobody here wrote. Needs `MILLRACE_TEST_PYTHON`, a Python with `tests/requirements.txt`;
//! without it there is nothing to run.

use std::path::PathBuf;
use std::process::Command;

use crate::served::Served;

fn run(script: &str, arguments: &[&str]) -> Option<String> {
    let python = std::env::var("MILLRACE_TEST_PYTHON").ok()?;
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/python").join(script);
    let output = Command::new(python).arg(script).args(arguments).output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[test]
fn clients_nobody_here_wrote_transact() {
    let served = Served::new();
    if let Some(seen) = run("kafka_transactions.py", &[&served.address.to_string()]) {
        let once = r#"{"copied": 300, "offset": 300, "aborted_seen": 0, "fenced": true}"#;
        let all = format!(r#"{{"confluent_kafka": {once}, "kafka_python": {once}, "aiokafka": {once}}}"#);
        assert_eq!(seen, all);
    }
}

/// Killed with a transaction under way: each record is copied once, whatever was begun and not ended.
#[test]
fn records_are_copied_once_over_kills() {
    let mut served = Served::new();
    for round in 0..3 {
        let address = served.address.to_string();
        if let Some(seen) = run("kafka_copies.py", &[&address, &round.to_string()]) {
            assert_eq!(seen, format!(r#"{{"copied": {}}}"#, (round + 1) * 100));
        }
        served = served.killed();
    }
}
