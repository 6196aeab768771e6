//! A broker that serves on a port of its own, over a folder that can be copied as a kill would leave it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_broker::{Broker, BrokerOptions, serve};
use millrace_flow::Stop;
use millrace_log::{EmbeddedLog, FlushMode, LogConfig, Machine};
use millrace_schema::Registry;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, Me};

pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    flush: FlushMode,
    stop: Stop,
    runtime: Option<Runtime>,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::over(tempfile::tempdir().expect("there is room"), FlushMode::Interval, Machine::local())
    }

    /// Serves the log in a folder.
    pub(crate) fn over(folder: TempDir, flush: FlushMode, machine: Machine) -> Self {
        // No flush comes between of itself.
        let config = LogConfig { flush, flush_interval: Duration::from_secs(3_600), ..LogConfig::default() };
        let dir = folder.path().join("log");
        let log = EmbeddedLog::open_on(&dir, config, Arc::new(Registry::in_memory()), machine);
        let log = log.unwrap_or_else(|error| panic!("{error}"));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("there are threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let broker = Broker::open(log, BrokerOptions::new(address)).unwrap_or_else(|error| panic!("{error}"));
        let stop = Stop::default();
        drop(runtime.spawn(serve(broker, listener, stop.clone())));
        Self { folder, address, flush, stop, runtime: Some(runtime) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Another process over the folder as it would be found if this one were killed now.
    pub(crate) fn killed(self) -> Self {
        let copied = copied(self.folder.path());
        let flush = self.flush;
        drop(self);
        Self::over(copied, flush, Machine::local())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
        drop(self.runtime.take());
    }
}

/// A copy of a folder.
pub(crate) fn copied(folder: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("there is room");
    copy(folder, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("there is room for a folder");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("it can be listed");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).expect("the disk has room");
        }
    }
}

/// A broker with a topic, and a client that has begun its first life there.
pub(crate) fn begun() -> (Served, Client, Me) {
    let served = Served::new();
    let mut client = served.client();
    client.create_topic("orders", 2);
    let me = client.init("shop");
    (served, client, me)
}
