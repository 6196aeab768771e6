//! The names of everything that `/metrics` tells, in one table; `docs/metrics.md` is made from it.
//!
//! Names follow Prometheus: base units, the unit at the end of the name, `_total` on counters (added when written). A stage's
//! counters count from the beginning of the project's data, over restarts; those of HTTP from the start of the program.

use std::fmt::Write;

/// How a metric behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// One metric: its name without the suffix of its kind, the names of its labels, and what it says.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind, labels, help }
    }

    /// The name as it is written out.
    pub(crate) fn full_name(&self) -> String {
        if self.kind == Kind::Counter { format!("{}_total", self.name) } else { self.name.to_owned() }
    }
}

const STAGE: &[&str] = &["stage", "kind"];

pub(crate) const STAGE_ROWS_READ: Metric =
    Metric::new("millrace_stage_rows_read", Kind::Counter, STAGE, "Rows a stage took in");
pub(crate) const STAGE_ROWS_USED: Metric =
    Metric::new("millrace_stage_rows_used", Kind::Counter, STAGE, "Rows that took part in the result");
pub(crate) const STAGE_ROWS_LATE: Metric =
    Metric::new("millrace_stage_rows_late", Kind::Counter, STAGE, "Rows sent to the late topic");
pub(crate) const STAGE_ROWS_DUPLICATE: Metric =
    Metric::new("millrace_stage_rows_duplicate", Kind::Counter, STAGE, "Rows dropped as duplicates of an earlier one");
pub(crate) const STAGE_ROWS_REJECTED: Metric =
    Metric::new("millrace_stage_rows_rejected", Kind::Counter, STAGE, "Rows sent to the dead-letter topic");
pub(crate) const STAGE_ROWS_OUT: Metric =
    Metric::new("millrace_stage_rows_out", Kind::Counter, STAGE, "Rows written to what comes after");
pub(crate) const STAGE_PHASE: Metric = Metric::new(
    "millrace_stage_phase",
    Kind::Gauge,
    &["stage", "kind", "phase"],
    "1 for the phase a stage is in: starting, running, idle, held, done or failed",
);
pub(crate) const STAGE_EPOCH: Metric =
    Metric::new("millrace_stage_epoch", Kind::Gauge, STAGE, "Number of the last committed epoch");
pub(crate) const STAGE_EPOCH_DURATION: Metric =
    Metric::new("millrace_stage_epoch_duration_seconds", Kind::Gauge, STAGE, "How long the last epoch took");
pub(crate) const STAGE_EVENT_TIME: Metric = Metric::new(
    "millrace_stage_event_time_timestamp_seconds",
    Kind::Gauge,
    STAGE,
    "Greatest event time seen, the shop's local clock read as UTC",
);
pub(crate) const STAGE_WATERMARK: Metric = Metric::new(
    "millrace_stage_watermark_timestamp_seconds",
    Kind::Gauge,
    STAGE,
    "Event time up to which the stage takes its input to be complete; that of the last event once all has been read",
);
pub(crate) const STAGE_WATERMARK_LAG: Metric = Metric::new(
    "millrace_stage_watermark_lag_seconds",
    Kind::Gauge,
    STAGE,
    "Distance of the watermark from the greatest event time seen",
);
pub(crate) const STAGE_INPUT: Metric = Metric::new(
    "millrace_stage_input_bytes",
    Kind::Gauge,
    STAGE,
    "Bytes of input there are, for sources that read files; 0 where unknown",
);
pub(crate) const STAGE_INPUT_READ: Metric =
    Metric::new("millrace_stage_input_read_bytes", Kind::Counter, STAGE, "Bytes of input read so far");
pub(crate) const STAGE_STATE_ROWS: Metric =
    Metric::new("millrace_stage_state_rows", Kind::Gauge, STAGE, "Groups or keys held as state");
pub(crate) const STAGE_STATE: Metric =
    Metric::new("millrace_stage_state_bytes", Kind::Gauge, STAGE, "State held in memory");
pub(crate) const STAGE_SNAPSHOT: Metric =
    Metric::new("millrace_stage_snapshot_bytes", Kind::Gauge, STAGE, "Snapshots of state held on disk");
pub(crate) const TOPIC_RECORDS: Metric = Metric::new(
    "millrace_topic_records",
    Kind::Gauge,
    &["topic"],
    "Committed offsets a topic holds: its records, and where it is compacted or written in transactions more than those",
);
pub(crate) const TOPIC_SIZE: Metric =
    Metric::new("millrace_topic_bytes", Kind::Gauge, &["topic"], "What a topic takes on disk");
pub(crate) const TOPIC_START: Metric = Metric::new(
    "millrace_topic_start_offset",
    Kind::Gauge,
    &["topic", "partition"],
    "First offset of a partition that is still there",
);
pub(crate) const TOPIC_END: Metric = Metric::new(
    "millrace_topic_end_offset",
    Kind::Gauge,
    &["topic", "partition"],
    "Offset after the last committed record of a partition",
);
pub(crate) const TOPIC_IDLE: Metric = Metric::new(
    "millrace_topic_partition_idle",
    Kind::Gauge,
    &["topic", "partition"],
    "1 while nothing came for ten seconds although more may come: a query that has read the partition waits for it no more",
);
pub(crate) const TOPIC_OFFLINE: Metric = Metric::new(
    "millrace_topic_partition_offline",
    Kind::Gauge,
    &["topic", "partition"],
    "1 while a partition cannot be used because its files are damaged: health says where",
);
pub(crate) const READER_LAG: Metric = Metric::new(
    "millrace_reader_lag_records",
    Kind::Gauge,
    &["topic", "reader"],
    "Committed records of a topic that a reader has not used yet",
);
pub(crate) const HTTP_REQUESTS: Metric = Metric::new(
    "millrace_http_requests",
    Kind::Counter,
    &["method", "route", "status"],
    "Requests answered, by the pattern of their address",
);
pub(crate) const HTTP_DURATION: Metric = Metric::new(
    "millrace_http_request_duration_seconds",
    Kind::Histogram,
    &["route"],
    "Time from a request's head to the head of its answer",
);
pub(crate) const HTTP_CONNECTIONS: Metric =
    Metric::new("millrace_http_connections", Kind::Gauge, &[], "Open connections");
pub(crate) const HTTP_LIVE: Metric = Metric::new("millrace_http_live_feeds", Kind::Gauge, &[], "Open live feeds");
pub(crate) const BUILD: Metric =
    Metric::new("millrace_build_info", Kind::Gauge, &["version"], "Always 1; tells the version");
pub(crate) const PROCESS_RESIDENT: Metric =
    Metric::new("process_resident_memory_bytes", Kind::Gauge, &[], "Resident memory of the process");
pub(crate) const PROCESS_CPU: Metric =
    Metric::new("process_cpu_seconds", Kind::Counter, &[], "Processor time used by the process, user and system");
pub(crate) const PROCESS_THREADS: Metric = Metric::new("process_threads", Kind::Gauge, &[], "Threads of the process");
pub(crate) const PROCESS_OPEN_FDS: Metric =
    Metric::new("process_open_fds", Kind::Gauge, &[], "File descriptors that are open");
pub(crate) const PROCESS_MAX_FDS: Metric =
    Metric::new("process_max_fds", Kind::Gauge, &[], "File descriptors that may be open");
pub(crate) const PROCESS_START: Metric =
    Metric::new("process_start_time_seconds", Kind::Gauge, &[], "When the process started, in seconds since 1970");

/// Every metric, in the order of the page that documents them.
pub(crate) const ALL: &[&Metric] = &[
    &STAGE_ROWS_READ,
    &STAGE_ROWS_USED,
    &STAGE_ROWS_LATE,
    &STAGE_ROWS_DUPLICATE,
    &STAGE_ROWS_REJECTED,
    &STAGE_ROWS_OUT,
    &STAGE_PHASE,
    &STAGE_EPOCH,
    &STAGE_EPOCH_DURATION,
    &STAGE_EVENT_TIME,
    &STAGE_WATERMARK,
    &STAGE_WATERMARK_LAG,
    &STAGE_INPUT,
    &STAGE_INPUT_READ,
    &STAGE_STATE_ROWS,
    &STAGE_STATE,
    &STAGE_SNAPSHOT,
    &TOPIC_RECORDS,
    &TOPIC_SIZE,
    &TOPIC_START,
    &TOPIC_END,
    &TOPIC_IDLE,
    &TOPIC_OFFLINE,
    &READER_LAG,
    &HTTP_REQUESTS,
    &HTTP_DURATION,
    &HTTP_CONNECTIONS,
    &HTTP_LIVE,
    &BUILD,
    &PROCESS_RESIDENT,
    &PROCESS_CPU,
    &PROCESS_THREADS,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_START,
];

/// The page that documents the metrics.
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\n`GET /metrics` answers in the OpenMetrics text format, which Prometheus reads as it is:\n\n\
         ```yaml\nscrape_configs:\n  - job_name: millrace\n    static_configs:\n      - targets: ['localhost:8000']\n```\n\n\
         A stage is a source, a query or a sink; its counters count from the beginning of the project's data, over restarts.\n\
         At every commit `rows_read = rows_used + rows_late + rows_duplicate + rows_rejected`.\n\n\
         | metric | kind | labels | says |\n|---|---|---|---|\n",
    );
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!("| `{}` | {kind} | {} | {} |", metric.full_name(), labels.join(" "), metric.help);
        writeln!(page, "{row}").expect("writing to a string does not fail");
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(!metric.name.ends_with("_total"), "{}: the suffix is added when written", metric.name);
            assert!(metric.name.starts_with("millrace_") || metric.name.starts_with("process_"), "{}", metric.name);
            assert!(!metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
