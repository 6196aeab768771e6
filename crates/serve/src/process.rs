//! What the operating system knows of this process, read from `/proc`; nothing where there is none.

use std::fs;

/// Clock ticks of `/proc/self/stat` in a second: Linux has told every program 100, on every machine, for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// A look at this process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Process {
    pub(crate) resident_bytes: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) threads: f64,
    pub(crate) open_fds: f64,
    pub(crate) max_fds: f64,
}

impl Process {
    /// Looks now; `None` where there is no `/proc`.
    pub(crate) fn read() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        Some(Self {
            resident_bytes: status_field(&status, "VmRSS:")? * 1024.0,
            threads: status_field(&status, "Threads:")?,
            cpu_seconds: cpu_seconds(&stat)?,
            open_fds: fs::read_dir("/proc/self/fd").ok()?.count() as f64,
            max_fds: max_fds()? as f64,
        })
    }
}

/// How many files this process may have open.
pub(crate) fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    if soft == "unlimited" { Some(u64::from(u32::MAX)) } else { soft.parse().ok() }
}

fn status_field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Fields 14 and 15 of `/proc/self/stat`, counted behind the program's name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_stands_behind_the_name() {
        let stat = "42 (mill ) race) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 1000 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let process = Process::read().expect("tests run on Linux");
        assert!(process.resident_bytes > 0.0 && process.threads >= 1.0 && process.open_fds >= 3.0);
        assert!(process.max_fds >= process.open_fds);
    }
}
