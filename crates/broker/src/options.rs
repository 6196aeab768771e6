//! How the broker is set up.

use std::net::SocketAddr;
use std::time::Duration;

use crate::security::SecurityOptions;

/// Number of the one broker.
pub(crate) const NODE_ID: i32 = 1;
/// Who leads a partition that nobody leads.
pub(crate) const NO_NODE: i32 = -1;

/// What the broker needs to know beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerOptions {
    /// Host that clients are told to come back to.
    pub advertised_host: String,
    /// Port that clients are told to come back to.
    pub advertised_port: u16,
    /// Whether a topic that a client asks for, and may be created by asking, is created.
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many.
    pub partitions: u32,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Bytes of one request.
    pub request_bytes_max: usize,
    /// Bytes of all requests that are being read or answered.
    pub inflight_bytes_max: usize,
    /// Bytes in memory of records that are being read for clients or that they have not taken yet.
    pub answer_bytes_max: usize,
    /// How long a client may ask for nothing: whoever has gone without a word keeps a place no longer.
    pub idle_time_max: Duration,
    /// How long nothing at all may come of a request that has begun, or be taken of an answer: both hold memory.
    pub stall_time_max: Duration,
    /// Encryption, login and rules.
    pub security: SecurityOptions,
}

impl BrokerOptions {
    /// The defaults of Kafka, for a broker that listens on `address`.
    pub fn new(address: SocketAddr) -> Self {
        let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
        Self {
            advertised_host: host,
            advertised_port: address.port(),
            auto_create_topics: true,
            partitions: 1,
            connections_max: 10_000,
            request_bytes_max: 100 << 20,
            inflight_bytes_max: 512 << 20,
            answer_bytes_max: 512 << 20,
            idle_time_max: Duration::from_secs(600),
            stall_time_max: Duration::from_secs(60),
            security: SecurityOptions::default(),
        }
    }
}
