//! Where in a partition to begin reading, and how far that goes in one file.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::segment::Index;

/// A place to begin reading at.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    /// Offset of the segment's first record, or where that was.
    pub(crate) base: i64,
    /// Offset after the segment's last record, as far as it is known.
    pub(crate) end: i64,
    /// Before this offset records may be missing.
    pub(crate) sparse: i64,
    /// Bytes of the segment.
    pub(crate) bytes: u64,
    /// A frame at or before what was looked for: its first offset, and where it begins, by an index that may lie.
    pub(crate) hint: (i64, u64),
    /// The end of a frame as far behind that as was asked for, or less: the offset there, and where it is, by the same index.
    pub(crate) far: (i64, u64),
}

/// How much of a segment is wanted: so many bytes, and none from an offset on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) bytes: u64,
    pub(crate) end: i64,
}

impl Reach {
    /// No more than where to begin.
    pub(crate) const NONE: Self = Self { bytes: 0, end: 0 };
}

impl Place {
    /// The same with the end of what `reach` says: that of the segment, or the last one that the index knows.
    pub(super) fn reaching(mut self, index: &Index, reach: Reach) -> Self {
        let behind = self.hint.1.saturating_add(reach.bytes);
        self.far = if self.end <= reach.end && self.bytes <= behind {
            (self.end, self.bytes)
        } else {
            hint(self.base, index.before_both(behind, reach.end - self.base))
        };
        self
    }
}

/// An entry of an index, from the start of the partition instead of the segment.
pub(super) fn hint(base: i64, (relative, position): (i64, u64)) -> (i64, u64) {
    (base + relative, position)
}
