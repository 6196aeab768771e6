//! Fills the memory that nobody uses with pages of a file, as it is on any machine that has been running for a while.
//!
//! A virtual machine has its memory handed to it page by page when it is touched first, and that takes longer than anything a
//! broker does with the page. Whoever wrote into memory that was free would be measured by that, by whoever wrote before, and by
//! how much was deleted in between.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};

/// Free memory that is left: the system keeps about as much for itself.
const FREE_BYTES: u64 = 512 << 20;
const BLOCK_BYTES: usize = 4 << 20;

/// A file whose pages are where no other are.
pub(crate) struct PageCache {
    file: File,
    block: Vec<u8>,
}

impl PageCache {
    /// Writes as much as there is free memory.
    pub(crate) fn new() -> Self {
        let file = tempfile::tempfile().expect("a temporary file");
        let mut cache = Self { file, block: vec![0x5a; BLOCK_BYTES] };
        while free_bytes() > FREE_BYTES {
            cache.file.write_all(&cache.block).expect("the disk has as much room as the memory");
        }
        cache.file.sync_data().expect("the disk takes it");
        cache
    }

    /// Reads what has gone of it for as long as there is free memory.
    pub(crate) fn fill(&mut self) {
        let length = self.file.metadata().expect("an open file").len();
        let mut read = 0;
        while free_bytes() > FREE_BYTES && read < length {
            let bytes = self.file.read(&mut self.block).expect("it can be read");
            if bytes == 0 {
                self.file.seek(SeekFrom::Start(0)).expect("a file can be read again");
            }
            read += bytes as u64;
        }
    }
}

fn free_bytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kb =
        info.lines().find_map(|line| line.strip_prefix("MemFree:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kb.map_or(0, |kb: u64| kb << 10)
}
