//! What a failed command says, and its exit code.

use std::fmt;
use std::process::ExitCode;

use millrace_station::StationError;

use crate::client::Refusal;

/// Wrong use of the command line: exit code 2.
#[derive(Debug)]
pub(crate) struct WrongUse(pub(crate) String);

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// Says what went wrong on stderr; the exit code tells whose turn it is.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let station = error.downcast_ref::<StationError>();
    match station.map(StationError::diagnostics) {
        // A diagnostic brings its own head.
        Some(diagnostics) if !diagnostics.is_empty() => {
            eprintln!("{error}\n\n{}", count(diagnostics.len()));
        }
        // What a station says has its cause in it.
        _ if station.is_some() => eprintln!("error: {error}"),
        _ => eprintln!("error: {error:#}"),
    }
    let is_wrong_use = error.is::<WrongUse>()
        || station.is_some_and(StationError::is_wrong_use)
        || error.downcast_ref::<Refusal>().is_some_and(Refusal::is_wrong_use);
    ExitCode::from(if is_wrong_use { 2 } else { 1 })
}

fn count(errors: usize) -> String {
    if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") }
}
