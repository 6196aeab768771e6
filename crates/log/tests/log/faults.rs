//! A disk that fails: what is full may be emptied, what was not synced is not trusted again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_flow::{ErrorKind, Log, LogWriter, TopicPartition};
use millrace_log::{Disk, EmbeddedLog, FlushMode, LocalDisk};

use crate::shop::*;

/// A disk that is full when told so, and fails the sync with a certain number.
#[derive(Default)]
struct BadDisk {
    full: AtomicBool,
    syncs: AtomicU32,
    failing_sync: AtomicU32,
}

impl BadDisk {
    fn count_sync(&self) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        let failing = self.failing_sync.load(Ordering::SeqCst);
        if number == failing { Err(io::Error::other("input/output error")) } else { Ok(()) }
    }

    fn fail_next_sync(&self) {
        self.failing_sync.store(self.syncs.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    }
}

impl Disk for BadDisk {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        if !self.full.load(Ordering::SeqCst) {
            return LocalDisk.write_at(file, bytes, position);
        }
        LocalDisk.write_at(file, &bytes[..bytes.len() / 2], position)?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.count_sync()?;
        LocalDisk.sync(file)
    }

    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        self.count_sync()?;
        LocalDisk.sync_dir(dir)
    }

    fn sync_filesystem(&self, _file: &File) -> io::Result<()> {
        self.count_sync()
    }
}

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn shop_on(disk: &Arc<BadDisk>, flush: FlushMode) -> Shop {
    let mut shop = Shop::new(flush);
    shop.machine.disk = disk.clone();
    shop
}

#[test]
fn a_full_disk_refuses_and_takes_again() {
    let disk = Arc::new(BadDisk::default());
    let shop = shop_on(&disk, FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &orders(), 0, 10);

    disk.full.store(true, Ordering::SeqCst);
    let error = writer.append(&orders(), rows(10, 10)).expect_err("the disk is full");
    assert_eq!((error.retry(), error.kind()), (true, ErrorKind::Outside));
    disk.full.store(false, Ordering::SeqCst);
    writer.append(&orders(), rows(10, 10)).expect("there is room again");
    disk.full.store(true, Ordering::SeqCst);
    assert!(writer.commit(cookie(0, 20), false).expect_err("the disk is full").retry());
    assert_eq!(all_ids(log.as_ref(), &orders()).len(), 10, "not committed, not seen");
    disk.full.store(false, Ordering::SeqCst);
    writer.commit(cookie(0, 20), false).expect("there is room again");
    assert_eq!(all_ids(log.as_ref(), &orders()), (0..20).collect::<Vec<_>>());
    assert_eq!(all_ids(shop.killed().open().as_ref(), &orders()), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_killed_process_on_a_full_disk_left_half_a_record() {
    let disk = Arc::new(BadDisk::default());
    let shop = shop_on(&disk, FlushMode::Interval);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    commit(writer.as_mut(), &orders(), 0, 10);
    writer.append(&orders(), rows(10, 10)).expect("it can be appended");
    disk.full.store(true, Ordering::SeqCst);
    assert!(writer.commit(cookie(0, 20), false).is_err());
    let mut killed = shop.killed();
    killed.machine.disk = Arc::new(LocalDisk);
    assert_eq!(all_ids(killed.open().as_ref(), &orders()).len(), 10);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    // The first sync of a commit is that of its data, the second that of the commit log.
    for nth in 0..2 {
        let disk = Arc::new(BadDisk::default());
        let shop = shop_on(&disk, FlushMode::Commit);
        let log = shop.open();
        log.create_topic(spec("orders", 1)).expect("it can be created");
        let mut writer = log.writer(WRITER).expect("nobody else writes");
        commit(writer.as_mut(), &orders(), 0, 10);
        writer.append(&orders(), rows(10, 10)).expect("it can be appended");
        disk.fail_next_sync();
        disk.failing_sync.fetch_add(nth, Ordering::SeqCst);
        let error = writer.commit(cookie(0, 20), false).expect_err("the sync fails");
        assert!(!error.retry());
        assert_eq!(all_ids(log.as_ref(), &orders()).len(), 10, "not acknowledged, not seen");
        assert!(log.failure().is_some());
        let error = writer.commit(cookie(0, 20), false).expect_err("it is never tried again").to_string();
        assert!(error.contains("out of service"), "{error}");
        assert!(writer.append(&orders(), rows(20, 1)).is_err());
        assert!(log.create_topic(spec("more", 1)).is_err());
        assert!(log.close().is_err());
        drop((writer, log));
        assert!(!shop.dir().join("clean-shutdown").exists());
        // Whether the unacknowledged commit is there is open; what was acknowledged is there.
        let mut again = shop.killed();
        again.machine.disk = Arc::new(LocalDisk);
        let found = all_ids(again.open().as_ref(), &orders()).len();
        assert!(found == 10 || found == 20, "{found} rows");
    }
}

#[test]
fn a_failed_sync_in_the_background_takes_the_log_out_of_service() {
    let disk = Arc::new(BadDisk::default());
    let mut shop = shop_on(&disk, FlushMode::Interval);
    shop.config.flush_interval = Duration::from_millis(1);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    disk.fail_next_sync();
    writer.append(&orders(), rows(0, 10)).expect("it can be appended");
    // The commit itself may be the one to notice, if the flusher was faster.
    let _ = writer.commit(Bytes::new(), false);
    let deadline = Instant::now() + Duration::from_secs(60);
    while log.failure().is_none() {
        let seen = log.signal().version();
        if log.failure().is_none() {
            assert!(log.signal().wait_until(seen, deadline), "the failure was never told");
        }
    }
    assert!(writer.append(&orders(), rows(10, 1)).is_err());
}

/// A log that commits without a flush, with a file that its last commit does without.
fn with_old_file(disk: &Arc<BadDisk>, folder: &Path) -> (Shop, Arc<EmbeddedLog>, Box<dyn LogWriter>, PathBuf) {
    let mut shop = shop_on(disk, FlushMode::None);
    shop.config.flush_interval = Duration::from_millis(1);
    let file = folder.join("old");
    std::fs::write(&file, b"state").expect("there is room");
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    writer.append(&orders(), rows(0, 10)).expect("it can be appended");
    writer.commit(Bytes::new(), false).expect("it can be committed");
    (shop, log, writer, file)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A file that earlier commits name may go when the commit that does without it is on the disk, and not before.
#[test]
fn discarded_files_go_with_the_flush() {
    let (disk, folder) = (Arc::new(BadDisk::default()), tempfile::tempdir().expect("there is room"));
    let (_shop, _log, mut writer, file) = with_old_file(&disk, folder.path());
    let syncs_before = disk.syncs.load(Ordering::SeqCst);
    writer.discard(vec![file.clone(), folder.path().join("never there")]);
    wait_until("it was never removed", || !file.exists());
    assert!(disk.syncs.load(Ordering::SeqCst) > syncs_before, "the commit was not on the disk");
}

#[test]
fn discarded_files_stay_when_the_flush_fails() {
    let (disk, folder) = (Arc::new(BadDisk::default()), tempfile::tempdir().expect("there is room"));
    let (_shop, log, mut writer, file) = with_old_file(&disk, folder.path());
    disk.fail_next_sync();
    writer.discard(vec![file.clone()]);
    wait_until("the failure was never told", || log.failure().is_some());
    drop(writer);
    drop(log);
    assert!(file.exists(), "the commit that does without it may be lost");
}

#[test]
fn attached_files_are_synced_with_the_commit() {
    let disk = Arc::new(BadDisk::default());
    let shop = shop_on(&disk, FlushMode::Commit);
    let log = shop.open();
    log.create_topic(spec("orders", 1)).expect("it can be created");
    let mut writer = log.writer(WRITER).expect("nobody else writes");
    writer.commit(Bytes::new(), false).expect("it can be committed");
    let syncs_of_commit = |writer: &mut dyn millrace_flow::LogWriter| {
        let before = disk.syncs.load(Ordering::SeqCst);
        writer.commit(Bytes::new(), false).expect("it can be committed");
        disk.syncs.load(Ordering::SeqCst) - before
    };
    assert_eq!(syncs_of_commit(writer.as_mut()), 1, "the commit log");
    let state = Arc::new(tempfile::tempfile().expect("there is room"));
    writer.attach(state.clone());
    writer.attach(state.clone());
    assert_eq!(syncs_of_commit(writer.as_mut()), 2);
    assert_eq!(syncs_of_commit(writer.as_mut()), 2, "it may have been written to again");
    drop(state);
    assert_eq!(syncs_of_commit(writer.as_mut()), 2, "once more, for what was written last");
    assert_eq!(syncs_of_commit(writer.as_mut()), 1);
}

#[test]
fn journals_reach_the_disk_with_everything_else() {
    let syncs_at_close = |appends: bool| {
        let disk = Arc::new(BadDisk::default());
        let shop = shop_on(&disk, FlushMode::Interval);
        let log = shop.open();
        let (mut journal, _) = log.journal("groups").expect("the disk answers");
        for _ in 0..if appends { 3 } else { 0 } {
            journal.append(&[Bytes::from_static(b"a record")]).expect("there is room");
        }
        let before = disk.syncs.load(Ordering::SeqCst);
        log.close().expect("the disk answers");
        disk.syncs.load(Ordering::SeqCst) - before
    };
    assert_eq!(syncs_at_close(true), syncs_at_close(false) + 1);
}
