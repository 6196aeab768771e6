//! What can be set about the warehouse.

use serde::{Deserialize, Serialize};

/// Settings of the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarehouseConfig {
    /// Whether a transaction is on the disk when it returns. Without it a power cut may take the last ones, rows and offsets
    /// alike, and they are made again from the topics.
    pub durable: bool,
    /// Memory of the writing connection's page cache.
    pub cache_bytes: u32,
    /// Reading connections that are kept open.
    pub idle_readers: usize,
}

impl Default for WarehouseConfig {
    fn default() -> Self {
        Self { durable: false, cache_bytes: 16 << 20, idle_readers: 4 }
    }
}
