//! One partition: its segments, where it ends for its writer, and where it ends for everybody else.
//!
//! ```text
//! start          recovery        committed          next
//!   │ closed │ closed │      active    │  not committed │
//! ```
//!
//! Invariants: `start <= recovery <= committed <= next`; what is not committed lies in the active segment alone; a partition
//! that is offline is neither read, nor appended to, nor cut; offsets are missing below `sparse` alone, where compaction took
//! records.
//!
//! Where clients append, every append is a commit of its own: the file itself says where the partition ends.

mod aborted;
mod compacting;
mod place;
mod recover;
mod searching;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_flow::{Offset, TopicPartition};

pub(crate) use compacting::{ClosedFacts, Compacted};
use place::hint;
pub(crate) use place::{Place, Reach};
pub(crate) use recover::{Believed, RecoveryRules, each_header};
pub(crate) use searching::SegmentView;

use crate::clients::Producers;
use crate::record_batch::Sealed;
use crate::segment::{ActiveSegment, ClosedSegment, Index, Mark};
use crate::tail_cache::Slot;
use crate::{Disk, LogError, document, segment};

/// Most that a writer may append to a partition without committing: it keeps every position in a segment below 4 GiB.
const UNCOMMITTED_BYTES_MAX: u64 = 1 << 30;

/// A partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) name: TopicPartition,
    pub(crate) slot: Slot,
    dir: PathBuf,
    start: AtomicI64,
    recovery: AtomicI64,
    committed: AtomicI64,
    /// First offset of a transaction that goes on; the greatest number where there is none.
    unstable: AtomicI64,
    bytes: AtomicU64,
    compacted: Compacted,
    /// Its files are those of another process, which goes on changing them.
    is_read_only: bool,
    /// Why it cannot be used, if so; found out when it is opened.
    offline: Option<Arc<str>>,
    state: Mutex<State>,
    /// Held by the client that appends.
    pub(crate) appending: Mutex<Appending>,
    /// Held by the client that waits for the disk: who waits for it finds its own records there too.
    syncing: Mutex<()>,
}

/// What an append of a client goes by.
#[derive(Debug, Default)]
pub(crate) struct Appending {
    pub(crate) producers: Producers,
    /// The epochs of the leader, each with the offset of its first record.
    pub(crate) epochs: Vec<(i32, i64)>,
    /// When the active segment was begun, as far as this process knows.
    pub(crate) segment_begun_ms: Option<i64>,
    /// Greatest timestamp of the first frame in the active segment.
    pub(crate) segment_first_ms: Option<i64>,
}

#[derive(Debug, Default)]
struct State {
    closed: Vec<ClosedSegment>,
    active: Option<ActiveSegment>,
    /// Offset of the next record appended.
    next: i64,
    /// End of the active segment at the last commit.
    committed: Mark,
    /// Files written since they were last synced.
    unsynced: Vec<Arc<File>>,
    /// Whether the folder got a file since it was last synced.
    dir_unsynced: bool,
}

/// What has to be synced before the commits so far are durable.
#[derive(Debug)]
pub(crate) struct Unsynced {
    files: Vec<Arc<File>>,
    dir: PathBuf,
    dir_unsynced: bool,
}

/// The end of a partition that an append can be taken back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendPoint {
    /// Offset of the next record.
    pub(crate) next: i64,
    mark: Mark,
}

impl State {
    fn bytes(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(ClosedSegment::bytes).sum();
        closed + self.active.as_ref().map_or(0, ActiveSegment::bytes)
    }

    /// Ends the active segment, if there is one, where records end.
    fn close_active(&mut self, disk: &dyn Disk) -> Result<(), LogError> {
        if let Some(active) = &mut self.active {
            active.cut_torn(disk).map_err(LogError::io("cut", &active.path()))?;
        }
        self.closed.extend(self.active.take().map(|full| full.close(disk, self.next)));
        Ok(())
    }
}

impl Partition {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// First offset that is still there.
    pub(crate) fn start(&self) -> i64 {
        self.start.load(Ordering::Acquire)
    }

    /// Offset after the last record that readers may see.
    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    /// All before this offset is known to be on the disk.
    pub(crate) fn recovery(&self) -> i64 {
        self.recovery.load(Ordering::Acquire)
    }

    /// Says that all before `offset` is on the disk.
    pub(crate) fn set_recovery(&self, offset: i64) {
        self.recovery.fetch_max(offset, Ordering::AcqRel);
    }

    /// Says that records before `offset` are gone, though their segment may be there.
    pub(crate) fn begin_at(&self, offset: i64) {
        self.start.fetch_max(offset, Ordering::AcqRel);
    }

    /// Bytes of its log files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The folder of its files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Refuses when it cannot be used.
    pub(crate) fn check_online(&self) -> Result<(), LogError> {
        match &self.offline {
            None => Ok(()),
            Some(reason) => Err(LogError::PartitionOffline { partition: self.name.clone(), reason: reason.clone() }),
        }
    }

    /// Gets ready to append about `bytes`, in a new segment if they would make the active one too large; answers the end.
    pub(crate) fn prepare(&self, disk: &dyn Disk, bytes: u64, segment_bytes_max: u64) -> Result<AppendPoint, LogError> {
        self.check_online()?;
        let mut state = self.state();
        let active_bytes = state.active.as_ref().map_or(0, ActiveSegment::bytes);
        let all_committed = state.next == self.committed();
        if all_committed && active_bytes > 0 && active_bytes + bytes > segment_bytes_max {
            state.close_active(disk)?;
        }
        if state.active.is_none() {
            state.active = Some(ActiveSegment::create(disk, &self.dir, state.next)?);
            state.committed = Mark::default();
            state.dir_unsynced = true;
        }
        let uncommitted = state.active.as_ref().map_or(0, |active| active.mark().bytes_since(state.committed));
        if uncommitted + bytes > UNCOMMITTED_BYTES_MAX {
            let partition = self.name.clone();
            return Err(LogError::UncommittedTooLarge {
                partition,
                bytes: uncommitted,
                bytes_max: UNCOMMITTED_BYTES_MAX,
            });
        }
        Ok(AppendPoint {
            next: state.next,
            mark: state.active.as_ref().map_or_else(Mark::default, ActiveSegment::mark),
        })
    }

    /// Whether a frame of a client, of so many `bytes`, does not go into the active segment: it would make that too large, or
    /// `is_old` says so.
    pub(crate) fn closes_before(&self, bytes: u64, segment_bytes_max: u64, is_old: bool) -> bool {
        let state = self.state();
        let Some(active) = &state.active else { return false };
        // An index counts offsets in 32 bits.
        let is_long = state.next - active.base() > i64::from(i32::MAX);
        active.bytes() > 0 && (active.bytes() + bytes > segment_bytes_max || is_long || is_old)
    }

    /// Gets ready to append a frame of a client, in a new segment if `closes`; answers the offset of its first record.
    pub(crate) fn prepare_frame(&self, disk: &dyn Disk, closes: bool) -> Result<i64, LogError> {
        self.check_online()?;
        let mut state = self.state();
        let next = state.next;
        if closes {
            state.close_active(disk)?;
        }
        if state.active.is_none() {
            state.active = Some(ActiveSegment::create(disk, &self.dir, next)?);
            state.dir_unsynced = true;
        }
        Ok(next)
    }

    /// Brings all that was appended so far to the disk, and lets readers see it. Answers at once when `end` is there already.
    pub(crate) fn settle(&self, disk: &dyn Disk, end: i64) -> Result<(), LogError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.recovery() >= end {
            return Ok(());
        }
        let (unsynced, next) = {
            // Nobody is in the middle of appending: up to that end every file is among those to be synced, and it is said
            // what is not stable.
            let _appending = self.appending.lock().unwrap_or_else(PoisonError::into_inner);
            (self.take_unsynced(), self.next())
        };
        unsynced.sync(disk)?;
        self.set_recovery(next);
        self.committed.fetch_max(next, Ordering::AcqRel);
        Ok(())
    }

    /// Lets readers see all that was appended so far.
    pub(crate) fn show(&self) {
        self.committed.fetch_max(self.next(), Ordering::AcqRel);
    }

    /// Appends frames, which lie in `parts` side by side, and the last of which ends before the offset `next`. After an error
    /// nothing of them is there.
    pub(crate) fn append(
        &self,
        disk: &dyn Disk,
        parts: [&[u8]; 2],
        frames: &[Sealed],
        next: i64,
    ) -> Result<(), LogError> {
        let mut state = self.state();
        let State { active, unsynced, .. } = &mut *state;
        let active = active.as_mut().expect("an append is prepared first");
        if !unsynced.last().is_some_and(|file| Arc::ptr_eq(file, active.file())) {
            unsynced.push(active.file().clone());
        }
        active.append(disk, parts, frames).map_err(LogError::io("write", &active.path()))?;
        state.next = next;
        self.bytes.fetch_add((parts[0].len() + parts[1].len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Takes back what was appended since `point`.
    pub(crate) fn rewind(&self, disk: &dyn Disk, point: AppendPoint) -> Result<(), LogError> {
        let mut state = self.state();
        if let Some(active) = &mut state.active {
            active.rewind(disk, point.mark).map_err(LogError::io("cut", &active.path()))?;
        }
        state.next = point.next;
        self.bytes.store(state.bytes(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes back what was appended since the last commit.
    pub(crate) fn rollback(&self, disk: &dyn Disk) -> Result<(), LogError> {
        let mark = self.state().committed;
        self.rewind(disk, AppendPoint { next: self.committed(), mark })
    }

    /// Offset of the next record appended: the end that a commit now would name.
    pub(crate) fn next(&self) -> i64 {
        self.state().next
    }

    /// Makes everything appended so far visible. The caller has written the commit that names it.
    pub(crate) fn publish(&self) {
        let mut state = self.state();
        state.committed = state.active.as_ref().map_or_else(Mark::default, ActiveSegment::mark);
        self.committed.store(state.next, Ordering::Release);
    }

    /// Takes the list of what is to be synced. Who takes it must sync it, or put the log out of service.
    pub(crate) fn take_unsynced(&self) -> Unsynced {
        let mut state = self.state();
        let dir_unsynced = std::mem::take(&mut state.dir_unsynced);
        Unsynced { files: std::mem::take(&mut state.unsynced), dir: self.dir.clone(), dir_unsynced }
    }

    /// Finds where to read from to get the record at `from`, which is between start and committed end, and how far it is to
    /// the end of what `reach` says.
    pub(crate) fn locate(&self, from: i64, reach: Reach) -> Result<Place, LogError> {
        self.check_online()?;
        match self.try_locate(from, reach) {
            // Its owner may have put another file in the place of that one.
            Err(LogError::OffsetGone { .. }) if self.is_read_only => {
                self.list_again()?;
                self.try_locate(from, reach)
            }
            located => located,
        }
    }

    fn try_locate(&self, from: i64, reach: Reach) -> Result<Place, LogError> {
        let state = self.state();
        if let Some(active) = &state.active
            && active.base() <= from
        {
            let hint = hint(active.base(), active.index().before_offset(from - active.base()));
            return Ok(self.place_in_active(active, state.next, hint).reaching(active.index(), reach));
        }
        let after = state.closed.partition_point(|segment| segment.base() <= from);
        let segment = after.checked_sub(1).map(|at| &state.closed[at]);
        let segment = segment.ok_or_else(|| self.gone(from))?;
        let index = segment.index().map_err(|error| self.gone_if_missing(error, from))?;
        let hint = hint(segment.base(), index.before_offset(from - segment.base()));
        Ok(self.place_in(segment, hint, from)?.reaching(index, reach))
    }

    /// Whether it has no more than one segment, the active one.
    pub(crate) fn is_one_segment(&self) -> bool {
        self.state().closed.is_empty()
    }

    /// Greatest timestamp of the first frame in the active segment, if there is one.
    pub(crate) fn active_first_ms(&self) -> Result<Option<i64>, LogError> {
        let path = self.state().active.as_ref().filter(|active| active.bytes() > 0).map(ActiveSegment::path);
        path.map(|path| segment::first_time_ms(&path)).transpose()
    }

    /// Whether the active segment has records, all of them before `bound`, and `goes` says so of its path and its index.
    pub(crate) fn active_may_go(&self, bound: i64, goes: impl FnOnce(&Path, &Index) -> bool) -> bool {
        let state = self.state();
        let may_go = |active: &ActiveSegment| active.bytes() > 0 && goes(&active.path(), active.index());
        state.next <= bound && state.active.as_ref().is_some_and(may_go)
    }

    /// Places to look for the first record of `time_ms` or later, in order: each segment that can have it.
    pub(crate) fn locate_time(&self, time_ms: i64) -> Result<Option<Place>, LogError> {
        self.check_online()?;
        let state = self.state();
        for segment in &state.closed {
            let index = segment.index()?;
            // What ends nowhere known is still growing: its newest records are not in the index.
            if segment.end().is_none() || index.max_time_ms() >= time_ms {
                let hint = hint(segment.base(), index.before_time(time_ms));
                return self.place_in(segment, hint, segment.base()).map(Some);
            }
        }
        let active = state.active.as_ref().filter(|active| active.index().max_time_ms() >= time_ms);
        Ok(active.map(|active| {
            let hint = hint(active.base(), active.index().before_time(time_ms));
            self.place_in_active(active, state.next, hint)
        }))
    }

    /// Greatest timestamp of all records, `i64::MIN` when there is none.
    pub(crate) fn max_time_ms(&self) -> Result<i64, LogError> {
        let state = self.state();
        let mut greatest = state.active.as_ref().map_or(i64::MIN, |active| active.index().max_time_ms());
        for segment in &state.closed {
            greatest = greatest.max(segment.index()?.max_time_ms());
        }
        Ok(greatest)
    }

    fn place_in(&self, segment: &ClosedSegment, hint: (i64, u64), from: i64) -> Result<Place, LogError> {
        let file = segment.open().map_err(|error| self.gone_if_missing(error, from))?;
        let (path, base, mut bytes) = (segment.path(), segment.base(), segment.bytes());
        if self.is_read_only {
            bytes = file.metadata().map_err(LogError::io("look at", &path))?.len();
        }
        let end = segment.end().unwrap_or(i64::MAX);
        Ok(Place { file: Arc::new(file), path, base, end, sparse: self.sparse(), bytes, hint, far: hint })
    }

    fn place_in_active(&self, active: &ActiveSegment, end: i64, hint: (i64, u64)) -> Place {
        let (file, path, base, bytes) = (active.file().clone(), active.path(), active.base(), active.bytes());
        Place { file, path, base, end, sparse: self.sparse(), bytes, hint, far: hint }
    }

    /// A reader of a folder that another process writes to may find that retention was there before it.
    fn gone_if_missing(&self, error: LogError, from: i64) -> LogError {
        match error {
            LogError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => self.gone(from),
            error => error,
        }
    }

    fn gone(&self, from: i64) -> LogError {
        let (partition, start) = (self.name.clone(), Offset(self.start()));
        LogError::OffsetGone { partition, from: Offset(from), start }
    }

    /// Decides over the closed segments, oldest first, with their bytes, greatest timestamp and the bytes of the whole
    /// partition: as long as `goes` says so they are taken out, but none that has an offset from `bound` on. Answers the
    /// new start, and the bases of the files to be removed once that is on the disk.
    pub(crate) fn retire(
        &self,
        bound: i64,
        mut goes: impl FnMut(&ClosedSegment, &Index, u64) -> bool,
    ) -> Result<Option<(i64, Vec<i64>)>, LogError> {
        if self.offline.is_some() {
            return Ok(None);
        }
        let mut state = self.state();
        let mut bytes = state.bytes();
        let mut count = 0;
        let mut start = self.start();
        for segment in &state.closed {
            let Some(end) = segment.end().filter(|end| *end <= bound) else { break };
            if !goes(segment, segment.index()?, bytes) {
                break;
            }
            bytes -= segment.bytes();
            start = start.max(end);
            count += 1;
        }
        let bases: Vec<i64> = state.closed.drain(..count).map(|segment| segment.base()).collect();
        self.start.store(start, Ordering::Release);
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok((count > 0).then_some((start, bases)))
    }
}

impl Unsynced {
    /// Brings all of it to the disk.
    pub(crate) fn sync(&self, disk: &dyn Disk) -> Result<(), LogError> {
        for file in &self.files {
            disk.sync(file).map_err(LogError::io("sync a segment in", &self.dir))?;
        }
        if self.dir_unsynced { document::sync_dir(disk, &self.dir) } else { Ok(()) }
    }
}

/// Removes the files of segments that [`Partition::retire`] has taken out.
pub(crate) fn remove_segments(disk: &dyn Disk, dir: &Path, bases: &[i64]) -> Result<(), LogError> {
    bases.iter().try_for_each(|base| segment::remove(disk, dir, *base))
}
