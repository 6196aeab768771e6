//! `millrace reference`: pages of the documentation that are made from the program itself.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::output;

/// Arguments of `reference`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which page
    #[arg(value_enum)]
    page: Page,
}

/// The pages there are.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Page {
    /// Settings.
    Config,
    /// Names of the metrics.
    Metrics,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let page = match arguments.page {
        Page::Config => millrace_station::config::reference(),
        Page::Metrics => millrace_serve::metrics_reference(),
    };
    output::line(page.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
