//! Filters: what is in a block of a segment, briefly, so that a search need not read blocks that cannot have what it wants.
//!
//! ```text
//! <base20>.filter
//!  0 magic 8 B │ 8 version u32 │ 12 version of the fields u32 │ 16 base i64
//! 24 end i64 │ 32 bytes u64            the front of the segment that is covered: offset and place behind it
//! 40 CRC of the first frame u32 │ 44 place of the last frame covered u32 │ 48 its CRC u32
//! 52 number of blocks u32 │ 56 CRC-32C u32 of all before and of the blocks │ 60 blocks, 50 B each │ sets
//!
//! block: place u32 │ first offset - base u32 │ least and greatest timestamp i64 i64 │ set of keys │ set of fields
//! set:   hashes u8 │ place in this file u32 │ bytes u32 │ CRC-32C u32
//! ```
//!
//! Big-endian. A set is a Bloom filter (see `set`), or says that it was not made, or that it would be too large.
//!
//! Invariants:
//! - a filter only ever excludes: what it does not exclude is read, and every record compared;
//! - it is derived, and nobody waits for the disk because of it: one that is missing, damaged, of another version or of other
//!   records than those that lie there is made again by the next search;
//! - only what is below the recovery point is covered, since that is never cut; compaction takes filters away before what it
//!   wrote has its name.

mod block;
mod file;
mod set;

pub(crate) use block::{Block, Notes, Times, WantedHashes, hash_field, hash_key};
pub(crate) use file::{Covered, FilterFile, write};
