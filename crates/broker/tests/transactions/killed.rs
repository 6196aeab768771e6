//! A kill at every file call of a workload with transactions: each transaction is there whole or not at all, with its
//! offsets, and what was acknowledged is.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use millrace_broker::wire::ErrorCode;
use millrace_log::{Disk, FlushMode, LocalDisk, Machine};
use tempfile::TempDir;

use crate::client::Client;
use crate::served::{Served, copied};

/// A disk that keeps a copy of the folder as it is before a certain call.
struct Watched {
    folder: PathBuf,
    calls: AtomicUsize,
    wanted: usize,
    /// The copy, and what was acknowledged by then.
    kept: Mutex<Option<(TempDir, usize)>>,
    acknowledged: AtomicUsize,
}

impl Watched {
    fn note(&self) {
        if self.calls.fetch_add(1, Ordering::SeqCst) == self.wanted {
            let acknowledged = self.acknowledged.load(Ordering::SeqCst);
            *self.kept.lock().expect("nobody panics") = Some((copied(&self.folder), acknowledged));
        }
    }
}

struct WatchedDisk(Arc<Watched>);

impl Disk for WatchedDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.0.note();
        LocalDisk.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.note();
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.note();
        LocalDisk.remove(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.note();
        LocalDisk.write_at(file, bytes, position)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.0.note();
        LocalDisk.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.0.note();
        LocalDisk.sync(file)
    }

    fn sync_dir(&self, dir: &File) -> io::Result<()> {
        self.0.note();
        LocalDisk.sync_dir(dir)
    }

    fn sync_filesystem(&self, file: &File) -> io::Result<()> {
        LocalDisk.sync_filesystem(file)
    }
}

/// Which of the transactions commit.
const COMMITS: [bool; 3] = [true, false, true];

/// Transactions one after the other, each with a record in two partitions and an offset; counts those that are acknowledged.
type Work = fn(&mut Client, &AtomicUsize);

fn work_by_the_older_protocol(client: &mut Client, acknowledged: &AtomicUsize) {
    let me = client.init("shop");
    for (n, commits) in COMMITS.into_iter().enumerate() {
        let value = n.to_string();
        assert_eq!(client.add(3, me, &[("orders", &[0, 1])]), [ErrorCode::None; 2]);
        for partition in [0, 1] {
            assert_eq!(client.send(9, me, ("orders", partition), n as i32, &value), ErrorCode::None);
        }
        assert_eq!(client.add_group(me, "readers"), ErrorCode::None);
        assert_eq!(client.commit_offset(3, me, "readers", ("orders", 0, n as i64)), ErrorCode::None);
        assert_eq!(client.end(3, me, commits), ErrorCode::None);
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    client.add(3, me, &[("orders", &[0])]);
    assert_eq!(client.send(9, me, ("orders", 0), COMMITS.len() as i32, "goes on"), ErrorCode::None);
}

fn work_by_the_newer_protocol(client: &mut Client, acknowledged: &AtomicUsize) {
    let mut me = client.init("shop");
    for (n, commits) in COMMITS.into_iter().enumerate() {
        let value = n.to_string();
        for partition in [0, 1] {
            assert_eq!(client.send(12, me, ("orders", partition), 0, &value), ErrorCode::None);
        }
        assert_eq!(client.commit_offset(5, me, "readers", ("orders", 0, n as i64)), ErrorCode::None);
        me = client.renew(me, commits).expect("it is its transaction");
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    assert_eq!(client.send(12, me, ("orders", 0), 0, "goes on"), ErrorCode::None);
}

/// The folder as it was before the file call `wanted`, if there were as many.
fn run(flush: FlushMode, work: Work, wanted: usize) -> Option<(TempDir, usize)> {
    let folder = tempfile::tempdir().expect("there is room");
    let watched = Arc::new(Watched {
        folder: folder.path().to_owned(),
        // Nothing is counted before there is a topic.
        calls: AtomicUsize::new(usize::MAX / 2),
        wanted,
        kept: Mutex::default(),
        acknowledged: AtomicUsize::new(0),
    });
    let machine = Machine { disk: Arc::new(WatchedDisk(watched.clone())), ..Machine::local() };
    let served = Served::over(folder, flush, machine);
    let mut client = served.client();
    client.create_topic("orders", 2);
    watched.calls.store(0, Ordering::SeqCst);
    work(&mut client, &watched.acknowledged);
    watched.kept.lock().expect("nobody panics").take()
}

fn check(flush: FlushMode, wanted: usize, folder: TempDir, acknowledged: usize) {
    let served = Served::over(folder, flush, Machine::local());
    let mut client = served.client();
    // Whatever goes on is aborted by the next life.
    let me = client.init("shop");
    let found = [client.committed("orders", 0), client.committed("orders", 1)];
    assert_eq!(found[0], found[1], "call {wanted}: a transaction is there whole or not at all");
    let committed = |ends: usize| {
        let all = COMMITS.iter().enumerate().take(ends);
        all.filter(|(_, commits)| **commits).map(|(n, _)| n.to_string()).collect::<Vec<_>>()
    };
    let may_be = [committed(acknowledged), committed(acknowledged + 1)];
    assert!(may_be.contains(&found[0]), "call {wanted}: {:?}, {acknowledged} were acknowledged", found[0]);
    let offset = found[0].last().map_or(-1, |last| last.parse().expect("it is a number"));
    assert_eq!(client.offset_of("readers", "orders", 0), Ok(offset), "call {wanted}: offsets go with their records");
    for partition in [0, 1] {
        assert_eq!(client.latest("orders", partition, 1), client.latest("orders", partition, 0), "call {wanted}");
    }
    assert_eq!(client.add(3, me, &[("orders", &[0])]), [ErrorCode::None]);
    assert_eq!(client.send(9, me, ("orders", 0), 0, "next"), ErrorCode::None);
    assert_eq!(client.end(3, me, true), ErrorCode::None);
    assert_eq!(client.committed("orders", 0).last().map(String::as_str), Some("next"));
}

fn kill_at_every_call(flush: FlushMode, work: Work, calls_min: usize) {
    let mut calls = 0;
    while let Some((folder, acknowledged)) = run(flush, work, calls) {
        check(flush, calls, folder, acknowledged);
        calls += 1;
    }
    assert!(calls >= calls_min, "{calls} calls");
}

#[test]
fn killed_at_any_file_call_flushed_now_and_again() {
    kill_at_every_call(FlushMode::None, work_by_the_older_protocol, 30);
    kill_at_every_call(FlushMode::None, work_by_the_newer_protocol, 30);
}

#[test]
fn killed_at_any_file_call_flushed_at_every_commit() {
    kill_at_every_call(FlushMode::Commit, work_by_the_older_protocol, 60);
    kill_at_every_call(FlushMode::Commit, work_by_the_newer_protocol, 60);
}
