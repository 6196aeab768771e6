//! Opens a partition after whatever ended the process before.
//!
//! The commit log says where the partition ends. All from the recovery point to that end is read and checked; only when it
//! is whole, what lies behind it is cut. When it is not, the partition goes offline and nothing is cut.
//!
//! Of a partition that clients append to, the commit log knows nothing: it ends before the first frame above the recovery
//! point that is not whole. One that ends below its recovery point is damaged.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

use millrace_flow::TopicPartition;

use super::{Partition, State};
use crate::checkpoint::PartitionPoint;
use crate::record_batch::{FrameHeader, Marker};
use crate::segment::{self, ActiveSegment, ClosedSegment, Found, Index, ScanStop, Scanner};
use crate::tail_cache::Slot;
use crate::{Disk, LogError};

/// What is known of a partition before its files are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Believed {
    /// From the checkpoint.
    pub(crate) point: PartitionPoint,
    /// From the commit log; nothing where clients append.
    pub(crate) committed: Option<i64>,
}

/// What is known of a partition once its end has been found.
#[derive(Debug, Clone, Copy)]
struct Known {
    point: PartitionPoint,
    committed: i64,
}

/// How to go about recovery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecoveryRules {
    /// The machine has not started anew: what was written is there, synced or not, so indexes need not be built anew.
    pub(crate) trust_indexes: bool,
    /// Another process may be writing: nothing is changed and nothing is checked, what is read will be.
    pub(crate) read_only: bool,
}

/// What the files come to.
struct Checked {
    closed: Vec<ClosedSegment>,
    /// The segment that goes on: its base, its bytes that count, its index.
    active: Option<(i64, u64, Index)>,
    /// Segments before the start and behind the end.
    superfluous: Vec<i64>,
    /// Bytes behind the end in the segment that goes on.
    cut_bytes: u64,
}

/// Why a partition cannot be opened.
enum Refusal {
    /// The disk did not answer.
    Io(LogError),
    /// The data is not what was committed.
    Damage(String),
}

impl Partition {
    /// Opens the partition in `dir`.
    pub(crate) fn open(
        disk: &dyn Disk,
        name: TopicPartition,
        slot: Slot,
        dir: &Path,
        believed: Believed,
        rules: RecoveryRules,
    ) -> Result<Self, LogError> {
        let found = segment::list(dir)?;
        let committed = match believed.committed {
            Some(committed) => committed,
            None => find_end(dir, believed.point, &found)?,
        };
        let believed = Known { point: believed.point, committed };
        if rules.read_only {
            return Ok(Self::open_read_only(name, slot, dir, believed, found));
        }
        let start = believed.point.start;
        let checked = check(dir, believed, &found, rules.trust_indexes);
        let mut offline = None;
        let state = match checked {
            Ok(checked) => cut(disk, dir, &name, committed, checked)?,
            Err(Refusal::Io(error)) => return Err(error),
            Err(Refusal::Damage(reason)) => {
                tracing::error!(partition = %name, %reason, "partition goes offline");
                offline = Some(Arc::from(reason));
                State { next: committed, ..State::default() }
            }
        };
        Ok(Self { offline, ..Self::with_state(name, slot, dir, believed, start, state) })
    }

    fn open_read_only(name: TopicPartition, slot: Slot, dir: &Path, believed: Known, found: Vec<Found>) -> Self {
        let first = found.first().map_or(believed.committed, |segment| segment.base);
        let start = believed.point.start.max(first.min(believed.committed));
        let ends = found.iter().skip(1).map(|next| Some(next.base)).chain([None]);
        let closed = found.iter().zip(ends).filter(|(segment, _)| segment.base <= believed.committed);
        let closed = closed.map(|(segment, end)| ClosedSegment::new(dir, *segment, end)).collect();
        let state = State { closed, next: believed.committed, ..State::default() };
        Self::with_state(name, slot, dir, believed, start, state)
    }

    fn with_state(name: TopicPartition, slot: Slot, dir: &Path, believed: Known, start: i64, state: State) -> Self {
        Self {
            name,
            slot,
            dir: dir.to_owned(),
            start: AtomicI64::new(start),
            recovery: AtomicI64::new(believed.point.recovery.clamp(start, believed.committed.max(start))),
            committed: AtomicI64::new(believed.committed),
            unstable: AtomicI64::new(i64::MAX),
            bytes: AtomicU64::new(state.bytes()),
            offline: None,
            state: Mutex::new(state),
            appending: Mutex::default(),
            syncing: Mutex::default(),
        }
    }
}

/// Finds where a partition ends that clients append to: before the first frame above the recovery point that is not whole.
/// What is wrong below it is for [`check`] to find.
fn find_end(dir: &Path, point: PartitionPoint, found: &[Found]) -> Result<i64, LogError> {
    let from = point.recovery.max(point.start);
    let first = found.partition_point(|segment| segment.base <= from).saturating_sub(1);
    let mut next = from;
    for (at, segment) in found.iter().enumerate().skip(first) {
        if at > first && segment.base != next {
            break;
        }
        let (end, is_whole) = find_segment_end(dir, *segment, from)?;
        next = end.max(from);
        if !is_whole {
            break;
        }
    }
    Ok(next)
}

/// Offset after the last whole frame of a segment, and whether nothing lies behind it.
fn find_segment_end(dir: &Path, found: Found, from: i64) -> Result<(i64, bool), LogError> {
    let path = segment::log_path(dir, found.base);
    let file = File::open(&path).map_err(LogError::io("open", &path))?;
    let mut index = Index::load(dir, found.base, found.bytes, None).unwrap_or_default();
    let hint = index.rewind_to(from - found.base);
    match frames_from(&file, &path, found, from, hint)? {
        // An entry that points nowhere is no end of the log: go over all of it.
        (end, false) if hint.1 > 0 && end == found.base + hint.0 => frames_from(&file, &path, found, from, (0, 0)),
        ended => Ok(ended),
    }
}

fn frames_from(file: &File, path: &Path, found: Found, from: i64, hint: (i64, u64)) -> Result<(i64, bool), LogError> {
    let mut next = found.base + hint.0;
    let mut scanner = Scanner::new(file, path, hint.1, found.bytes);
    loop {
        match scanner.next_frame() {
            Ok(Some((_, frame))) if frame.header.base == next => next = frame.header.end(),
            Ok(None) => return Ok((next, true)),
            Ok(Some(_)) => return Ok((next, false)),
            // One that was synced and whole once does not end the log: whoever reads it is told.
            Err(ScanStop::Damage(_)) => match scanner.pass_damaged() {
                Some(span) if span.start == next && span.end <= from => next = span.end,
                _ => return Ok((next, false)),
            },
            Err(ScanStop::Io(error)) => return Err(error),
        }
    }
}

/// Goes over the headers of the frames with offsets in `range`, and over what control batches among them say. The frames
/// have been checked before, or were synced and whole once.
pub(crate) fn each_header(
    dir: &Path,
    range: Range<i64>,
    mut visit: impl FnMut(&FrameHeader, Option<Marker>),
) -> Result<(), LogError> {
    let found = segment::list(dir)?;
    let first = found.partition_point(|segment| segment.base <= range.start).saturating_sub(1);
    for segment in found.iter().skip(first).take_while(|segment| segment.base < range.end) {
        let path = segment::log_path(dir, segment.base);
        let file = match File::open(&path) {
            Ok(file) => file,
            // Retention of a running program was there before this reader.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(LogError::io("open", &path)(error)),
        };
        let mut scanner = Scanner::new(&file, &path, 0, segment.bytes);
        loop {
            match scanner.next_header() {
                Ok(Some((header, _))) if header.base >= range.end => break,
                Ok(Some((header, marker))) if header.end() > range.start => visit(&header, marker),
                Ok(Some(_)) => {}
                Ok(None) | Err(ScanStop::Damage(_)) => break,
                Err(ScanStop::Io(error)) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Looks at the files and changes nothing.
fn check(dir: &Path, believed: Known, found: &[Found], trust_indexes: bool) -> Result<Checked, Refusal> {
    let Known { point: PartitionPoint { start, recovery }, committed } = believed;
    if committed < start {
        return Err(Refusal::Damage(format!("it begins at offset {start}, behind its committed end {committed}")));
    }
    // Retention moves the start before it removes files, so files of old may be left over.
    let first = found.partition_point(|segment| segment.base <= start).saturating_sub(1);
    let behind = found.partition_point(|segment| segment.base <= committed);
    let kept = &found[first.min(behind)..behind];
    let superfluous = found[..first.min(behind)].iter().chain(&found[behind..]).map(|segment| segment.base).collect();
    let Some(last) = kept.last() else {
        if committed > start {
            return Err(Refusal::Damage(format!("it has no segment with the offsets from {start} to {committed}")));
        }
        return Ok(Checked { closed: Vec::new(), active: None, superfluous, cut_bytes: 0 });
    };
    if kept[0].base > start {
        return Err(Refusal::Damage(format!("its first segment begins at offset {}, not {start}", kept[0].base)));
    }
    let from = recovery.clamp(start, committed);
    let mut closed = Vec::with_capacity(kept.len());
    for pair in kept.windows(2) {
        let [segment, next] = pair else { continue };
        let whole = ClosedSegment::new(dir, *segment, Some(next.base));
        if next.base <= from {
            closed.push(whole);
            continue;
        }
        let (bytes, index) = check_segment(dir, *segment, from, next.base, trust_indexes)?;
        if bytes != segment.bytes {
            return Err(Refusal::Damage(format!("segment {} goes on behind offset {}", segment.base, next.base)));
        }
        closed.push(whole.with_index(index));
    }
    let (bytes, index) = check_segment(dir, *last, from, committed, trust_indexes)?;
    Ok(Checked { closed, active: Some((last.base, bytes, index)), superfluous, cut_bytes: last.bytes - bytes })
}

/// Checks a segment from the offset `from` to `end`; answers where `end` is, and the index up to there.
fn check_segment(dir: &Path, found: Found, from: i64, end: i64, trust_index: bool) -> Result<(u64, Index), Refusal> {
    let path = segment::log_path(dir, found.base);
    let file = File::open(&path).map_err(|error| Refusal::Io(LogError::io("open", &path)(error)))?;
    let trusted = trust_index.then(|| Index::load(dir, found.base, found.bytes, None)).flatten();
    let mut index = trusted.unwrap_or_default();
    // An index may know frames behind the end: they are forgotten here, with all behind `from`.
    let hint = index.rewind_to(from.min(end) - found.base);
    let checked = from..end;
    let from_hint = scan(&file, &path, found, &checked, hint, &mut index);
    match from_hint {
        // An entry that points nowhere is no damage of the log: go over all of it.
        Err(Refusal::Damage(_)) if hint.1 > 0 => {
            index = Index::default();
            let bytes = scan(&file, &path, found, &checked, (0, 0), &mut index)?;
            Ok((bytes, index))
        }
        other => Ok((other?, index)),
    }
}

/// Goes over frames up to the end of `checked`. One that ends before `checked` begins was synced and whole once: should it
/// have rotted since, it is passed by its header, and whoever reads it is told.
fn scan(
    file: &File,
    path: &Path,
    found: Found,
    checked: &Range<i64>,
    (relative, position): (i64, u64),
    index: &mut Index,
) -> Result<u64, Refusal> {
    let end = checked.end;
    let mut next = found.base + relative;
    let mut scanner = Scanner::new(file, path, position, found.bytes);
    while next < end {
        let at = scanner.position();
        let damaged = |what: &str| {
            Refusal::Damage(format!("`{}` is damaged at byte {at}, offset {next} of {end}: {what}", path.display()))
        };
        let (position, frame) = match scanner.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(damaged("the file ends")),
            Err(ScanStop::Io(error)) => return Err(Refusal::Io(error)),
            Err(ScanStop::Damage(damage)) => match scanner.pass_damaged() {
                Some(span) if span.start == next && span.end <= checked.start => {
                    next = span.end;
                    continue;
                }
                _ => return Err(damaged(damage.0)),
            },
        };
        if frame.header.base != next {
            return Err(damaged(&format!("a batch begins at offset {}", frame.header.base)));
        }
        if frame.header.end() > end {
            return Err(damaged("a batch goes on behind the committed end"));
        }
        index.note(next - found.base, position, frame.header.newest_ms());
        next = frame.header.end();
    }
    Ok(scanner.position())
}

/// Cuts what is behind the committed end, now that all before it is known to be whole.
fn cut(
    disk: &dyn Disk,
    dir: &Path,
    name: &TopicPartition,
    committed: i64,
    checked: Checked,
) -> Result<State, LogError> {
    let Checked { closed, active, superfluous, cut_bytes } = checked;
    if cut_bytes > 0 || !superfluous.is_empty() {
        let segments = superfluous.len();
        tracing::info!(partition = %name, end = committed, bytes = cut_bytes, segments, "cut what was not committed");
    }
    for base in &superfluous {
        segment::remove(dir, *base)?;
    }
    if !dir.exists() {
        segment::create_dirs(disk, &[dir.to_owned()])?;
    }
    let active = match active {
        Some((base, bytes, index)) => Some(ActiveSegment::resume(disk, dir, base, bytes, index)?),
        None => None,
    };
    let mark = active.as_ref().map_or_else(Default::default, ActiveSegment::mark);
    // Whether or not the last process synced it: nobody knows, so it counts as written just now.
    let unsynced = active.iter().map(|active| active.file().clone()).collect();
    Ok(State { closed, active, next: committed, committed: mark, unsynced, dir_unsynced: true })
}
