//! Writes a segment that takes the place of some, with what stays of their records.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Budget;
use super::turn::Interruption;
use crate::partition::ClosedFacts;
use crate::record_batch::{Damage, FrameHeader, FrameView, Left};
use crate::segment::{Index, Scanner, cleaned_path};
use crate::{Disk, LogError};

/// Bytes written at once.
const WRITE_BYTES: usize = 1 << 20;

/// The file that is being written, once anything is different from what lies there.
struct Output<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    file: Option<File>,
    /// Bytes in the file, or those at the front of the only source that stay as they are.
    bytes: u64,
    buffer: Vec<u8>,
}

impl Output<'_> {
    /// Begins the file with the first `bytes` of `source`.
    fn begin_with(&mut self, source: &File, bytes: u64, budget: &mut Budget<'_>) -> Result<(), Interruption> {
        self.file = Some(self.disk.create(self.path).map_err(LogError::io("create", self.path))?);
        self.bytes = 0;
        while self.bytes < bytes {
            let piece = usize::try_from(bytes - self.bytes).unwrap_or(usize::MAX).min(WRITE_BYTES);
            self.buffer.resize(piece, 0);
            source.read_exact_at(&mut self.buffer, self.bytes).map_err(LogError::io("read", self.path))?;
            budget.spend(2 * piece)?;
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), LogError> {
        let file = self.file.as_ref().expect("what is in the buffer is for a file");
        self.disk.write_at(file, &self.buffer, self.bytes).map_err(LogError::io("write", self.path))?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Where the next frame will lie.
    fn end(&self) -> u64 {
        self.bytes + self.buffer.len() as u64
    }
}

/// Writes what `leave` leaves of the frames in `segments` to the file that is to replace them, on the disk when this returns:
/// of the first one, and of those behind it as long as they fit into `bytes_max` with it. Answers how many that are, and
/// the bytes and the index of the file, or nothing when there is one and it stays as it is.
pub(super) fn rewrite(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[ClosedFacts],
    bytes_max: u64,
    budget: &mut Budget<'_>,
    mut leave: impl FnMut(&FrameView<'_>, &mut Vec<u8>) -> Result<Left, Damage>,
) -> Result<(usize, Option<(u64, Index)>), Interruption> {
    let Some(first) = segments.first() else { return Ok((0, None)) };
    let path = cleaned_path(dir, first.base);
    let output = Output { disk, path: &path, file: None, bytes: 0, buffer: Vec::new() };
    let mut rewrite = Rewrite { base: first.base, output, index: Index::default(), left: Vec::new() };
    rewrite.take(first, budget, &mut leave)?;
    let mut last = first;
    let mut count = 1;
    for next in &segments[1..] {
        if !rewrite.has_room_for(next, bytes_max) {
            break;
        }
        if rewrite.output.file.is_none() {
            let source = File::open(&first.path).map_err(LogError::io("open", &first.path))?;
            rewrite.output.begin_with(&source, first.bytes, budget)?;
        }
        rewrite.take(next, budget, &mut leave)?;
        last = next;
        count += 1;
    }
    let Rewrite { mut output, index, .. } = rewrite;
    if output.file.is_none() {
        return Ok((count, None));
    }
    output.write_out()?;
    finish(disk, &output, &last.path)?;
    Ok((count, Some((output.bytes, index))))
}

/// A segment that is being written.
struct Rewrite<'a> {
    base: i64,
    output: Output<'a>,
    index: Index,
    /// What is left of a frame; used again for every one.
    left: Vec<u8>,
}

impl Rewrite<'_> {
    /// Whether `next`, as it is, fits behind what there is, and its offsets into an index.
    fn has_room_for(&self, next: &ClosedFacts, bytes_max: u64) -> bool {
        let offsets = next.end - self.base;
        self.output.end() + next.bytes <= bytes_max && offsets <= i64::from(i32::MAX)
    }

    /// Goes over the frames of one segment.
    fn take(
        &mut self,
        source: &ClosedFacts,
        budget: &mut Budget<'_>,
        leave: &mut impl FnMut(&FrameView<'_>, &mut Vec<u8>) -> Result<Left, Damage>,
    ) -> Result<(), Interruption> {
        let file = File::open(&source.path).map_err(LogError::io("open", &source.path))?;
        let mut scanner = Scanner::new(&file, &source.path, 0, source.bytes);
        loop {
            let at = scanner.position();
            let next = scanner.next_frame().map_err(|stop| Interruption::of_scan(stop, &source.path, at))?;
            let Some((position, frame)) = next else { return Ok(()) };
            self.left.clear();
            let how = leave(&frame, &mut self.left);
            let how = how.map_err(|damage| Interruption::of_damage(damage, &source.path, at))?;
            budget.spend(frame.whole().len() + self.left.len())?;
            if self.output.file.is_none() && how != Left::Same {
                self.output.begin_with(&file, position, budget)?;
            }
            self.put(&frame.header, how)?;
        }
    }

    /// Writes what is left of a frame.
    fn put(&mut self, header: &FrameHeader, how: Left) -> Result<(), LogError> {
        let newest_ms = match how {
            Left::Same => header.newest_ms(),
            Left::Changed(newest_ms) => newest_ms,
            Left::Nothing => return Ok(()),
        };
        self.index.note(header.base - self.base, self.output.end(), newest_ms);
        if self.output.file.is_none() {
            self.output.bytes += self.left.len() as u64;
            return Ok(());
        }
        self.output.buffer.extend_from_slice(&self.left);
        if self.output.buffer.len() >= WRITE_BYTES { self.output.write_out() } else { Ok(()) }
    }
}

/// Brings the file to the disk, with the time at which the last of its sources was written: what it holds is no younger.
fn finish(disk: &dyn Disk, output: &Output<'_>, last: &Path) -> Result<(), LogError> {
    let file = output.file.as_ref().expect("it is there when something is different");
    let written = fs::metadata(last).and_then(|metadata| metadata.modified());
    let written = written.map_err(LogError::io("look at", last))?;
    file.set_modified(written).map_err(LogError::io("set the time of", output.path))?;
    disk.sync(file).map_err(LogError::io("sync", output.path))
}
