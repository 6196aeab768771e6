//! The loop that follows a topic on behalf of one sink.
//!
//! - The store says where to go on; nothing is remembered here over a restart.
//! - The registered reader moves only with what the store has, so retention never takes a record that a crash would need;
//!   what the sink has taken and not stored holds no source back.
//! - It sleeps until the log or the request to stop wakes it, or until taken rows are due to be flushed.
//! - A topic that is sealed and read makes it [`Phase::Done`]; it goes on waiting, because a topic may be opened again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use arrow::compute;
use millrace_flow::{
    Ledger, Log, Offset, Phase, ReaderPosition, Result, Signal, Sink, SinkInput, StageStatus, Stop, TopicInfo,
    TopicPartition,
};

use crate::SinkError;

/// How a sink is fed.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Bytes handed over at once, at most, when the sink is behind: the size of a transaction.
    pub max_bytes: usize,
    /// Rows that were taken are in the store after this time.
    pub flush_interval: Duration,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, flush_interval: Duration::from_secs(1) }
    }
}

/// Brings the store back to the topic's `ends` if it remembers more than the topic holds, as it can after a power cut.
///
/// The ends are to be those before the topic's writer appended anything, which would hide the difference; [`run_sink`] calls
/// it with those of its time.
///
/// # Errors
/// When the store cannot be changed.
pub fn align(sink: &mut dyn Sink, name: &str, ends: &[Offset]) -> Result<()> {
    let progress = sink.progress()?;
    if progress.iter().zip(ends).any(|(next, end)| next > end) {
        tracing::warn!(sink = name, ?progress, ?ends, "store is ahead of its topic, cutting it back");
        sink.cut(ends)?;
    }
    Ok(())
}

/// Feeds `sink` from `topic` until told to stop, and leaves nothing unflushed.
///
/// Called again after an error that may pass, it goes on from what the store has.
///
/// # Errors
/// Those of the log and of the sink.
pub fn run_sink(
    sink: &mut dyn Sink,
    topic: &str,
    name: &str,
    log: &dyn Log,
    stop: &Stop,
    status: &StageStatus,
    options: &SinkOptions,
) -> Result<()> {
    align(sink, name, &find(log, topic, name)?.ends)?;
    let mut follower = Follower::open(sink, topic, name, log, status, options)?;
    loop {
        let seen = log.signal().version();
        if stop.is_stopped() {
            return follower.flush();
        }
        let info = find(log, topic, name)?;
        if follower.step(&info)? {
            status.set_phase(Phase::Running);
            continue;
        }
        if info.sealed {
            follower.flush()?;
            status.set_phase(Phase::Done);
        } else {
            status.set_phase(Phase::Idle);
        }
        wait(log.signal(), seen, stop, follower.due);
        follower.flush_if_due()?;
    }
}

fn find(log: &dyn Log, topic: &str, sink: &str) -> Result<TopicInfo, SinkError> {
    log.topic(topic).ok_or_else(|| SinkError::NoTopic { topic: topic.to_owned(), sink: sink.to_owned() })
}

/// Where one sink stands in its topic.
struct Follower<'a> {
    sink: &'a mut dyn Sink,
    log: &'a dyn Log,
    status: &'a StageStatus,
    options: &'a SinkOptions,
    partitions: Vec<TopicPartition>,
    /// Next offset to read, by partition.
    next: Vec<Offset>,
    position: Box<dyn ReaderPosition>,
    /// When rows that were taken must be in the store; `None` while none are outside.
    due: Option<Instant>,
}

impl<'a> Follower<'a> {
    fn open(
        sink: &'a mut dyn Sink,
        topic: &str,
        name: &str,
        log: &'a dyn Log,
        status: &'a StageStatus,
        options: &'a SinkOptions,
    ) -> Result<Self> {
        let info = find(log, topic, name)?;
        let position = log.track_reader(name, topic)?;
        let stored = sink.progress()?;
        for (partition, (stored, start)) in stored.iter().zip(&info.starts).enumerate() {
            if *stored > Offset(0) && stored < start {
                tracing::warn!(sink = name, topic, partition, %stored, %start, "retention took records before the sink read them");
            }
        }
        let partitions = info.partitions().collect();
        let next = stored.iter().zip(&info.starts).map(|(stored, start)| *stored.max(start)).collect();
        let follower = Self { sink, log, status, options, partitions, next, position, due: None };
        follower.publish(&stored);
        Ok(follower)
    }

    /// Reads what there is, up to a transaction's worth, and hands it over; says whether there was something.
    fn step(&mut self, info: &TopicInfo) -> Result<bool> {
        let started = Instant::now();
        let inputs = self.read(info)?;
        if inputs.is_empty() {
            return Ok(false);
        }
        let next: Vec<_> = inputs.iter().map(|input| (input.partition, input.offsets.end)).collect();
        let latest_ms =
            inputs.iter().flat_map(|input| &input.records).filter_map(|r| compute::max(&r.batch.times_ms)).max();
        let stored = self.sink.write(inputs)?;
        for (partition, next) in next {
            self.next[partition.index()] = next;
            self.position.take(partition, next);
        }
        if let Some(latest_ms) = latest_ms {
            self.status.event_time_ms.fetch_max(latest_ms, Ordering::Relaxed);
        }
        self.settle(stored, started);
        self.flush_if_due()?;
        Ok(true)
    }

    fn read(&self, info: &TopicInfo) -> Result<Vec<SinkInput>> {
        let behind: Vec<usize> = (0..self.partitions.len()).filter(|p| self.next[*p] < info.ends[*p]).collect();
        let share = self.options.max_bytes / behind.len().max(1);
        let mut inputs = Vec::with_capacity(behind.len());
        for p in behind {
            let records = self.log.read(&self.partitions[p], self.next[p], share)?;
            if let Some(last) = records.last() {
                let offsets = self.next[p]..last.end();
                inputs.push(SinkInput { partition: self.partitions[p].partition, offsets, records });
            }
        }
        Ok(inputs)
    }

    fn flush(&mut self) -> Result<()> {
        if self.due.is_some() {
            let started = Instant::now();
            let stored = self.sink.flush()?;
            self.settle(stored, started);
            self.due = None;
        }
        Ok(())
    }

    fn flush_if_due(&mut self) -> Result<()> {
        if self.due.is_some_and(|due| due <= Instant::now()) { self.flush() } else { Ok(()) }
    }

    /// Takes note of what the store has after a call to the sink.
    fn settle(&mut self, stored: Option<Vec<Offset>>, started: Instant) {
        let all_stored = stored.as_ref().is_some_and(|stored| stored.iter().zip(&self.next).all(|(s, next)| s >= next));
        if all_stored {
            self.due = None;
        } else if stored.is_some() || self.due.is_none() {
            self.due = Some(started + self.options.flush_interval);
        }
        if let Some(stored) = stored {
            let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.status.epoch_us.store(took_us, Ordering::Relaxed);
            self.status.epoch.fetch_add(1, Ordering::Relaxed);
            self.publish(&stored);
        }
    }

    /// Moves the registered reader and the counters; offsets count from the topic's beginning, so totals last over restarts.
    fn publish(&self, stored: &[Offset]) {
        for (partition, next) in self.partitions.iter().zip(stored) {
            self.position.advance(partition.partition, *next);
        }
        let rows = stored.iter().map(|next| u64::try_from(next.0).unwrap_or(0)).sum();
        self.status.rows_out.store(rows, Ordering::Relaxed);
        self.status.set_ledger(Ledger { read: rows, used: rows, ..Ledger::default() });
    }
}

/// Sleeps until the signal has moved from `seen`, somebody asks to stop, or `deadline` passes.
fn wait(signal: &Signal, seen: u64, stop: &Stop, deadline: Option<Instant>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut moved = pin!(signal.changed(seen));
    let mut stopped = pin!(stop.stopped());
    while moved.as_mut().poll(&mut context).is_pending() && stopped.as_mut().poll(&mut context).is_pending() {
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(left) if left.is_zero() => return,
            Some(left) => thread::park_timeout(left),
        }
    }
}

#[cfg(test)]
mod tests;
