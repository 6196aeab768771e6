//! Wall time, processor time and memory of a child process, from `/proc`.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/PID/stat`: fixed by the kernel's interface to programs.
const TICKS_PER_S: f64 = 100.0;

/// Time between two looks: far below what is measured, far above what a look costs.
const LOOK: Duration = Duration::from_millis(5);

/// What a child took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) rss_peak_mb: f64,
}

/// Runs a command to its end. Its processor time is read when it has ended and before it is waited for, so nothing is missed.
pub(crate) fn run(command: &mut Command) -> (Meter, String) {
    let output = tempfile::tempfile().expect("a temporary file");
    let stdout = output.try_clone().expect("a second handle");
    let started = Instant::now();
    let mut child = command.stdout(Stdio::from(stdout)).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut meter = Meter::default();
    loop {
        meter.rss_peak_mb = rss_mb(child.id(), "VmHWM").unwrap_or(meter.rss_peak_mb);
        if let Some((state, cpu_s)) = stat(child.id()) {
            meter.cpu_s = cpu_s;
            if state == 'Z' {
                break;
            }
        }
        thread::sleep(LOOK);
    }
    meter.wall_s = started.elapsed().as_secs_f64();
    let status: ExitStatus = child.wait().expect("it has ended");
    let mut text = String::new();
    std::io::Seek::rewind(&mut &output).expect("a file can be read again");
    std::io::Read::read_to_string(&mut &output, &mut text).expect("it printed text");
    assert!(status.success(), "{command:?}: {status}\n{text}");
    (meter, text)
}

/// Resident memory in MB, by the name of its line: `VmRSS` now, `VmHWM` at most.
pub(crate) fn rss_mb(id: u32, line: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    let kb: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kb / 1024.0)
}

/// Processor time of a process so far.
pub(crate) fn cpu_s(id: u32) -> f64 {
    stat(id).map_or(0.0, |(_, cpu_s)| cpu_s)
}

/// State and processor time so far.
fn stat(id: u32) -> Option<(char, f64)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in brackets may hold anything, also brackets.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((fields.first()?.chars().next()?, (ticks(11)? + ticks(12)?) / TICKS_PER_S))
}

/// A program that serves; killed when dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
}

impl Served {
    /// Starts `millrace up` on a free port and waits until it is ready; answers how long that took.
    pub(crate) fn start(project: &std::path::Path) -> (Self, Duration) {
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            free.local_addr().expect("a bound address").to_string()
        };
        let started = Instant::now();
        let mut command = millrace();
        command.arg("up").arg(project).args(["--listen", &address]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let served = Self { child, address };
        while !served.is_ready() {
            assert!(started.elapsed() < Duration::from_secs(60), "it never became ready");
            thread::sleep(Duration::from_millis(1));
        }
        (served, started.elapsed())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn is_ready(&self) -> bool {
        std::net::TcpStream::connect(&self.address).is_ok() && super::http::get(&self.address, "/readyz").status == 200
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under measurement, deaf to settings of this shell.
pub(crate) fn millrace() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLRACE_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}
