//! Filters in their files. What they say is believed when its checksum fits and the frames lie there that it is about.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::block::{Block, Times};
use super::set::Set;
use crate::record_batch::{HEADER_BYTES, crc32c, frame_crc};
use crate::{Disk, LogError};

const MAGIC: [u8; 8] = *b"mr-filtr";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 60;
const HEAD_CRC_AT: usize = 56;
const BLOCK_BYTES: usize = 50;

/// The front of a segment that a filter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Offset behind it.
    pub(crate) end: i64,
    /// Bytes of it.
    pub(crate) bytes: u64,
    /// Where the last frame of it lies.
    pub(crate) last: u64,
}

/// Where in the file a set lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    hashes: u8,
    at: u32,
    bytes: u32,
    crc: u32,
}

/// A filter whose head has been read and believed.
#[derive(Debug)]
pub(crate) struct FilterFile {
    file: File,
    pub(crate) covered: Covered,
    /// The blocks, without their sets.
    blocks: Vec<(Block, [Place; 2])>,
    /// Bytes read so far.
    pub(crate) bytes_read: u64,
}

impl FilterFile {
    /// The filter at `path` of the segment at `base`, whose `segment_bytes` are in `segment`; `None` when there is none that
    /// makes sense.
    pub(crate) fn open(
        path: &Path,
        fields_version: u32,
        base: i64,
        segment: &File,
        segment_bytes: u64,
    ) -> Option<Self> {
        let file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let mut head = vec![0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0).ok()?;
        let count = number(&head, 52) as usize;
        let whole = HEAD_BYTES.checked_add(count.checked_mul(BLOCK_BYTES)?)?;
        if head[..8] != MAGIC || number(&head, 8) != VERSION || (whole as u64) > length {
            return None;
        }
        head.resize(whole, 0);
        file.read_exact_at(&mut head[HEAD_BYTES..], HEAD_BYTES as u64).ok()?;
        let covered = Covered {
            end: signed(&head, 24),
            bytes: signed(&head, 32).try_into().ok()?,
            last: number(&head, 44).into(),
        };
        let is_meant =
            number(&head, 12) == fields_version && signed(&head, 16) == base && covered.bytes <= segment_bytes;
        if !is_meant || number(&head, HEAD_CRC_AT) != head_crc(&head) {
            return None;
        }
        let lie_there = frame_crc_at(segment, 0) == Some(number(&head, 40))
            && frame_crc_at(segment, covered.last) == Some(number(&head, 48));
        let blocks = head[HEAD_BYTES..].chunks_exact(BLOCK_BYTES).map(|block| read_block(block, base)).collect();
        lie_there.then_some(Self { file, covered, blocks, bytes_read: whole as u64 })
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The offset and the place of each block.
    pub(crate) fn starts(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.blocks.iter().map(|(block, _)| (block.offset, block.position))
    }

    /// The timestamps in a block.
    pub(crate) fn times(&self, at: usize) -> Times {
        self.blocks.get(at).map_or(Times::ANY, |(block, _)| block.times)
    }

    /// A block with its sets of keys and of fields, where they are asked for: without, it is only told whether they were made. A
    /// set that is damaged counts as not made.
    pub(crate) fn block(&mut self, at: usize, with_keys: bool, with_fields: bool) -> Option<Block> {
        let (block, [keys, fields]) = self.blocks.get(at)?.clone();
        let keys = self.read_set(keys, with_keys);
        let fields = self.read_set(fields, with_fields);
        Some(Block { keys, fields, ..block })
    }

    fn read_set(&mut self, place: Place, is_wanted: bool) -> Set {
        let mut bits = Vec::new();
        if !is_wanted {
            let is_made = Set::from_parts(place.hashes, Vec::new()) != Set::NotMade;
            return if is_made { Set::TooLarge } else { Set::NotMade };
        }
        let is_within =
            self.file.metadata().is_ok_and(|file| u64::from(place.at) + u64::from(place.bytes) <= file.len());
        if !is_within {
            return Set::NotMade;
        }
        bits.resize(place.bytes as usize, 0);
        self.bytes_read += u64::from(place.bytes);
        match self.file.read_exact_at(&mut bits, place.at.into()) {
            Ok(()) if crc32c(&bits) == place.crc => Set::from_parts(place.hashes, bits),
            _ => Set::NotMade,
        }
    }
}

/// Writes the filter of the segment at `base`, which lies in `segment`, to `path`. Nobody waits for the disk.
pub(crate) fn write(
    disk: &dyn Disk,
    path: &Path,
    fields_version: u32,
    (base, segment): (i64, &File),
    covered: Covered,
    blocks: &[Block],
) -> Result<(), LogError> {
    let Some(bytes) = encode(fields_version, base, segment, covered, blocks) else { return Ok(()) };
    let file = disk.create(path).map_err(LogError::io("create", path))?;
    disk.write_at(&file, &bytes, 0).map_err(LogError::io("write", path))
}

fn encode(fields_version: u32, base: i64, segment: &File, covered: Covered, blocks: &[Block]) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES + blocks.len() * BLOCK_BYTES);
    head.extend(MAGIC);
    head.extend(VERSION.to_be_bytes());
    head.extend(fields_version.to_be_bytes());
    head.extend(base.to_be_bytes());
    head.extend(covered.end.to_be_bytes());
    head.extend(covered.bytes.to_be_bytes());
    head.extend(frame_crc_at(segment, 0)?.to_be_bytes());
    head.extend(u32::try_from(covered.last).ok()?.to_be_bytes());
    head.extend(frame_crc_at(segment, covered.last)?.to_be_bytes());
    head.extend(u32::try_from(blocks.len()).ok()?.to_be_bytes());
    head.extend([0; 4]);
    let mut sets: Vec<u8> = Vec::new();
    for block in blocks {
        head.extend(u32::try_from(block.position).ok()?.to_be_bytes());
        head.extend(u32::try_from(block.offset - base).ok()?.to_be_bytes());
        head.extend(block.times.min_ms.to_be_bytes());
        head.extend(block.times.max_ms.to_be_bytes());
        for set in [&block.keys, &block.fields] {
            let (hashes, bits) = set.parts();
            let at = HEAD_BYTES + blocks.len() * BLOCK_BYTES + sets.len();
            head.push(hashes);
            head.extend(u32::try_from(at).ok()?.to_be_bytes());
            head.extend(u32::try_from(bits.len()).ok()?.to_be_bytes());
            head.extend(crc32c(bits).to_be_bytes());
            sets.extend_from_slice(bits);
        }
    }
    let crc = head_crc(&head);
    head[HEAD_CRC_AT..HEAD_BYTES].copy_from_slice(&crc.to_be_bytes());
    head.extend(sets);
    Some(head)
}

/// The checksum of a head with its blocks, which has another one among it.
fn head_crc(head: &[u8]) -> u32 {
    crc32c(&[&head[..HEAD_CRC_AT], &head[HEAD_BYTES..]].concat())
}

fn read_block(bytes: &[u8], base: i64) -> (Block, [Place; 2]) {
    let place = |at: usize| Place {
        hashes: bytes[at],
        at: number(bytes, at + 1),
        bytes: number(bytes, at + 5),
        crc: number(bytes, at + 9),
    };
    let times = Times { min_ms: signed(bytes, 8), max_ms: signed(bytes, 16) };
    let unknown = Block::unknown(base + i64::from(number(bytes, 4)), number(bytes, 0).into());
    (Block { times, ..unknown }, [place(24), place(37)])
}

/// The checksum that the frame at `position` has in its header.
fn frame_crc_at(segment: &File, position: u64) -> Option<u32> {
    let mut header = [0; HEADER_BYTES];
    segment.read_exact_at(&mut header, position).ok()?;
    Some(frame_crc(&header))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn signed(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
