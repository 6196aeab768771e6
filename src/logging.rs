//! Messages of the program: to stderr, so that stdout holds answers only.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text each.
    Text,
    /// A JSON object each.
    Json,
}

/// Writes from now on what `MILLRACE_LOG` asks for; warnings and errors without it.
pub(crate) fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_env("MILLRACE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => messages.with_ansi(io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => messages.json().init(),
    }
}
