//! The program: reads the command line, calls a command, ends with its exit code.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong use: of the command line, of `millrace.toml` or of the project's SQL.

mod check;
mod client;
mod consent;
mod doctor;
mod ending;
mod failure;
mod group;
mod logging;
mod memory;
mod output;
mod progress;
mod project;
mod query;
mod reference;
mod sql;
mod topic;
mod up;
mod user;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::logging::LogFormat;

/// From a shop's events to live decisions: one program instead of a streaming stack.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use (of the command line, of millrace.toml or of the SQL)"
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// How messages on stderr are written; MILLRACE_LOG says which (`info`, `millrace_engine=debug`, …)
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a project: read its sources, keep its views, serve pages and API
    Up(up::Arguments),
    /// Check settings and SQL of a project, and show every mistake with its place
    Check(check::Arguments),
    /// Ask a question in SQL over views, topics and Delta tables
    Sql(sql::Arguments),
    /// Look into topics, make them, write into them
    #[command(subcommand)]
    Topic(topic::Command),
    /// Look at groups of consumers, and send them elsewhere
    #[command(subcommand)]
    Group(group::Command),
    /// Look at queries
    #[command(subcommand)]
    Query(query::Command),
    /// Say who may log in as a client of Kafka
    #[command(subcommand)]
    User(user::Command),
    /// Check whether this machine and this project are fit to run
    Doctor(doctor::Arguments),
    /// Print the version
    Version(version::Arguments),
    /// Print a page of the documentation that is made from the program itself
    #[command(hide = true)]
    Reference(reference::Arguments),
}

fn main() -> ExitCode {
    let CommandLine { command, log_format } = CommandLine::parse();
    logging::init(log_format);
    // Two of the libraries bring cryptography; which one is used has to be said before either asks.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = match command {
        Command::Up(arguments) => up::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Topic(command) => topic::run(&command),
        Command::Group(command) => group::run(&command),
        Command::Query(command) => query::run(&command),
        Command::User(command) => user::run(&command),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Version(arguments) => version::run(&arguments),
        Command::Reference(arguments) => reference::run(&arguments),
    };
    ended.unwrap_or_else(|error| failure::report(&error))
}
