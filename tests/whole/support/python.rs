//! Other people's readers and clients: a Python that has `deltalake`, `duckdb` and clients of Kafka.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What `tests/python/read_delta.py` says of a table.
#[track_caller]
pub(crate) fn read_delta(table: &Path) -> Value {
    run_python("read_delta.py", &[&table.display().to_string()])
}

/// What a script of `tests/python` prints.
#[track_caller]
pub(crate) fn run_python(script: &str, arguments: &[&str]) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let output = Command::new(python()).arg(path).args(arguments).output().expect("Python runs");
    assert!(output.status.success(), "{script} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// The Python that has all that.
#[track_caller]
pub(crate) fn python() -> String {
    std::env::var("MILLRACE_TEST_PYTHON").unwrap_or_else(|_| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/python");
        let made = Command::new(script).output().expect(".ci/python runs");
        assert!(made.status.success(), "no Python to read with: {}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    })
}
