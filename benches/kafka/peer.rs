//! The two brokers that are compared, each on an empty folder of its own.

use std::fs;

use super::meter::{self, Served, rss_mb};
use super::servers::{free_port, kafka::Kafka};

/// A broker under measurement.
pub(crate) struct Peer {
    /// `host:port` for clients.
    pub(crate) address: String,
    id: u32,
    _serving: Serving,
}

#[expect(dead_code, reason = "held until the peer is dropped")]
enum Serving {
    Millrace(Served, tempfile::TempDir),
    Kafka(Kafka),
}

impl Peer {
    /// The program, as it comes.
    pub(crate) fn millrace() -> Self {
        let project = tempfile::Builder::new().prefix("millrace-bench-").tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        fs::write(project.path().join("millrace.toml"), format!("[kafka]\nlisten = \"{address}\"\n")).expect("written");
        let (served, _) = Served::start(project.path());
        Self { address, id: served.id(), _serving: Serving::Millrace(served, project) }
    }

    /// Apache Kafka, with the settings of its own scripts.
    pub(crate) fn kafka() -> Self {
        let kafka = Kafka::start(1);
        Self { address: kafka.address.clone(), id: kafka.id(), _serving: Serving::Kafka(kafka) }
    }

    /// Processor time so far.
    pub(crate) fn cpu_s(&self) -> f64 {
        meter::cpu_s(self.id)
    }

    /// Memory now.
    pub(crate) fn rss_mb(&self) -> f64 {
        rss_mb(self.id, "VmRSS").unwrap_or_default()
    }

    /// Most memory that it had.
    pub(crate) fn rss_peak_mb(&self) -> f64 {
        rss_mb(self.id, "VmHWM").unwrap_or_default()
    }
}
