//! Clients that nobody here wrote, over TLS and with every way to log in. They run where `MILLRACE_TEST_PYTHON` names a Python
//! that has them, as it does in `make test`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::rig::{start, with_login};

#[test]
fn clients_nobody_here_wrote_log_in_and_are_kept_to_their_rights() {
    let Some(python) = std::env::var_os("MILLRACE_TEST_PYTHON") else {
        eprintln!("not run: MILLRACE_TEST_PYTHON names no Python with clients of Kafka");
        return;
    };
    let rig = start(|certificates, security| {
        with_login(security);
        security.tls = Some(certificates.of_server());
        security.acl = true;
        security.super_users = vec!["User:admin".to_owned()];
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/kafka_security.py");
    let address = format!("localhost:{}", rig.address.port());
    let output = Command::new(&python).arg(script).arg(address).arg(&rig.certificates.authority).output();
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    let each = json!({
        "PLAIN": "read", "SCRAM-SHA-256": "read", "SCRAM-SHA-512": "read",
        "wrong password": "refused", "unknown user": "refused", "denied topic": "TOPIC_AUTHORIZATION_FAILED",
    });
    for client in ["confluent_kafka", "kafka_python", "aiokafka"] {
        assert_eq!(seen[client], each, "{client}");
    }
    assert_eq!(seen["admin"], json!({"mechanisms": ["SCRAM_SHA_256", "SCRAM_SHA_512"], "rules": 5, "left": 0}));
}
