//! What a running stage tells about itself: counters that pages, metrics and the ledger read.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A partition that was read to its end and brought nothing for this long is idle: it no longer holds the watermark back. Ten
/// seconds is above any pause of a healthy producer and below what people take for a stall.
pub const IDLE_AFTER: Duration = Duration::from_secs(10);

/// The last moment of the year 9999, in ms: what lies beyond says "everything has come", and is no time.
const LAST_MS: i64 = 253_402_300_799_999;

/// The kinds of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Reads the world, writes a topic.
    Source,
    /// Reads topics, writes topics.
    Query,
    /// Reads a topic, writes a store.
    Sink,
}

/// What a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Phase {
    /// Opening its files, restoring its state.
    Starting = 0,
    /// Working.
    Running = 1,
    /// Caught up, waiting for more.
    Idle = 2,
    /// Held back by what comes after it.
    Held = 3,
    /// At the end of a bounded input, everything committed.
    Done = 4,
    /// Stopped by an error; see [`StageStatus::error`].
    Failed = 5,
}

impl Phase {
    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Starting,
            1 => Self::Running,
            2 => Self::Idle,
            3 => Self::Held,
            4 => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// Where every row went. `read = used + late + duplicate + rejected`, at every commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    /// Rows taken in.
    pub read: u64,
    /// Rows that took part: appended by a source; filtered or aggregated by a query.
    pub used: u64,
    /// Rows sent to the late topic.
    pub late: u64,
    /// Rows dropped as duplicates of an earlier one.
    pub duplicate: u64,
    /// Rows sent to the dead-letter topic.
    pub rejected: u64,
}

impl Ledger {
    /// Whether every row read is accounted for.
    pub fn balances(&self) -> bool {
        self.read == self.used + self.late + self.duplicate + self.rejected
    }
}

/// Counters of one stage. All totals count from the beginning of the project's data, over restarts.
#[derive(Debug)]
pub struct StageStatus {
    /// Its name, unique within its kind.
    pub name: String,
    /// What it is.
    pub kind: StageKind,
    phase: AtomicU8,
    ledger: Mutex<Ledger>,
    error: Mutex<Option<String>>,
    warning: Mutex<Option<String>>,
    note: Mutex<Option<String>>,
    /// Rows written to what comes after: records appended, rows upserted.
    pub rows_out: AtomicU64,
    /// Bytes read so far from the input, and how many there are in all, where that is known (files).
    pub bytes_read: AtomicU64,
    /// See [`StageStatus::bytes_read`]; 0 when unknown.
    pub bytes_total: AtomicU64,
    /// Last committed epoch.
    pub epoch: AtomicU64,
    /// Greatest event time seen, in ms; `i64::MIN` before the first row.
    pub event_time_ms: AtomicI64,
    /// Watermark, in ms; `i64::MIN` before the first row.
    pub watermark_ms: AtomicI64,
    /// Groups or keys held as state.
    pub state_rows: AtomicU64,
    /// Bytes of state in memory.
    pub state_bytes: AtomicU64,
    /// Bytes of snapshots on disk.
    pub snapshot_bytes: AtomicU64,
    /// Duration of the last epoch, in microseconds.
    pub epoch_us: AtomicU64,
}

impl StageStatus {
    /// A stage that has not started.
    pub fn new(kind: StageKind, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            phase: AtomicU8::new(Phase::Starting as u8),
            ledger: Mutex::default(),
            error: Mutex::default(),
            warning: Mutex::default(),
            note: Mutex::default(),
            rows_out: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            event_time_ms: AtomicI64::new(i64::MIN),
            watermark_ms: AtomicI64::new(i64::MIN),
            state_rows: AtomicU64::new(0),
            state_bytes: AtomicU64::new(0),
            snapshot_bytes: AtomicU64::new(0),
            epoch_us: AtomicU64::new(0),
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        Phase::from_code(self.phase.load(Ordering::Relaxed))
    }

    /// Says what it is doing; anything but [`Phase::Failed`] takes the error back.
    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        if phase != Phase::Failed {
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Greatest event time seen; `None` before the first row.
    pub fn newest_event_ms(&self) -> Option<i64> {
        known_ms(&self.event_time_ms)
    }

    /// Event time up to which its input is complete: its watermark or, once all has been read, the time of the last event, for
    /// then nothing is waited for any more. `None` before the first row, and for stages without a watermark.
    pub fn complete_to_ms(&self) -> Option<i64> {
        let watermark_ms = known_ms(&self.watermark_ms)?;
        let last_ms = self.newest_event_ms().filter(|_| self.phase() == Phase::Done);
        Some(last_ms.map_or(watermark_ms, |last_ms| last_ms.max(watermark_ms)))
    }

    /// Where its rows went, as of its last commit.
    pub fn ledger(&self) -> Ledger {
        *self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the ledger of a commit, whole, so that a reader never sees half of one.
    pub fn set_ledger(&self, ledger: Ledger) {
        *self.ledger.lock().unwrap_or_else(PoisonError::into_inner) = ledger;
    }

    /// What stopped it, if something did.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what stopped it.
    pub fn fail(&self, error: impl ToString) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.phase.store(Phase::Failed as u8, Ordering::Relaxed);
    }

    /// What somebody has to look at although it goes on.
    pub fn warning(&self) -> Option<String> {
        self.warning.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what somebody has to look at, or that there is nothing.
    pub fn set_warning(&self, warning: Option<String>) {
        *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = warning;
    }

    /// A remark for people: a file being read, a partition that is idle.
    pub fn note(&self) -> Option<String> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the remark.
    pub fn set_note(&self, note: Option<String>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }
}

/// A time, unless it stands for "none yet" or "all of it".
fn known_ms(ms: &AtomicI64) -> Option<i64> {
    let ms = ms.load(Ordering::Relaxed);
    (ms > i64::MIN && ms <= LAST_MS).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_to_its_end_is_complete_up_to_its_last_event() {
        let query = StageStatus::new(StageKind::Query, "revenue");
        assert_eq!((query.newest_event_ms(), query.complete_to_ms()), (None, None));
        query.event_time_ms.store(1_000, Ordering::Relaxed);
        assert_eq!(query.complete_to_ms(), None, "a stage without a watermark has none when it is done either");
        query.watermark_ms.store(400, Ordering::Relaxed);
        query.set_phase(Phase::Idle);
        assert_eq!(query.complete_to_ms(), Some(400));
        query.set_phase(Phase::Done);
        assert_eq!(query.complete_to_ms(), Some(1_000));
        query.watermark_ms.store(i64::MAX / 1_000, Ordering::Relaxed);
        assert_eq!(query.complete_to_ms(), None, "this is no time");
    }
}
