//! DuckDB on the same file: the same SQL as one batch.

use std::path::Path;
use std::process::Command;

use super::meter::{self, Meter};

/// One run over `file`, with every row written to Parquet too if `stored`: what it took, and the rows as CSV.
pub(crate) fn run(file: &Path, stored: bool) -> (Meter, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("MILLRACE_BENCH_PYTHON").unwrap_or_else(|_| {
        let made = Command::new(root.join(".ci/python")).output().expect(".ci/python runs");
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    });
    let folder = tempfile::Builder::new().prefix("millrace-bench-").tempdir().expect("a temporary folder");
    let result = folder.path().join("result.csv");
    let mut command = Command::new(python);
    command.arg(root.join("benches/retail/batch.py")).arg(file).arg(&result);
    if stored {
        command.arg(folder.path().join("order_lines.parquet"));
    }
    let (meter, _) = meter::run(&mut command);
    (meter, std::fs::read_to_string(result).expect("the result was written"))
}
