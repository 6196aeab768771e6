//! A disk that fails: what is full may be emptied, what was not synced is not trusted again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_flow::{ErrorKind, Log, LogWriter, Offset, TopicPartition};
use millrace_log::{Disk, EmbeddedLog, FlushMode, LocalDisk, LogError, Refused};

use crate::frames::Frame;
use crate::shop::*;

/// A disk that is full when told so, and fails the sync with a certain number.
#[derive(Default)]
struct BadDisk {
    full: AtomicBool,
    /// Nothing can be cut.
    stiff: AtomicBool,
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

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        if self.stiff.load(Ordering::SeqCst) {
            return Err(io::Error::other("input/output error"));
        }
        LocalDisk.truncate(file, bytes)
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

/// What the disk holds of a frame that was refused must not stay at the end of a closed segment: the next start would take it
/// for the torn end of the log, and everything behind it for lost.
#[test]
fn nothing_comes_behind_what_was_refused_and_cannot_be_cut() {
    // The next frame goes into the same segment, or is too large for it.
    for next_bytes in [10, 900] {
        let disk = Arc::new(BadDisk::default());
        let shop = shop_on(&disk, FlushMode::Commit);
        let log = shop.open();
        let configs = [("segment.bytes".to_owned(), "1000".to_owned())].into();
        log.create_client_topic("orders", 1, 1, configs).expect("it can be created");
        let append = |bytes: usize| {
            let appended = log.append_frame(&orders(), &Frame::of(&[&"x".repeat(bytes)]).bytes())?;
            log.settle(&orders(), appended.end).map_err(Refused::from)
        };
        append(100).expect("there is room");
        disk.full.store(true, Ordering::SeqCst);
        disk.stiff.store(true, Ordering::SeqCst);
        append(500).expect_err("the disk is full");
        disk.full.store(false, Ordering::SeqCst);
        assert!(matches!(append(next_bytes), Err(Refused::Log(LogError::Io { .. }))), "half a frame lies there");
        let read = |log: &EmbeddedLog| {
            let records = log.read_records(&orders(), Offset(0), usize::MAX).expect("they are whole");
            records.into_iter().map(|record| record.value.map_or(0, |value| value.len())).collect::<Vec<_>>()
        };
        assert_eq!(read(&log), [100], "what is there is read all the time");
        disk.stiff.store(false, Ordering::SeqCst);
        append(next_bytes).expect("it can be cut now");
        append(950).expect("there is room");
        let all = [100, next_bytes, 950];
        assert_eq!(read(&log), all);
        // A machine that starts anew believes nothing above what was noted as being on the disk.
        assert_eq!(read(&shop.killed().rebooted().open()), all);
    }
}

#[test]
fn a_change_of_a_topic_that_the_disk_refuses_has_not_happened() {
    let disk = Arc::new(BadDisk::default());
    let shop = shop_on(&disk, FlushMode::Interval);
    let log = shop.open();
    let configs = |value: &str| [("segment.bytes".to_owned(), value.to_owned())].into();
    log.create_client_topic("orders", 1, 1, configs("1000")).expect("it can be created");
    disk.full.store(true, Ordering::SeqCst);
    log.set_configs("orders", configs("2000")).expect_err("the disk is full");
    log.delete_client_topic("orders").expect_err("the disk is full");
    log.create_client_topic("more", 1, 1, configs("1000")).expect_err("the disk is full");
    let found = log.client_topic("orders").expect("it was not deleted");
    assert_eq!(*found.configs, configs("1000"));
    assert!(log.client_topic("more").is_none());
    disk.full.store(false, Ordering::SeqCst);
    log.set_configs("orders", configs("2000")).expect("there is room again");
    let found = shop.killed().open().client_topic("orders").expect("it is there");
    assert_eq!(*found.configs, configs("2000"));
    log.delete_client_topic("orders").expect("there is room again");
    assert!(shop.killed().open().client_topic("orders").is_none());
}
