//! One turn: the partition that needs it most is compacted up to where its keys fit into memory.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use millrace_flow::Stop;

use super::Budget;
use super::keys::Keys;
use super::plan::{CompactionRules, Work, derive_work};
use super::rewrite::rewrite;
use crate::clients::{self, LastFrame};
use crate::flusher::is_failed_sync;
use crate::partition::{ClosedFacts, Partition};
use crate::record_batch::{Damage, FrameHeader, FrameView, Leave, Left, Marker, RecordView, leave};
use crate::segment::{Aborted, Index, Replacement, ScanStop, Scanner, discard, first_time_ms};
use crate::shared::Shared;
use crate::topic::Topic;
use crate::{EmbeddedLog, FlushMode, LogError};

/// Why a turn ends before its end. What it has done so far stays done.
#[derive(Debug)]
pub(super) enum Interruption {
    /// Somebody asked.
    Stopped,
    /// Retention was there first, or the topic is gone.
    Overtaken,
    /// The log.
    Log(LogError),
    /// What lies there is not what was written: nothing of the partition is compacted any more.
    Damaged(LogError),
}

impl From<LogError> for Interruption {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl Interruption {
    pub(super) fn of_scan(stop: ScanStop, path: &Path, at: u64) -> Self {
        match stop {
            ScanStop::Io(error) => Self::Log(error),
            ScanStop::Damage(damage) => Self::of_damage(damage, path, at),
        }
    }

    pub(super) fn of_damage(damage: Damage, path: &Path, at: u64) -> Self {
        Self::Damaged(LogError::corrupt(path, at, damage.0))
    }
}

/// A partition with work to be done.
struct Candidate {
    topic: Arc<Topic>,
    number: usize,
    rules: CompactionRules,
    segments: Vec<ClosedFacts>,
    work: Work,
}

/// What a turn goes by once it knows its keys.
struct Sweep<'a> {
    keys: &'a Keys,
    /// Records from here on stay.
    dirty_end: i64,
    now_ms: i64,
    /// Until when tombstones stay that are seen for the first time.
    horizon_ms: i64,
    /// What each producer has sent last.
    last_frames: HashMap<i64, LastFrame>,
    /// Transactions that have come to nothing.
    aborted: &'a [Aborted],
    /// Producers of whose present transaction something stays.
    in_transaction: HashSet<i64>,
    /// When the first tombstone may go of those that stay.
    first_horizon_ms: i64,
}

impl EmbeddedLog {
    /// Compacts what topics of clients ask to have compacted, now instead of at the next look.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub fn apply_compaction(&self) -> Result<(), LogError> {
        if !self.shared.commits_are_durable() {
            self.shared.flush_everything()?;
        }
        self.shared.compact(&mut Budget::fast(&Stop::default()))
    }
}

impl Shared {
    /// Takes turns until nothing is worth one, or something comes in between.
    pub(crate) fn compact(&self, budget: &mut Budget<'_>) -> Result<(), LogError> {
        let _open = self.enter()?;
        let _alone = self.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.config.flush == FlushMode::None && self.all_topics().iter().any(|topic| is_compacted(topic)) {
            self.flush_everything()?;
        }
        while let Some(candidate) = self.find_dirtiest()? {
            let partition = candidate.topic.partitions[candidate.number].clone();
            match self.take_turn(&candidate, &partition, budget) {
                Ok(()) => {}
                Err(Interruption::Stopped | Interruption::Overtaken) => return Ok(()),
                Err(Interruption::Log(error)) => return Err(error),
                Err(Interruption::Damaged(error)) => {
                    tracing::error!(partition = %partition.name, %error, "partition is not compacted any more");
                    partition.give_up_compaction();
                }
            }
        }
        Ok(())
    }

    fn find_dirtiest(&self) -> Result<Option<Candidate>, LogError> {
        let now_ms = self.machine.clock.now_ms();
        let mut dirtiest: Option<Candidate> = None;
        for topic in self.all_topics() {
            let Some(rules) = topic.settings.as_ref().and_then(|settings| settings.rules().compaction) else {
                continue;
            };
            for (number, partition) in topic.partitions.iter().enumerate().filter(|(_, p)| p.is_compactable()) {
                let segments = partition.closed_facts(bound(&topic, number))?;
                let times_ms =
                    (oldest_dirty_ms(&segments, partition.clean(), &rules)?, partition.tombstone_horizon_ms());
                let Some(work) = derive_work(&segments, partition.clean(), times_ms, &rules, now_ms) else { continue };
                if dirtiest.as_ref().is_none_or(|other| other.work.dirty_share < work.dirty_share) {
                    dirtiest = Some(Candidate { topic: topic.clone(), number, rules, segments, work });
                }
            }
        }
        Ok(dirtiest)
    }

    fn take_turn(
        &self,
        candidate: &Candidate,
        partition: &Partition,
        budget: &mut Budget<'_>,
    ) -> Result<(), Interruption> {
        let Candidate { topic, rules, work, .. } = candidate;
        let segments = &candidate.segments[..work.segments];
        let bytes_before = partition.bytes();
        let from = partition.clean().max(partition.start());
        // Before the keys are read: what is appended from here on is behind them.
        let last_frames = partition.appending.lock().unwrap_or_else(PoisonError::into_inner).producers.last_frames();
        let end = segments.last().map_or(from, |segment| segment.end);
        let aborted = partition.aborted_between(segments.first().map_or(from, |segment| segment.base), end)?;
        let mut keys = Keys::new(budget.keys_max);
        let dirty_end = read_keys(segments, from, &aborted, &mut keys, budget)?;
        let now_ms = self.machine.clock.now_ms();
        let horizon_ms = now_ms.saturating_add(rules.tombstones_ms);
        let mut sweep = Sweep {
            keys: &keys,
            dirty_end,
            now_ms,
            horizon_ms,
            last_frames,
            aborted: &aborted,
            in_transaction: HashSet::new(),
            first_horizon_ms: i64::MAX,
        };
        let mut rest = &segments[..segments.partition_point(|segment| segment.base < dirty_end)];
        let bytes_max = topic.settings.as_ref().map_or(0, |settings| settings.rules().segment_bytes_max);
        while !rest.is_empty() {
            let count = self.sweep(partition, rest, bytes_max, &mut sweep, budget)?;
            rest = &rest[count..];
        }
        partition.set_clean(dirty_end, sweep.first_horizon_ms);
        if !aborted.is_empty() {
            // Which aborted transactions are kept beside which segments has changed.
            let mut appending = partition.appending.lock().unwrap_or_else(PoisonError::into_inner);
            clients::save(self.disk(), partition, &mut appending, partition.next(), now_ms);
        }
        let (bytes, end) = (partition.bytes(), dirty_end);
        tracing::info!(partition = %partition.name, end, bytes_before, bytes, "compacted");
        Ok(())
    }

    /// Goes over the first of `segments`, and those behind it that become one with it; answers how many that are.
    fn sweep(
        &self,
        partition: &Partition,
        segments: &[ClosedFacts],
        bytes_max: u64,
        sweep: &mut Sweep<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<usize, Interruption> {
        let (disk, dir) = (self.disk(), partition.dir());
        let written = rewrite(disk, dir, segments, bytes_max, budget, |frame, out| sweep.leave(frame, out));
        let put = written.and_then(|(count, written)| {
            let Some(written) = written else { return Ok(count) };
            self.put_in_place(partition, &segments[..count], sweep.dirty_end, written).map(|()| count)
        });
        if put.is_err()
            && let Some(first) = segments.first()
            && let Err(error) = discard(disk, dir, first.base)
        {
            tracing::warn!(%error, "a segment that was not finished stays until the next start");
        }
        put
    }

    fn put_in_place(
        &self,
        partition: &Partition,
        replaced: &[ClosedFacts],
        dirty_end: i64,
        written: (u64, Index),
    ) -> Result<(), Interruption> {
        let (Some(first), Some(last)) = (replaced.first(), replaced.last()) else { return Ok(()) };
        // Whoever retires segments holds this too.
        let mut flushing = self.flushing();
        if !partition.holds(replaced) {
            return Err(Interruption::Overtaken);
        }
        if partition.sparse() < dirty_end {
            // Before records are missing it is written down that they may be.
            partition.set_sparse(dirty_end);
            self.write_checkpoint(&mut flushing, None)?;
        }
        let ready = Replacement { base: first.base, end: last.end }.get_ready(self.disk(), partition.dir());
        ready.map_err(|error| if is_failed_sync(&error) { self.fail(error) } else { error })?;
        // From here on a restart goes on with the new segment: so does this process, or nothing does.
        partition.replace(self.disk(), replaced, written).map_err(|error| self.fail(error).into())
    }
}

fn is_compacted(topic: &Topic) -> bool {
    topic.settings.as_ref().is_some_and(|settings| settings.rules().compaction.is_some())
}

/// Up to where a partition may be compacted: what is before this offset is on the disk, may be read, and every registered
/// reader has used it. No transaction goes on before it.
fn bound(topic: &Topic, number: usize) -> i64 {
    let partition = &topic.partitions[number];
    let used = topic.readers.slowest(number).unwrap_or(i64::MAX);
    partition.recovery().min(partition.stable()).min(used)
}

/// Whether the records of a frame are there for nobody: it says how a transaction ended, or is of one that was aborted.
fn is_hidden(header: &FrameHeader, aborted: &[Aborted]) -> bool {
    header.is_control() || aborted.iter().any(|aborted| aborted.hides(header))
}

/// Time of the oldest dirty record, as far as anybody asks for it.
fn oldest_dirty_ms(segments: &[ClosedFacts], clean: i64, rules: &CompactionRules) -> Result<i64, LogError> {
    if rules.lag_ms_max == i64::MAX {
        return Ok(i64::MAX);
    }
    let dirty = segments.iter().filter(|segment| segment.end > clean);
    dirty.map(|segment| first_time_ms(&segment.path)).try_fold(i64::MAX, |oldest, time| Ok(oldest.min(time?)))
}

/// Reads the keys of the records from `from` on; answers the offset before which all of them are known.
fn read_keys(
    segments: &[ClosedFacts],
    from: i64,
    aborted: &[Aborted],
    keys: &mut Keys,
    budget: &mut Budget<'_>,
) -> Result<i64, Interruption> {
    for segment in segments.iter().filter(|segment| segment.end > from) {
        let file = File::open(&segment.path).map_err(LogError::io("open", &segment.path))?;
        let mut scanner = Scanner::new(&file, &segment.path, 0, segment.bytes);
        loop {
            let at = scanner.position();
            let next = scanner.next_frame().map_err(|stop| Interruption::of_scan(stop, &segment.path, at))?;
            let Some((_, frame)) = next else { break };
            budget.spend(frame.whole().len())?;
            if frame.header.end() <= from || is_hidden(&frame.header, aborted) {
                continue;
            }
            let noted = note_keys(&frame, from, keys);
            if let Some(first_unknown) = noted.map_err(|damage| Interruption::of_damage(damage, &segment.path, at))? {
                return Ok(first_unknown);
            }
        }
    }
    Ok(segments.last().map_or(from, |segment| segment.end.max(from)))
}

/// Takes note of the keys of a frame; answers the offset of the first one that there was no room for.
fn note_keys(frame: &FrameView<'_>, from: i64, keys: &mut Keys) -> Result<Option<i64>, Damage> {
    let unpacked = frame.unpacked()?;
    for record in frame.records_in(&unpacked) {
        let record = record?;
        let Some(key) = record.key.filter(|_| record.offset >= from) else { continue };
        if !keys.note(key, record.offset) {
            return Ok(Some(record.offset));
        }
    }
    Ok(None)
}

impl Sweep<'_> {
    /// Appends to `out` what is left of a frame.
    fn leave(&mut self, frame: &FrameView<'_>, out: &mut Vec<u8>) -> Result<Left, Damage> {
        let header = frame.header;
        if header.base >= self.dirty_end || (header.is_control() && self.needs_marker(frame)?) {
            out.extend_from_slice(frame.whole());
            return Ok(Left::Same);
        }
        if header.is_control() {
            return Ok(Left::Nothing);
        }
        let left = self.leave_records(frame, out)?;
        if header.is_transactional() && left != Left::Nothing {
            self.in_transaction.insert(header.producer_id);
        }
        Ok(left)
    }

    /// Whether what says how a transaction ended has to stay: as long as a frame of that stays, or else a start would take it
    /// for one that goes on; where it says that it was aborted, since readers go by that; and where nothing else tells of the
    /// epoch of its producer.
    fn needs_marker(&mut self, frame: &FrameView<'_>) -> Result<bool, Damage> {
        let header = frame.header;
        let something_stays = self.in_transaction.remove(&header.producer_id);
        let is_known_by_it =
            self.last_frames.get(&header.producer_id) == Some(&LastFrame::Marker(header.producer_epoch));
        let is_commit = Marker::of(frame)?.is_some_and(|marker| marker.is_commit);
        Ok(something_stays || is_known_by_it || !is_commit)
    }

    fn leave_records(&mut self, frame: &FrameView<'_>, out: &mut Vec<u8>) -> Result<Left, Damage> {
        let header = frame.header;
        let is_last = self.last_frames.get(&header.producer_id) == Some(&LastFrame::Records(header.base));
        let rules = Leave { horizon_ms: self.horizon_ms, empty: is_last };
        let tombstones_until_ms = header.delete_horizon_ms().unwrap_or(self.horizon_ms);
        let tombstones_stay = header.delete_horizon_ms().is_none_or(|horizon_ms| horizon_ms > self.now_ms);
        let is_aborted = is_hidden(&header, self.aborted);
        let (keys, dirty_end, first_horizon_ms) = (self.keys, self.dirty_end, &mut self.first_horizon_ms);
        let stays = |record: &RecordView<'_>| {
            if is_aborted || record.offset >= dirty_end {
                return !is_aborted;
            }
            // A record without a key is of a time before the topic was compacted.
            let is_last = record.key.is_some_and(|key| !keys.has_later(key, record.offset));
            if !is_last || record.value.is_some() {
                return is_last;
            }
            if tombstones_stay {
                *first_horizon_ms = tombstones_until_ms.min(*first_horizon_ms);
            }
            tombstones_stay
        };
        leave(frame, rules, stays, out)
    }
}
