//! Users are added while the project stands still, and log in when it runs.

use serde_json::json;

use super::support::python::run_python;
use super::support::{Project, Running};

#[test]
fn a_user_is_added_and_logs_in() {
    let project = Project::empty();
    project.write("password", "alice-secret\n").write("other", "another-secret\nnot this\n");
    let user = |arguments: &[&str]| project.run(&[&["user"][..], arguments, &["--project", project.arg()]].concat());
    let add =
        |name: &str, file: &str| user(&["add", name, "--password-file", project.path(file).to_str().expect("a path")]);
    add("alice", "password").refused(0, &["user `alice` is added"]);
    add("bob", "password").succeeded();
    add("bob", "other").refused(0, &["user `bob` has another password"]);
    add("carol", "missing").refused(2, &["missing"]);
    user(&["add", "carol"]).refused(2, &["the password is empty"]);
    assert_eq!(user(&["list", "--output", "json"]).stdout.split_whitespace().collect::<String>(), r#"["alice","bob"]"#);
    project.write("millrace.toml", "[kafka]\nsasl = [\"PLAIN\", \"SCRAM-SHA-256\"]\nallow_plain_text = true\n");
    let (running, address) = Running::start_for_clients(&project);
    let seen = run_python(
        "kafka_login.py",
        &[&address, "alice", "alice-secret", "bob", "another-secret", "bob", "alice-secret"],
    );
    assert_eq!(seen, json!(["in", "in", "refused"]));
    for refused in [user(&["remove", "bob"]), add("carol", "password")] {
        refused.refused(1, &[&running.id().to_string(), "kafka-configs"]);
    }
    assert_eq!(user(&["list"]).stdout.lines().count(), 4, "a head, a rule and two users, while it runs as well");
    running.signal("TERM").succeeded();
    user(&["remove", "bob"]).succeeded();
    user(&["remove", "bob"]).refused(1, &["user `bob` not found"]);
}

#[test]
fn a_login_without_encryption_has_to_be_wanted() {
    let project = Project::empty();
    project.write("millrace.toml", "[kafka]\nsasl = [\"PLAIN\"]\n");
    project.run(&["check", project.arg()]).refused(2, &["millrace.toml:2", "no encryption", "tls_certificate"]);
}
