//! The aborted transactions whose markers lie in a segment: whoever reads committed records passes over theirs.
//!
//! ```text
//! .txnindex  34 bytes an entry, in the order of the markers:
//!            version i16 = 0 │ producer id i64 │ first offset i64 │ offset of the marker i64 │ last stable offset then i64
//! ```
//!
//! Big-endian, as Kafka's own files; there is no file where there is no entry. It is written when the segment is closed and
//! at a clean stop, before the producers of the partition are: entries behind those are found out from the records. Unlike
//! the other indexes it is more than a shortcut, so what makes no sense is an error, and not passed over.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use super::{ABORTED_INDEX, file_path};
use crate::record_batch::FrameHeader;
use crate::{Disk, LogError, document};

const VERSION: i16 = 0;
const ENTRY_BYTES: usize = 34;

/// One aborted transaction in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    /// Whose it was.
    pub(crate) producer_id: i64,
    /// Its first offset.
    pub(crate) first: i64,
    /// The offset of its marker.
    pub(crate) marker: i64,
    /// The last stable offset once it had ended: no transaction that ended later has an offset before it.
    pub(crate) stable: i64,
}

impl Aborted {
    /// Whether a frame was part of it.
    pub(crate) fn hides(&self, header: &FrameHeader) -> bool {
        let is_within = (self.first..self.marker).contains(&header.base);
        header.producer_id == self.producer_id && header.is_transactional() && is_within
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&VERSION.to_be_bytes());
        for number in [self.producer_id, self.first, self.marker, self.stable] {
            to.extend_from_slice(&number.to_be_bytes());
        }
    }

    fn read(entry: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(entry.get(at..at + 8)?.try_into().ok()?));
        let (producer_id, first, marker, stable) = (number(2)?, number(10)?, number(18)?, number(26)?);
        let makes_sense = entry[..2] == VERSION.to_be_bytes() && first < marker && stable <= marker.checked_add(1)?;
        makes_sense.then_some(Self { producer_id, first, marker, stable })
    }
}

/// The aborted transactions of one segment.
#[derive(Debug)]
pub(crate) enum AbortedList {
    /// They are in the file beside the segment; this many.
    Saved(usize),
    /// They are here, and what the file has does not count.
    AtHand(Vec<Aborted>),
}

impl Default for AbortedList {
    fn default() -> Self {
        Self::Saved(0)
    }
}

impl AbortedList {
    /// Those that the file of the segment at `base` in `dir` has with markers before `before`: `count` of them.
    pub(crate) fn load(dir: &Path, base: i64, end: Option<i64>, before: i64, count: usize) -> Result<Self, LogError> {
        let is_there = before > base && file_path(dir, base, ABORTED_INDEX).exists();
        let mut entries = if is_there { read(dir, base, base..end.unwrap_or(i64::MAX))? } else { Vec::new() };
        let all = entries.len();
        entries.retain(|entry| entry.marker < before);
        if entries.len() != count {
            return Err(damaged(dir, base));
        }
        Ok(if count == all { Self::Saved(all) } else { Self::AtHand(entries) })
    }

    /// Adds one whose marker comes after all others; `dir` and `base` are the segment's.
    pub(crate) fn push(&mut self, dir: &Path, base: i64, aborted: Aborted) -> Result<(), LogError> {
        match self {
            Self::AtHand(entries) => entries.push(aborted),
            Self::Saved(_) => {
                let mut entries = self.entries(dir, base)?;
                entries.push(aborted);
                *self = Self::AtHand(entries);
            }
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn entries(&self, dir: &Path, base: i64) -> Result<Vec<Aborted>, LogError> {
        match self {
            Self::AtHand(entries) => Ok(entries.clone()),
            Self::Saved(0) => Ok(Vec::new()),
            Self::Saved(count) => {
                let entries = read(dir, base, base..i64::MAX)?;
                if entries.len() == *count { Ok(entries) } else { Err(damaged(dir, base)) }
            }
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Saved(count) => *count,
            Self::AtHand(entries) => entries.len(),
        }
    }

    /// Writes them beside the segment, unless they are there; they are on the disk when this returns.
    pub(crate) fn save(&mut self, disk: &dyn Disk, dir: &Path, base: i64) -> Result<(), LogError> {
        let Self::AtHand(entries) = self else { return Ok(()) };
        if entries.is_empty() && !file_path(dir, base, ABORTED_INDEX).exists() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        entries.iter().for_each(|entry| entry.write(&mut bytes));
        document::replace(disk, &file_path(dir, base, ABORTED_INDEX), &bytes)?;
        *self = Self::Saved(entries.len());
        Ok(())
    }
}

fn damaged(dir: &Path, base: i64) -> LogError {
    LogError::corrupt(&file_path(dir, base, ABORTED_INDEX), 0, "it is no list of aborted transactions")
}

/// The entries of a file that is there; their markers are in `range`, in order.
fn read(dir: &Path, base: i64, range: Range<i64>) -> Result<Vec<Aborted>, LogError> {
    let path = file_path(dir, base, ABORTED_INDEX);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged(dir, base)),
        Err(error) => return Err(LogError::io("read", &path)(error)),
    };
    let entries = bytes.chunks(ENTRY_BYTES).map(Aborted::read).collect::<Option<Vec<_>>>();
    let entries = entries.filter(|entries| {
        let in_order = entries.windows(2).all(|pair| pair[0].marker < pair[1].marker);
        in_order && entries.iter().all(|entry| range.contains(&entry.marker))
    });
    entries.ok_or_else(|| damaged(dir, base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalDisk;

    fn aborted(first: i64, marker: i64) -> Aborted {
        Aborted { producer_id: 7, first, marker, stable: marker + 1 }
    }

    #[test]
    fn entries_have_kafkas_form_and_come_back() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let dir = folder.path();
        let mut list = AbortedList::default();
        assert!(list.is_empty());
        list.push(dir, 100, aborted(90, 120)).expect("nothing is read");
        list.save(&LocalDisk, dir, 100).expect("there is room");
        assert!(matches!(list, AbortedList::Saved(1)));
        let bytes = fs::read(dir.join("00000000000000000100.txnindex")).expect("it was written");
        let number = |number: i64| number.to_be_bytes().to_vec();
        assert_eq!(bytes, [vec![0, 0], number(7), number(90), number(120), number(121)].concat());
        list.push(dir, 100, aborted(121, 130)).expect("it is read first");
        list.save(&LocalDisk, dir, 100).expect("there is room");
        assert_eq!(list.entries(dir, 100).expect("they are there"), [aborted(90, 120), aborted(121, 130)]);
        let loaded = AbortedList::load(dir, 100, Some(200), 125, 1).expect("they make sense");
        assert_eq!(loaded.entries(dir, 100).expect("they are there"), [aborted(90, 120)]);
        assert!(matches!(AbortedList::load(dir, 100, None, 131, 2), Ok(AbortedList::Saved(2))));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let dir = folder.path();
        let mut list = AbortedList::default();
        list.push(dir, 0, aborted(0, 5)).expect("nothing is read");
        list.push(dir, 0, aborted(6, 9)).expect("nothing is read");
        list.save(&LocalDisk, dir, 0).expect("there is room");
        let path = file_path(dir, 0, ABORTED_INDEX);
        let whole = fs::read(&path).expect("it was written");
        let mut swapped = whole[ENTRY_BYTES..].to_vec();
        swapped.extend_from_slice(&whole[..ENTRY_BYTES]);
        for bad in [&whole[..67], &whole[..34], &swapped[..], &[1; 68][..]] {
            fs::write(&path, bad).expect("it can be written");
            assert!(list.entries(dir, 0).is_err(), "{bad:?}");
        }
        fs::write(&path, &whole).expect("it can be written");
        assert!(AbortedList::load(dir, 0, Some(9), 100, 2).is_err(), "a marker behind the segment");
        assert!(AbortedList::load(dir, 0, Some(10), 100, 3).is_err(), "one is missing");
        fs::remove_file(&path).expect("it is there");
        assert!(list.entries(dir, 0).is_err(), "they were there");
        assert!(AbortedList::load(dir, 0, Some(10), 100, 2).is_err(), "they were there");
    }
}
