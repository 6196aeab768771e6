//! Many append to one partition at once: what one of them is told to be on the disk is, whatever the others are doing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use millrace_flow::TopicPartition;
use millrace_log::{Disk, FlushMode, LocalDisk};

use crate::frames::Frame;
use crate::shop::Shop;

/// Bytes of the header of a frame.
const HEADER_BYTES: usize = 61;

/// A disk that knows which frames it was told to keep.
#[derive(Default)]
struct Keeping(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Offsets written to a file since it was last synced, by its inode.
    written: BTreeMap<u64, Vec<i64>>,
    synced: BTreeSet<i64>,
}

impl Keeping {
    fn keeps(&self, offset: i64) -> bool {
        self.0.lock().expect("nobody panics").synced.contains(&offset)
    }
}

impl Disk for Keeping {
    fn create(&self, path: &Path) -> io::Result<File> {
        LocalDisk.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        LocalDisk.write_at(file, bytes, position)?;
        if let Some(base) = bytes.first_chunk().filter(|_| bytes.len() > HEADER_BYTES && bytes[16] == 2) {
            let inode = file.metadata()?.ino();
            let mut kept = self.0.lock().expect("nobody panics");
            kept.written.entry(inode).or_default().push(i64::from_be_bytes(*base));
        }
        Ok(())
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        LocalDisk.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let inode = file.metadata()?.ino();
        let mut kept = self.0.lock().expect("nobody panics");
        let written = kept.written.remove(&inode).unwrap_or_default();
        kept.synced.extend(written);
        Ok(())
    }

    fn sync_dir(&self, _dir: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_filesystem(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }
}

const ROUNDS: usize = 150;
const FRAMES: usize = 40;
const PRODUCERS: usize = 8;

#[test]
fn what_is_settled_is_on_the_disk_while_others_begin_segments() {
    for round in 0..ROUNDS {
        let disk = Arc::new(Keeping::default());
        let mut shop = Shop::new(FlushMode::Commit);
        // There are many files, and what a disk would lose is decided here.
        if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
            shop.folder = memory;
        }
        shop.machine.disk = disk.clone();
        let log = shop.open();
        // Every frame begins a segment.
        let configs = [("segment.bytes".to_owned(), "14".to_owned())].into();
        log.create_client_topic("orders", 1, 1, configs).expect("it is made");
        let (partition, frame) = (TopicPartition::new("orders", 0), Frame::of(&["an order"]).bytes());
        let send = || {
            for _ in 0..FRAMES {
                let appended = log.append_frame(&partition, &frame).expect("it is appended");
                log.settle(&partition, appended.end).expect("it is settled");
                assert!(disk.keeps(appended.base.0), "round {round}: {} is not on the disk", appended.base);
            }
        };
        thread::scope(|scope| (0..PRODUCERS).for_each(|_| drop(scope.spawn(send))));
    }
}
