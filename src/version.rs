//! `millrace version`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::output::{self, Output};

/// Arguments of `version`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    match arguments.output {
        Output::Table => output::line(&format!("millrace {version}"))?,
        Output::Json => output::json(&json!({ "name": "millrace", "version": version }))?,
    }
    Ok(ExitCode::SUCCESS)
}
