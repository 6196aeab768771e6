//! Reads a segment from front to back and checks all of it.

use std::fs::File;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use crate::LogError;
use crate::record_batch::{Damage, FrameHeader, FrameView, HEADER_BYTES, Marker, frame_bytes, frame_span};

/// Bytes asked of the disk at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes that the disk may fetch behind those, while they are looked at.
const AHEAD_BYTES: u64 = 4 << 20;

/// Why a scan ended before the end of the file.
#[derive(Debug)]
pub(crate) enum ScanStop {
    /// The disk did not answer: that says nothing about the data.
    Io(LogError),
    /// What lies there is no frame.
    Damage(Damage),
}

/// Goes over the frames of a file.
pub(crate) struct Scanner<'a> {
    file: &'a File,
    path: &'a Path,
    /// Where the next frame begins.
    position: u64,
    /// Where the file ends.
    end: u64,
    /// Bytes from `position` on, after `used` bytes of earlier frames.
    buffer: Vec<u8>,
    used: usize,
}

impl<'a> Scanner<'a> {
    /// Begins at `position` of a file that has `end` bytes.
    pub(crate) fn new(file: &'a File, path: &'a Path, position: u64, end: u64) -> Self {
        Self { file, path, position, end, buffer: Vec::new(), used: 0 }
    }

    /// Where the next frame begins, or the damage that stopped the scan.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next frame and where it begins; `None` at the end of the file.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(u64, FrameView<'_>)>, ScanStop> {
        let left = self.end.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_BYTES as u64 {
            return Err(ScanStop::Damage(Damage("the file ends within the header of a batch")));
        }
        self.fill(HEADER_BYTES)?;
        let bytes = frame_bytes(&self.buffer[self.used..]).map_err(ScanStop::Damage)?;
        if bytes as u64 > left {
            return Err(ScanStop::Damage(Damage("the file ends within a batch")));
        }
        self.fill(bytes)?;
        let frame = FrameView::parse(&self.buffer[self.used..self.used + bytes]).map_err(ScanStop::Damage)?;
        let position = self.position;
        self.position += bytes as u64;
        self.used += bytes;
        Ok(Some((position, frame)))
    }

    /// The header of the next frame, believed as it is, and what it says if it is a control batch; `None` at the end of the
    /// file. Records are passed over.
    pub(crate) fn next_header(&mut self) -> Result<Option<(FrameHeader, Option<Marker>)>, ScanStop> {
        let left = self.end.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_BYTES as u64 {
            return Err(ScanStop::Damage(Damage("the file ends within the header of a batch")));
        }
        self.fill(HEADER_BYTES)?;
        let front = &self.buffer[self.used..];
        let bytes = frame_bytes(front).map_err(ScanStop::Damage)?;
        frame_span(front).map_err(ScanStop::Damage)?;
        if bytes as u64 > left {
            return Err(ScanStop::Damage(Damage("the file ends within a batch")));
        }
        let header = FrameHeader::read(front);
        let mut marker = None;
        if header.is_control() {
            self.fill(bytes)?;
            let frame = FrameView::parse(&self.buffer[self.used..self.used + bytes]).map_err(ScanStop::Damage)?;
            marker = Marker::of(&frame).map_err(ScanStop::Damage)?;
        }
        self.position += bytes as u64;
        self.used = (self.used + bytes).min(self.buffer.len());
        if self.used == self.buffer.len() {
            // What is behind it in the file is read when it is asked for.
            self.buffer.clear();
            self.used = 0;
        }
        Ok(Some((header, marker)))
    }

    /// Goes on behind a frame that [`Scanner::next_frame`] found damaged, as far as its header can be believed; answers the
    /// offsets that it says it has.
    pub(crate) fn pass_damaged(&mut self) -> Option<Range<i64>> {
        let front = self.buffer.get(self.used..).filter(|front| front.len() >= HEADER_BYTES)?;
        let (bytes, span) = (frame_bytes(front).ok()?, frame_span(front).ok()?);
        if bytes > front.len() {
            return None;
        }
        self.position += bytes as u64;
        self.used += bytes;
        Some(span)
    }

    /// Makes sure that `bytes`, which the file has, are in the buffer.
    fn fill(&mut self, bytes: usize) -> Result<(), ScanStop> {
        let have = self.buffer.len() - self.used;
        if have >= bytes {
            return Ok(());
        }
        self.buffer.drain(..self.used);
        self.used = 0;
        let from = self.position + have as u64;
        let left = usize::try_from(self.end - from).unwrap_or(usize::MAX);
        let wanted = (bytes - have).max(CHUNK_BYTES).min(left);
        self.buffer.resize(have + wanted, 0);
        // Not behind the end: what lies there may be none of the caller's business.
        let behind = from + wanted as u64;
        if let Some(ahead) = NonZero::new(AHEAD_BYTES.min(self.end - behind)) {
            // A wish only: whether it is granted shows in the time.
            let _ = fadvise(self.file, behind, Some(ahead), Advice::WillNeed);
        }
        let read = self.file.read_exact_at(&mut self.buffer[have..], from);
        read.map_err(|error| ScanStop::Io(LogError::io("read", self.path)(error)))
    }
}
