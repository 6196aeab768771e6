//! The program as a child process: run to its end, or started, asked, stopped and killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::PATIENCE;
use super::{Project, http};

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Demands exit code 0.
    #[track_caller]
    pub(crate) fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
    }

    /// Demands this exit code and all these words in what was said.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "it said:\n{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing in:\n{said}");
        }
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLRACE_")) {
        command.env_remove(name);
    }
    // Tests run side by side, and there is one port by which everybody knows Kafka.
    command.env("MILLRACE_KAFKA_LISTEN", "");
    command
}

/// Runs the program in `folder` to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Outcome {
    run_with(folder, arguments, "")
}

/// The same with something on its stdin.
pub(crate) fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Outcome {
    let mut child = command(folder, arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    let writer = thread::spawn(move || {
        // A program that has seen enough reads no further.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("it can be waited for");
    writer.join().expect("a writer of text does not panic");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A program that serves; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// `host:port` it serves on; empty when the start was not waited for.
    pub(crate) address: String,
    lines: Receiver<String>,
    said: String,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts `millrace up` on a free port and waits until it says where it serves.
    #[track_caller]
    pub(crate) fn start(project: &Project) -> Self {
        Self::start_with(project, &["up", project.arg(), "--listen", "127.0.0.1:0"])
    }

    /// The same with other arguments.
    #[track_caller]
    pub(crate) fn start_with(project: &Project, arguments: &[&str]) -> Self {
        let mut running = Self::launch(project, arguments);
        let deadline = Instant::now() + PATIENCE;
        while running.address.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = running.lines.recv_timeout(left) else {
                panic!("it never said where it serves:\n{}", running.said);
            };
            running.said.push_str(&line);
            running.said.push('\n');
            running.address = address_in(&line).unwrap_or_default();
        }
        running
    }

    /// Starts `millrace up` on free ports, one of them for clients of Kafka, and waits until it says where that is.
    #[track_caller]
    pub(crate) fn start_for_clients(project: &Project) -> (Self, String) {
        let mut command = command(project.dir(), &["up", project.arg(), "--listen", "127.0.0.1:0"]);
        let mut running = Self::spawn(command.env("MILLRACE_KAFKA_LISTEN", "127.0.0.1:0"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = running.lines.recv_timeout(left) else {
                panic!("it never said where clients of Kafka are served:\n{}", running.said);
            };
            if let Some(address) = address_in(&line) {
                running.address = address;
            }
            if let Some((_, address)) = line.split_once("Clients of Kafka: ") {
                return (running, address.trim().to_owned());
            }
            running.said.push_str(&line);
            running.said.push('\n');
        }
    }

    /// Waits until it says a line with `words`.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it never said `{words}`:\n{}", self.said);
            };
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(words) {
                return;
            }
        }
    }

    /// Starts the program and waits for nothing.
    pub(crate) fn launch(project: &Project, arguments: &[&str]) -> Self {
        Self::spawn(&mut command(project.dir(), arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = mpsc::channel();
        let mut readers = Vec::new();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("stdout is piped"));
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("stderr is piped"));
        for stream in [stdout, stderr] {
            let sender = sender.clone();
            readers.push(thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            }));
        }
        Self { child, address: String::new(), lines, said: String::new(), readers }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// GET of a path that answers JSON with status 200.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = http::get(&self.address, path);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("GET {path}: {error} in {}", answer.body))
    }

    /// Waits until the pipeline, as its live feed tells it, is as wanted.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut feed = http::Feed::open(&self.address, "/api/v1/pipeline/live");
        let mut last = self.json("/api/v1/pipeline");
        while !wanted(&last) {
            let left = deadline.saturating_duration_since(Instant::now());
            match feed.next(left) {
                Some(event) if event.name == "pipeline" => last = event.json(),
                Some(_) => {}
                None => panic!("waited in vain until {what}; last seen: {last:#}"),
            }
        }
    }

    /// Waits until every stage has nothing left to do.
    #[track_caller]
    pub(crate) fn wait_until_done(&self) {
        self.wait_until("every stage is done", |pipeline| {
            stages(pipeline).all(|node| node["phase"] == "done") && stages(pipeline).next().is_some()
        });
    }

    /// Waits until every stage stands at the end of what there is, and `source` has taken in `rows` rows.
    #[track_caller]
    pub(crate) fn wait_until_caught_up(&self, source: &str, rows: u64) {
        let id = format!("source:{source}");
        self.wait_until(&format!("{rows} rows of {source} are through"), |pipeline| {
            let mut through = false;
            for node in stages(pipeline) {
                if node["id"] == id.as_str() {
                    through = node["total"].as_u64() >= Some(rows);
                } else if node["behind"].as_u64() != Some(0) || node["phase"] == "running" {
                    return false;
                }
            }
            through
        });
    }

    /// Waits for at most `moment`; the outcome if it ended by then.
    pub(crate) fn ended_within(&mut self, moment: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + moment;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return Some(status);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::sleep(left.min(Duration::from_millis(2)));
        }
    }

    /// Kills it as a power switch would, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Sends a signal by name and waits for the end.
    #[track_caller]
    pub(crate) fn signal(mut self, name: &str) -> Outcome {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status();
        assert!(sent.expect("sh is there").success(), "the signal was sent");
        let status = self.ended_within(PATIENCE).expect("it stops after the signal");
        self.outcome(status)
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn outcome_within(mut self, moment: Duration) -> Outcome {
        let status = self.ended_within(moment).expect("it ends by itself");
        self.outcome(status)
    }

    fn outcome(&mut self, status: ExitStatus) -> Outcome {
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader of lines does not panic");
        }
        let mut said = std::mem::take(&mut self.said);
        for line in self.lines.try_iter() {
            said.push_str(&line);
            said.push('\n');
        }
        Outcome { code: status.code(), stdout: said, stderr: String::new() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stages(pipeline: &Value) -> impl Iterator<Item = &Value> {
    let nodes = pipeline["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    nodes.iter().filter(|node| node["kind"] != "topic")
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let address: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(*c)).collect();
    address.contains(':').then_some(address)
}
