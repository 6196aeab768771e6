//! What the disk itself takes: the limit of everything that writes to it.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS: u32 = 1024;

/// Prints how fast a file of 1 GiB is written in blocks of 1 MiB: into the system's memory, and down to the disk.
pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut file = File::create(folder.path().join("sequential")).expect("a file in a temporary folder");
    let block = vec![0x5a; BLOCK_BYTES];
    let began = Instant::now();
    for _ in 0..BLOCKS {
        file.write_all(&block).expect("the disk takes it");
    }
    let written = began.elapsed().as_secs_f64();
    file.sync_data().expect("the disk takes it");
    let synced = began.elapsed().as_secs_f64();
    let megabytes = f64::from(BLOCKS) * BLOCK_BYTES as f64 / 1e6;
    println!("the disk: {:.0} MB/s into memory, {:.0} MB/s down to it", megabytes / written, megabytes / synced);
}
