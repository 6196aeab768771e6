//! `millrace user`: who may log in as a client of Kafka. A running project has its users for itself, and is told of others by
//! the tools of Kafka.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use console::Term;
use millrace_broker::{BrokerError, Secret, StoppedUsers};

use crate::failure::WrongUse;
use crate::output::{self, Output};
use crate::project::{ListArguments, ProjectArguments};

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a user, or give one another password: typed, from stdin in a pipe, or from a file
    Add(AddArguments),
    /// List the users
    List(ListArguments),
    /// Remove a user
    Remove(RemoveArguments),
}

/// Arguments of `user add`.
#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// The user
    name: String,
    /// Take the password from the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectArguments,
}

/// Arguments of `user remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArguments {
    /// The user
    name: String,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(arguments) => add(arguments)?,
        Command::List(arguments) => list(arguments)?,
        Command::Remove(arguments) => remove(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(arguments: &AddArguments) -> anyhow::Result<()> {
    // Opened before the password is asked for: nobody types one in vain.
    let users = open(&arguments.project, &arguments.name)?;
    let password = match &arguments.password_file {
        Some(file) => read_file(file)?,
        None if io::stdin().is_terminal() => ask(&arguments.name)?,
        None => read_line(io::stdin().lock())?,
    };
    let was_there = users.set(&arguments.name, &password).map_err(|error| match error {
        BrokerError::User(text) => anyhow::Error::from(WrongUse(text)),
        error => error.into(),
    })?;
    let what = if was_there { "has another password" } else { "is added" };
    Ok(output::line(&format!("user `{}` {what}", arguments.name))?)
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    let names = StoppedUsers::names(&arguments.project.log_dir()?)?;
    match arguments.output {
        Output::Json => output::json(&names),
        Output::Table => {
            let rows: Vec<Vec<String>> = names.into_iter().map(|name| vec![name]).collect();
            Ok(output::line(&output::table(&["user"], &rows))?)
        }
    }
}

fn remove(arguments: &RemoveArguments) -> anyhow::Result<()> {
    let users = open(&arguments.project, &arguments.name)?;
    if !users.remove(&arguments.name)? {
        bail!("user `{}` not found", arguments.name);
    }
    Ok(output::line(&format!("user `{}` is removed", arguments.name))?)
}

fn open(project: &ProjectArguments, name: &str) -> anyhow::Result<StoppedUsers> {
    if let Some(serving) = project.serving()? {
        bail!(
            "the project runs, as process {}, and has its users for itself; stop it first, or change them through it, as one \
             of its super users:\n  kafka-configs --bootstrap-server HOST:PORT --command-config FILE --alter --entity-type \
             users --entity-name {name} --add-config 'SCRAM-SHA-256=[password=…]'",
            serving.pid
        );
    }
    Ok(StoppedUsers::open(&project.log_dir()?)?)
}

fn read_file(file: &Path) -> anyhow::Result<Secret> {
    let opened = std::fs::File::open(file).map_err(|error| {
        WrongUse(format!("cannot read `{}`: {error}; name a file with the password", file.display()))
    })?;
    read_line(io::BufReader::new(opened))
}

/// The first line, without what ends it.
fn read_line(mut from: impl BufRead) -> anyhow::Result<Secret> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    if line.is_empty() {
        return Err(WrongUse("the password is empty".to_owned()).into());
    }
    Ok(Secret::from(line))
}

/// Has the password typed twice, unseen.
fn ask(name: &str) -> anyhow::Result<Secret> {
    let terminal = Term::stderr();
    let typed = |what: &str| {
        terminal.write_str(what)?;
        terminal.read_secure_line()
    };
    let (password, again) = (typed(&format!("Password of {name}: "))?, typed("Once more: ")?);
    if password != again {
        return Err(WrongUse("the two are not the same; nothing was changed".to_owned()).into());
    }
    read_line(password.as_bytes())
}
