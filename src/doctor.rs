//! `millrace doctor`: whether this machine and this project are fit to run, and what to do where not.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use millrace_station::model::{Health, HealthProblem, HealthStatus};
use millrace_station::{Project, Serving, last_problems};
use serde::Serialize;

use crate::output::{self, Output, size};
use crate::project::ProjectArguments;

/// Less free space than this stops the log soon.
const DISK_BYTES_FAIL: u64 = 200 << 20;

/// Less free space than this is worth a word.
const DISK_BYTES_WARN: u64 = 2 << 30;

/// Fewer open files than this do not do for segments, readers and pages.
const FILES_WARN: u64 = 1_024;

/// The first second of 2024: a clock before it was never set.
const CLOCK_FLOOR_S: u64 = 1_704_067_200;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of the project, as with --project
    #[arg(value_name = "DIR", conflicts_with = "project")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectArguments,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, how it is, and what to do.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    finding: String,
    cure: Option<&'static str>,
}

fn ok(what: &'static str, finding: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Ok, finding: finding.into(), cure: None }
}

fn warn(what: &'static str, finding: impl Into<String>, cure: &'static str) -> Finding {
    Finding { what, verdict: Verdict::Warn, finding: finding.into(), cure: Some(cure) }
}

fn fail(what: &'static str, finding: impl Into<String>, cure: &'static str) -> Finding {
    Finding { what, verdict: Verdict::Fail, finding: finding.into(), cure: Some(cure) }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut findings = vec![ok("version", format!("millrace {}", env!("CARGO_PKG_VERSION")))];
    let about = arguments.project.clone().or_in(arguments.folder.clone());
    match about.open() {
        Ok(project) => {
            let queries = project.program.queries.len();
            findings.push(ok("project", format!("`{}`, {queries} queries", project.config.name)));
            let data_dir = &project.config.data_dir;
            let running = Serving::find(data_dir);
            findings.push(check_data_dir(data_dir));
            findings.push(check_lock(running.as_ref()));
            findings.push(check_disk(data_dir));
            findings.push(check_port(&project, running.as_ref()));
            findings.extend(check_kafka_port(&project, running.as_ref()));
            findings.extend(check_sources(&project));
            match about.running() {
                Ok(Some(client)) => findings.extend(check_stages(client.get("/health", &[]))),
                _ => findings.extend(check_last_run(&last_problems(data_dir))),
            }
        }
        Err(error) => {
            findings.push(fail("project", error.to_string(), "`millrace check` shows it again; mend it first"))
        }
    }
    findings.push(check_files());
    findings.push(check_clock());
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    print(&findings, arguments.output)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(findings: &[Finding], output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return output::json(&findings);
    }
    for Finding { what, verdict, finding, cure } in findings {
        let word = match verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        output::line(&format!("{word}  {what:<12} {finding}"))?;
        if let Some(cure) = cure {
            output::line(&format!("      {:<12} → {cure}", ""))?;
        }
    }
    Ok(())
}

/// The folder, or the nearest one around it that is there: where it would be made.
fn existing(dir: &Path) -> &Path {
    dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("/"))
}

fn check_data_dir(dir: &Path) -> Finding {
    let existing = existing(dir);
    let probe = existing.join(format!(".millrace-doctor-{}", std::process::id()));
    let written = fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) if existing == dir => ok("data folder", format!("`{}` may be written", dir.display())),
        Ok(()) => ok("data folder", format!("`{}` is made at the first start", dir.display())),
        Err(error) => {
            let finding = format!("`{}` cannot be written: {error}", existing.display());
            fail("data folder", finding, "give this user the right to write there, or set [data] dir")
        }
    }
}

fn check_lock(running: Option<&Serving>) -> Finding {
    match running {
        Some(serving) => ok("lock", format!("held by process {}, which runs this project", serving.pid)),
        None => ok("lock", "free: the project does not run"),
    }
}

fn check_disk(dir: &Path) -> Finding {
    let Ok(stat) = rustix::fs::statvfs(existing(dir)) else {
        return warn("disk", "its free space cannot be told", "see to it that some GB are free");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let finding = format!("{} free", size(free));
    match free {
        DISK_BYTES_WARN.. => ok("disk", finding),
        DISK_BYTES_FAIL.. => warn("disk", finding, "free some space: the log and the warehouse grow with what is read"),
        _ => fail("disk", finding, "free some space, or set [data] dir to another disk"),
    }
}

fn check_port(project: &Project, running: Option<&Serving>) -> Finding {
    let listen = project.config.listen;
    if let Some(address) = running.and_then(|serving| serving.address.as_deref()) {
        return ok("port", format!("the project answers at http://{address}"));
    }
    match TcpListener::bind(listen) {
        Ok(_) if listen.ip().is_loopback() => ok("port", format!("{listen} is free")),
        Ok(_) => {
            let finding = format!("{listen} is free, and reached from outside without a login");
            warn("port", finding, "listen on 127.0.0.1 unless the network is yours alone")
        }
        Err(error) => {
            let finding = format!("cannot listen on {listen}: {error}");
            fail("port", finding, "set [http] listen, or start with --listen 127.0.0.1:PORT")
        }
    }
}

/// The address of clients of Kafka, if they are served and the project does not do it already.
fn check_kafka_port(project: &Project, running: Option<&Serving>) -> Option<Finding> {
    let kafka = project.config.kafka.as_ref().filter(|_| running.is_none())?;
    let listen = kafka.listen;
    Some(match TcpListener::bind(listen) {
        Ok(_) => ok("kafka port", format!("{listen} is free")),
        Err(error) => {
            let finding = format!("cannot listen on {listen}: {error}");
            let cure = "set [kafka] listen to another address, or to \"\" to serve no clients of Kafka";
            if kafka.is_default { warn("kafka port", finding, cure) } else { fail("kafka port", finding, cure) }
        }
    })
}

/// The sources that would fail at once for want of files.
fn check_sources(project: &Project) -> Vec<Finding> {
    let found =
        project.doubts().into_iter().map(|doubt| format!("{}:{}: {}", doubt.file, doubt.span.line, doubt.message));
    let cure = "put one there before `millrace up`, or set follow = true to wait for it";
    found.map(|finding| warn("sources", finding, cure)).collect()
}

/// How the stages of a project are that runs.
fn check_stages(health: anyhow::Result<Health>) -> Vec<Finding> {
    let health = match health {
        Ok(health) => health,
        Err(error) => return vec![fail("stages", error.to_string(), "look at its messages, or start it again")],
    };
    if health.problems.is_empty() {
        return vec![ok("stages", if health.ready { "all run" } else { "starting" })];
    }
    health.problems.iter().map(|problem| finding_of(problem, "")).collect()
}

/// What was wrong when a project last ran that does not run now.
fn check_last_run(problems: &[HealthProblem]) -> Vec<Finding> {
    problems.iter().map(|problem| finding_of(problem, "at the last run, ")).collect()
}

/// A stage that goes on is looked after; one that gave up has to be started again.
fn finding_of(problem: &HealthProblem, when: &str) -> Finding {
    let finding = format!("{when}{}: {}", problem.stage, problem.message);
    match problem.status {
        HealthStatus::Failed => fail("stages", finding, "mend what it says, then start the project again"),
        HealthStatus::Degraded | HealthStatus::Ok => warn("stages", finding, "look after what it says"),
    }
}

fn check_files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(files) if files < FILES_WARN => {
            warn("open files", format!("at most {files}"), "raise the limit: ulimit -n 4096")
        }
        Some(files) => ok("open files", format!("at most {files}")),
        None => ok("open files", "no limit"),
    }
}

fn check_clock() -> Finding {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or(0);
    if now_s < CLOCK_FLOOR_S {
        return fail(
            "clock",
            "this machine's clock was never set",
            "set it, best by NTP: retention and dead letters use it",
        );
    }
    ok("clock", "set")
}
