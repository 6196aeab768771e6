//! Journals that are torn, replaced, and refused by their disk.

use std::sync::atomic::AtomicU32;

use super::*;
use crate::LocalDisk;

fn open(dir: &Path) -> (Journal, Vec<Bytes>) {
    Journal::open(Arc::new(LocalDisk), dir, "groups", FlushMode::Interval).expect("the disk answers")
}

#[test]
fn records_come_back_and_a_torn_one_is_cut_at_any_byte() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (mut journal, found) = open(folder.path());
    assert!(found.is_empty());
    journal.append(&[Bytes::from("one"), Bytes::new(), Bytes::from("three")]).expect("there is room");
    let path = folder.path().join("groups.log");
    let whole = fs::read(&path).expect("it is there");
    journal.append(&[Bytes::from("four")]).expect("there is room");
    let all = fs::read(&path).expect("it is there");
    for length in whole.len()..all.len() {
        fs::write(&path, &all[..length]).expect("it can be written");
        let (mut journal, found) = open(folder.path());
        assert_eq!(found, ["one", "", "three"], "{length} of {}", all.len());
        journal.append(&[Bytes::from("five")]).expect("there is room");
        assert_eq!(open(folder.path()).1, ["one", "", "three", "five"]);
    }
}

#[test]
fn what_was_appended_together_is_there_together() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    open(folder.path()).0.append(&[Bytes::from("one"), Bytes::from("two")]).expect("there is room");
    let path = folder.path().join("groups.log");
    let all = fs::read(&path).expect("it is there");
    for length in 0..all.len() {
        fs::write(&path, &all[..length]).expect("it can be written");
        assert!(open(folder.path()).1.is_empty(), "{length} of {}", all.len());
    }
}

#[test]
fn a_large_append_is_no_torn_one() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let large = Bytes::from(vec![7; 65 << 20]);
    let mut journal = open(folder.path()).0;
    journal.append(std::slice::from_ref(&large)).expect("there is room");
    journal.append(&[Bytes::from("after it")]).expect("there is room");
    let found = open(folder.path()).1;
    assert!(found.len() == 2 && found[0] == large && found[1] == "after it", "{} records", found.len());
}

#[test]
fn zeros_at_the_end_are_no_records() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    open(folder.path()).0.append(&[Bytes::from("one")]).expect("there is room");
    let path = folder.path().join("groups.log");
    let mut all = fs::read(&path).expect("it is there");
    all.extend([0; 100]);
    fs::write(&path, &all).expect("it can be written");
    assert_eq!(open(folder.path()).1, ["one"]);
}

/// A disk on which whatever is renamed cannot be opened by its name afterwards.
struct OutOfHandles;

impl Disk for OutOfHandles {
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        LocalDisk.rename(from, &to.with_extension("renamed"))?;
        LocalDisk.remove(to)?;
        fs::create_dir(to)
    }
}

#[test]
fn what_is_appended_after_a_replacement_goes_to_the_new_file_whatever_can_be_opened() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let opened = Journal::open(Arc::new(OutOfHandles), folder.path(), "groups", FlushMode::Interval);
    let (mut journal, _) = opened.expect("the disk answers");
    journal.append(&[Bytes::from("one")]).expect("there is room");
    journal.replace(&[Bytes::from("all that matters")]).expect("nothing is opened");
    journal.append(&[Bytes::from("more")]).expect("there is room");
    let content = fs::read(folder.path().join("groups.renamed")).expect("it was renamed");
    assert_eq!(records_of(&Bytes::from(content)).0, ["all that matters", "more"]);
}

#[test]
fn fewer_records_take_the_place_of_many() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (mut journal, _) = open(folder.path());
    let large = Bytes::from(vec![7; 1 << 20]);
    (0..5).for_each(|_| journal.append(std::slice::from_ref(&large)).expect("there is room"));
    let keep = |journal: &mut Journal, record: &'static str| {
        journal.keep(&[Bytes::from(record)], || vec![Bytes::from("all that matters")]).expect("there is room");
    };
    keep(&mut journal, "one that matters");
    keep(&mut journal, "more");
    assert_eq!(journal.records().expect("it is read"), ["all that matters", "more"]);
    assert_eq!(open(folder.path()).1, ["all that matters", "more"]);
}

/// A disk that refuses what it is told to, having done half of it.
#[derive(Default)]
struct BadDisk {
    is_full: AtomicBool,
    /// Nothing can be cut.
    is_stiff: AtomicBool,
    fails_syncs: AtomicBool,
    fails_folder_syncs: AtomicBool,
    syncs: AtomicU32,
}

fn set(flag: &AtomicBool, is_set: bool) {
    flag.store(is_set, Ordering::SeqCst);
}

fn refuse(flag: &AtomicBool) -> io::Result<()> {
    if flag.load(Ordering::SeqCst) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Disk for BadDisk {
    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        if let Err(error) = refuse(&self.is_full) {
            LocalDisk.write_at(file, &bytes[..bytes.len() - 1], position)?;
            return Err(error);
        }
        LocalDisk.write_at(file, bytes, position)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        refuse(&self.is_stiff)?;
        LocalDisk.truncate(file, bytes)
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        refuse(&self.fails_syncs)
    }

    fn sync_dir(&self, _dir: &File) -> io::Result<()> {
        refuse(&self.fails_folder_syncs)
    }
}

fn open_on(disk: &Arc<BadDisk>, dir: &Path, flush: FlushMode) -> Journal {
    Journal::open(disk.clone(), dir, "groups", flush).expect("the disk answers").0
}

fn keep(journal: &mut Journal, record: &'static str, all: &[&'static str]) -> Result<(), LogError> {
    journal.keep(&[Bytes::from(record)], || all.iter().copied().map(Bytes::from).collect())
}

#[test]
fn what_a_full_disk_refuses_is_not_there_and_the_next_is_taken() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let mut journal = open_on(&disk, folder.path(), FlushMode::Interval);
    let journals = Journals::default();
    journals.add(&journal);
    keep(&mut journal, "one", &[]).expect("there is room");
    assert_eq!(journals.refusals(), [""; 0]);
    set(&disk.is_full, true);
    let error = keep(&mut journal, "refused", &[]).expect_err("there is none");
    assert!(error.retry());
    assert_eq!(journals.refusals(), [error.to_string()]);
    assert_eq!(journal.records().expect("it is read"), ["one"]);
    assert_eq!(open(folder.path()).1, ["one"]);
    set(&disk.is_full, false);
    keep(&mut journal, "two", &[]).expect("there is room again");
    assert_eq!(journals.refusals(), [""; 0]);
    assert_eq!(open(folder.path()).1, ["one", "two"]);
}

#[test]
fn nothing_follows_what_cannot_be_cut() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let mut journal = open_on(&disk, folder.path(), FlushMode::Interval);
    keep(&mut journal, "one", &[]).expect("there is room");
    let bytes_of_one = journal.bytes;
    set(&disk.is_full, true);
    set(&disk.is_stiff, true);
    keep(&mut journal, "a long one that is refused", &[]).expect_err("there is no room");
    set(&disk.is_full, false);
    keep(&mut journal, "two", &[]).expect_err("what was refused is there still");
    set(&disk.is_stiff, false);
    keep(&mut journal, "two", &[]).expect("it is gone");
    assert_eq!(open(folder.path()).1, ["one", "two"]);
    let length = fs::metadata(folder.path().join("groups.log")).expect("it is there").len();
    assert_eq!((length, journal.bytes), (2 * bytes_of_one, 2 * bytes_of_one), "nothing is left of it");
}

#[test]
fn after_a_failed_sync_another_file_takes_over() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let mut journal = open_on(&disk, folder.path(), FlushMode::Commit);
    keep(&mut journal, "one", &[]).expect("there is room");
    let old = journal.file.clone();
    set(&disk.fails_syncs, true);
    keep(&mut journal, "refused", &[]).expect_err("it is not on the disk");
    assert!(journal.is_doubtful());
    assert_eq!(journal.records().expect("it is read"), ["one"]);
    keep(&mut journal, "two", &["one", "two"]).expect_err("nor is another file");
    assert_eq!(open(folder.path()).1, ["one"]);
    set(&disk.fails_syncs, false);
    let syncs = disk.syncs.load(Ordering::SeqCst);
    journal.append(&[Bytes::from("two")]).expect_err("nobody knows what the disk has of the file");
    assert_eq!(disk.syncs.load(Ordering::SeqCst), syncs, "it is never asked again");
    keep(&mut journal, "two", &["one", "two"]).expect("another file can be trusted");
    assert!(!journal.is_doubtful() && !Arc::ptr_eq(&old, &journal.file));
    keep(&mut journal, "three", &[]).expect("there is room");
    assert_eq!(open(folder.path()).1, ["one", "two", "three"]);
}

/// The file has its name then, and nobody knows whether a restart finds it or the one before.
#[test]
fn a_name_that_may_not_be_on_the_disk_is_given_to_yet_another_file() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let mut journal = open_on(&disk, folder.path(), FlushMode::Interval);
    keep(&mut journal, "one", &[]).expect("there is room");
    set(&disk.fails_folder_syncs, true);
    journal.replace(&[Bytes::from("one")]).expect_err("its name is not on the disk");
    assert!(journal.is_doubtful());
    assert_eq!(journal.records().expect("it is read"), ["one"]);
    set(&disk.fails_folder_syncs, false);
    keep(&mut journal, "two", &["one", "two"]).expect("the disk answers");
    keep(&mut journal, "three", &[]).expect("there is room");
    assert_eq!(open(folder.path()).1, ["one", "two", "three"], "what is appended has a name");
}

#[test]
fn a_long_file_that_cannot_be_replaced_grows_on() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let mut journal = open_on(&disk, folder.path(), FlushMode::Interval);
    let large = Bytes::from(vec![7; 5 << 20]);
    journal.append(std::slice::from_ref(&large)).expect("there is room");
    set(&disk.fails_syncs, true);
    keep(&mut journal, "one", &["one"]).expect("it is appended to the old one");
    let syncs = disk.syncs.load(Ordering::SeqCst);
    keep(&mut journal, "two", &["two"]).expect("it is appended to the old one");
    assert_eq!(disk.syncs.load(Ordering::SeqCst), syncs, "it is not tried with every record");
    assert_eq!(open(folder.path()).1, [large, Bytes::from("one"), Bytes::from("two")]);
    assert!(!folder.path().join("groups.log.tmp").exists(), "what is not used takes no room");
}

/// The flusher has stopped since a file could not be synced: whoever appends has to make sure himself.
#[test]
fn without_a_flusher_every_append_is_synced() {
    let (folder, disk) = (tempfile::tempdir().expect("there is room for a folder"), Arc::new(BadDisk::default()));
    let (mut journal, journals) = (open_on(&disk, folder.path(), FlushMode::Interval), Journals::default());
    journals.add(&journal);
    keep(&mut journal, "one", &[]).expect("there is room");
    set(&disk.fails_syncs, true);
    journals.sync(disk.as_ref()).expect_err("it fails");
    journals.abandon();
    keep(&mut journal, "two", &["one", "two"]).expect_err("it cannot be on the disk");
    set(&disk.fails_syncs, false);
    keep(&mut journal, "two", &["one", "two"]).expect("another file can be trusted");
    let syncs = disk.syncs.load(Ordering::SeqCst);
    keep(&mut journal, "three", &[]).expect("there is room");
    assert_eq!(disk.syncs.load(Ordering::SeqCst), syncs + 1);
    assert!(!journals.have_unsynced());
}
