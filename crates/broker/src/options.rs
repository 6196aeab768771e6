//! How the broker is set up.

use std::net::SocketAddr;

use crate::security::SecurityOptions;

/// Number of the one broker.
pub(crate) const NODE_ID: i32 = 1;

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
            security: SecurityOptions::default(),
        }
    }
}
