//! The writing half: batches to partitions of the log, and commits.
//!
//! A commit is worth its cost when it covers many rows, or when nothing else is to be done: while batches keep coming, one
//! follows every 65,536 rows; when none is there, one follows within [`COMMIT_AFTER`].

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::compute;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Local};
use chrono_tz::Tz;
use millrace_flow::{Batch, LogWriter, Origin, PartitionId, Phase, Result, SourceContext, TopicPartition};
use millrace_schema::csv::{Decoded, Reject};

use super::config::{CsvSourceConfig, Pace, dead_letter_schema};
use super::pace::{Due, due};
use super::partition::{keys_of, split};
use super::position::Progress;
use super::reader::Message;
use super::told::Told;
use crate::error::SourceError;

/// How long rows wait for more before they are committed.
const COMMIT_AFTER: Duration = Duration::from_millis(20);

/// Bytes of cookie that commits are made for; with a longer one, of very many files, commits are rarer.
const COOKIE_BYTES: usize = 64 * 1024;

/// How often somebody who waits looks whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Writer<'a> {
    config: &'a CsvSourceConfig,
    context: &'a SourceContext,
    log: Box<dyn LogWriter>,
    progress: Progress,
    rows: Arc<str>,
    rejects: TopicPartition,
    /// Rows appended and not committed.
    pending: u64,
    pending_since: Option<Instant>,
    /// Whether there is something to commit that is no row.
    is_dirty: bool,
    cookie_bytes: usize,
    /// Files with text that waits for its end.
    waiting: Vec<usize>,
    /// What was warned of last.
    told: Told,
}

/// How the writing half ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Everything is read and committed.
    Done,
    /// It was told to stop.
    Stopped,
    /// The reading half cannot go on; what it had read before is committed.
    Unreadable(SourceError),
}

impl<'a> Writer<'a> {
    /// Opens the log where the last commit left it.
    pub(super) fn open(config: &'a CsvSourceConfig, context: &'a SourceContext) -> Result<Self> {
        let log = context.log.writer(&config.writer())?;
        let last = log.last_commit();
        let mut progress = Progress::from_cookie(&config.name, last.map(|commit| &*commit.cookie))?;
        if !config.rebase {
            // Without a rebase every start is the beginning of a replay of its own.
            (progress.anchor, progress.shift_us) = (None, None);
        }
        let is_dirty = last.is_none_or(|commit| commit.sealed == config.follow);
        let mut writer = Self {
            config,
            context,
            progress,
            rows: config.name.as_str().into(),
            rejects: TopicPartition::new(config.dead_letter_topic(), 0),
            pending: 0,
            pending_since: None,
            is_dirty,
            cookie_bytes: 0,
            waiting: Vec::new(),
            told: Told::default(),
            log,
        };
        writer.publish();
        Ok(writer)
    }

    /// How far the source has come.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Takes what the reading half says until it ends, or until told to stop.
    pub(super) fn run(&mut self, messages: &Receiver<Message>) -> Result<Outcome> {
        loop {
            if self.context.stop.is_stopped() {
                self.commit_pending()?;
                return Ok(Outcome::Stopped);
            }
            let message = match messages.try_recv() {
                Ok(message) => Ok(message),
                Err(_) => self.wait(messages),
            };
            match message {
                Ok(Message::Files(files)) => {
                    self.progress.files = files;
                    self.is_dirty = true;
                    self.warn();
                    self.publish_bytes();
                }
                Ok(Message::Rows { file, decoded, read_bytes }) => self.take_rows(file, &decoded, read_bytes)?,
                Ok(Message::End { file, state }) => {
                    self.is_dirty |= self.progress.files[file] != *state;
                    self.progress.files[file] = *state;
                }
                Ok(Message::Waiting(files)) => {
                    self.waiting = files;
                    self.warn();
                }
                Ok(Message::CaughtUp) => {
                    self.commit_pending()?;
                    self.context.status.set_note(None);
                    self.context.status.set_phase(Phase::Idle);
                }
                Ok(Message::Finished) => return self.finish(),
                Ok(Message::Failed(error)) => {
                    self.commit_pending()?;
                    return Ok(Outcome::Unreadable(error));
                }
                Err(RecvTimeoutError::Timeout) => self.commit_pending()?,
                // The reading half only goes silently when it was told to stop; the loop looks at that first.
                Err(RecvTimeoutError::Disconnected) => {
                    self.commit_pending()?;
                    return Ok(Outcome::Stopped);
                }
            }
        }
    }

    fn wait(&self, messages: &Receiver<Message>) -> std::result::Result<Message, RecvTimeoutError> {
        match self.pending_since {
            Some(since) => messages.recv_timeout((COMMIT_AFTER * self.rarer()).saturating_sub(since.elapsed())),
            None => messages.recv().map_err(RecvTimeoutError::from),
        }
    }

    /// By how much commits are rarer because of a long cookie.
    fn rarer(&self) -> u32 {
        u32::try_from(1 + self.cookie_bytes / COOKIE_BYTES).unwrap_or(u32::MAX)
    }

    fn finish(&mut self) -> Result<Outcome> {
        if self.pending > 0 || self.is_dirty || self.log.last_commit().is_none_or(|commit| !commit.sealed) {
            self.commit(true)?;
        } else {
            self.log.reseal();
        }
        self.publish();
        let status = &self.context.status;
        status.set_note(None);
        status.set_phase(Phase::Done);
        Ok(Outcome::Done)
    }

    /// Appends the records of a batch as they become due, and commits now and then.
    fn take_rows(&mut self, file: usize, decoded: &Decoded, read_bytes: u64) -> Result<()> {
        let status = &self.context.status;
        if status.phase() != Phase::Running {
            status.set_phase(Phase::Running);
            status.set_note(Some(self.progress.files[file].name()));
        } else if self.progress.files[file].at.byte == 0 {
            status.set_note(Some(self.progress.files[file].name()));
        }
        let (rows, times_us) = self.event_times(&decoded.rows)?;
        let (mut next, mut rejects) = (0, decoded.rejects.as_slice());
        while next < rows.num_rows() {
            let released = match self.release(&times_us.slice(next, rows.num_rows() - next))? {
                Some(released) => released,
                None => return Ok(()),
            };
            let end = next + released;
            let last_line = decoded.lines.value(end - 1);
            let is_last = end == rows.num_rows();
            let due = if is_last { rejects.len() } else { rejects.partition_point(|reject| reject.line < last_line) };
            let (now, later) = rejects.split_at(due);
            self.append(
                file,
                &rows.slice(next, released),
                &times_us.slice(next, released),
                lines(decoded, next, released),
                now,
            )?;
            (next, rejects) = (end, later);
            self.progress.files[file].through_line = last_line;
            if !is_last {
                self.commit_if_worth()?;
            }
        }
        self.append_rejects(file, rejects)?;
        let state = &mut self.progress.files[file];
        (state.at, state.read_bytes) = (decoded.position, read_bytes);
        state.pass_through();
        self.commit_if_worth()
    }

    /// How many of the rows with these event times are to be released now; waits for the first. `None` says to stop.
    fn release(&mut self, times_us: &TimestampMicrosecondArray) -> Result<Option<usize>> {
        loop {
            if self.context.stop.is_stopped() && self.config.pace != Pace::Fast {
                return Ok(None);
            }
            let now_ms = self.context.clock.now_ms();
            match due(self.config.pace, &mut self.progress.anchor, times_us, now_ms) {
                Due::Rows(rows) => return Ok(Some(rows)),
                Due::At(due_ms) => {
                    self.commit_pending()?;
                    let wait = Duration::from_millis(u64::try_from(due_ms - now_ms).unwrap_or(0));
                    self.context.stop.wait_until(Instant::now() + wait.min(LOOK_EVERY));
                }
            }
        }
    }

    /// The rows with their event times moved if they are to be, and those times; all null without an event time.
    fn event_times(&mut self, rows: &RecordBatch) -> Result<(RecordBatch, TimestampMicrosecondArray), SourceError> {
        let Some((column, _)) = self.config.watermark else {
            return Ok((rows.clone(), TimestampMicrosecondArray::new_null(rows.num_rows())));
        };
        let times_us = to_micros(rows.column(column))?;
        if !self.config.rebase {
            return Ok((rows.clone(), times_us));
        }
        let now_ms = self.context.clock.now_ms();
        let first = times_us.iter().flatten().next();
        let shift_us = match (self.progress.shift_us, first) {
            (Some(shift_us), _) => shift_us,
            (None, Some(first)) => {
                *self.progress.shift_us.insert(local_micros(now_ms, self.config.zone).saturating_sub(first))
            }
            (None, None) => 0,
        };
        let moved: TimestampMicrosecondArray = times_us.unary(|time: i64| time.saturating_add(shift_us));
        let mut columns = rows.columns().to_vec();
        columns[column] = compute::cast(&moved, rows.column(column).data_type())?;
        Ok((RecordBatch::try_new(rows.schema(), columns)?, moved))
    }

    fn append(
        &mut self,
        file: usize,
        rows: &RecordBatch,
        times_us: &TimestampMicrosecondArray,
        lines: UInt64Array,
        rejects: &[Reject],
    ) -> Result<()> {
        let now_ms = self.context.clock.now_ms();
        let times_ms: Int64Array = if self.config.watermark.is_some() {
            to_millis(times_us, now_ms)
        } else {
            Int64Array::from(vec![now_ms; rows.num_rows()])
        };
        if self.config.watermark.is_some()
            && let Some(latest) = compute::max(times_us)
        {
            let latest = latest.div_euclid(1000);
            self.progress.event_time_ms = Some(self.progress.event_time_ms.map_or(latest, |known| known.max(latest)));
        }
        let count = rows.num_rows();
        let mut batch = Batch::new(rows.clone(), times_ms).with_origin(origin(file, lines));
        if let Some(column) = self.config.key_column() {
            batch = batch.with_keys(keys_of(rows.column(column)));
        }
        let keyless = PartitionId((self.progress.batches % u64::from(self.config.partitions)) as u32);
        self.progress.batches += 1;
        for (partition, part) in split(batch, self.config.partitions, keyless)? {
            let target = TopicPartition { topic: self.rows.clone(), partition };
            self.log.append(&target, part)?;
        }
        self.progress.ledger.read += count as u64;
        self.progress.ledger.used += count as u64;
        self.count_pending(count);
        self.append_rejects(file, rejects)
    }

    fn append_rejects(&mut self, file: usize, rejects: &[Reject]) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let batch = dead_letters(
            &self.config.writer(),
            file,
            &self.progress.files[file].name(),
            rejects,
            self.context.clock.now_ms(),
        )?;
        self.log.append(&self.rejects, batch)?;
        self.progress.ledger.read += rejects.len() as u64;
        self.progress.ledger.rejected += rejects.len() as u64;
        self.count_pending(rejects.len());
        Ok(())
    }

    fn count_pending(&mut self, rows: usize) {
        self.pending += rows as u64;
        self.pending_since.get_or_insert_with(Instant::now);
    }

    fn commit_if_worth(&mut self) -> Result<()> {
        if self.pending >= self.config.commit_rows * u64::from(self.rarer()) { self.commit_pending() } else { Ok(()) }
    }

    fn commit_pending(&mut self) -> Result<()> {
        if self.pending > 0 || self.is_dirty {
            self.commit(false)?;
            self.hold_back();
        }
        Ok(())
    }

    fn commit(&mut self, sealed: bool) -> Result<()> {
        let cookie = self.progress.to_cookie();
        self.cookie_bytes = cookie.len();
        let epoch = self.log.commit(cookie, sealed)?;
        self.context.status.epoch.store(epoch.0, Ordering::Relaxed);
        (self.pending, self.pending_since, self.is_dirty) = (0, None, false);
        self.publish();
        Ok(())
    }

    /// Waits while whoever reads the topic is too far behind.
    fn hold_back(&self) {
        let (log, status) = (&self.context.log, &self.context.status);
        let mut is_held = false;
        while !self.context.stop.is_stopped() {
            let seen = log.signal().version();
            if log.backlog_bytes(&self.rows) <= self.config.backlog_bytes_max {
                break;
            }
            if !is_held {
                status.set_phase(Phase::Held);
                is_held = true;
            }
            log.signal().wait_until(seen, Instant::now() + LOOK_EVERY);
        }
        if is_held {
            status.set_phase(Phase::Running);
        }
    }

    fn publish(&mut self) {
        let status = &self.context.status;
        status.set_ledger(self.progress.ledger);
        status.rows_out.store(self.progress.ledger.used, Ordering::Relaxed);
        if let Some(latest) = self.progress.event_time_ms {
            status.event_time_ms.store(latest, Ordering::Relaxed);
        }
        self.warn();
        self.publish_bytes();
    }

    /// Says what people have to know although nothing has failed; loudly when it is new.
    fn warn(&mut self) {
        let status = &self.context.status;
        let header = self.progress.header_warning(self.config.told_header());
        let waiting = self.progress.waiting_warning(&self.waiting, self.config.last_line_after);
        let warning = match (header, waiting) {
            (Some(header), Some(waiting)) => Some(format!("{header}; besides, {waiting}")),
            (header, waiting) => header.or(waiting),
        };
        if warning == status.warning() {
            return;
        }
        let (line, now_ms) = (self.progress.waiting_line(&self.waiting), self.context.clock.now_ms());
        if let Some(warning) = warning.as_ref().filter(|warning| self.told.is_new(warning, line, now_ms)) {
            tracing::warn!(source = %self.config.name, "{warning}");
        }
        status.set_warning(warning);
    }

    fn publish_bytes(&self) {
        let (read, total) = self.progress.bytes();
        self.context.status.bytes_read.store(read, Ordering::Relaxed);
        self.context.status.bytes_total.store(total, Ordering::Relaxed);
    }
}

fn lines(decoded: &Decoded, start: usize, length: usize) -> UInt64Array {
    UInt64Array::new(decoded.lines.values().slice(start, length), None)
}

fn origin(file: usize, lines: UInt64Array) -> Origin {
    let file = u32::try_from(file).expect("the number of files is bounded");
    Origin { file: Arc::new(UInt32Array::from(vec![file; lines.len()])), line: Arc::new(lines) }
}

/// Event times as microseconds, whatever type the column has.
fn to_micros(column: &ArrayRef) -> Result<TimestampMicrosecondArray, SourceError> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let column = if *column.data_type() == micros { column.clone() } else { compute::cast(column, &micros)? };
    Ok(column.as_primitive::<TimestampMicrosecondType>().clone())
}

/// Record timestamps: the event times, and for a row without one the moment of its reading.
fn to_millis(times_us: &TimestampMicrosecondArray, now_ms: i64) -> Int64Array {
    let mut millis: Vec<i64> = times_us.values().iter().map(|time| time.div_euclid(1000)).collect();
    if let Some(nulls) = times_us.nulls().filter(|nulls| nulls.null_count() > 0) {
        (0..millis.len()).filter(|row| nulls.is_null(*row)).for_each(|row| millis[row] = now_ms);
    }
    millis.into()
}

/// A moment as the shop's clock on the wall shows it, in microseconds since its own 1970.
fn local_micros(now_ms: i64, zone: Option<Tz>) -> i64 {
    let local = DateTime::from_timestamp_millis(now_ms).map(|now| match zone {
        Some(zone) => now.with_timezone(&zone).naive_local(),
        None => now.with_timezone(&Local).naive_local(),
    });
    local.map_or(now_ms.saturating_mul(1000), |local| local.and_utc().timestamp_micros())
}

fn dead_letters(stage: &str, file: usize, name: &str, rejects: &[Reject], now_ms: i64) -> Result<Batch, SourceError> {
    let count = rejects.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![stage; count])),
        Arc::new(StringArray::from(vec![name; count])),
        Arc::new(Int64Array::from_iter_values(rejects.iter().map(|reject| reject.line as i64))),
        Arc::new(rejects.iter().map(|reject| reject.column.as_deref()).collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|reject| &reject.reason))),
        Arc::new(StringArray::from_iter_values(rejects.iter().map(|reject| &reject.row))),
        Arc::new(TimestampMicrosecondArray::from(vec![now_ms.saturating_mul(1000); count])),
    ];
    let values = RecordBatch::try_new(dead_letter_schema(), columns)?;
    let lines = UInt64Array::from_iter_values(rejects.iter().map(|reject| reject.line));
    Ok(Batch::new(values, Int64Array::from(vec![now_ms; count])).with_origin(origin(file, lines)))
}
