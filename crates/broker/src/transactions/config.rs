//! Settings of the coordinator, with the defaults of Kafka.

/// Bounds of all transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionConfig {
    /// Longest timeout that a producer may ask for: `transaction.max.timeout.ms`.
    pub timeout_ms_max: i32,
    /// A transactional id that was not used for this long is forgotten: `transactional.id.expiration.ms`.
    pub expiration_ms: i64,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self { timeout_ms_max: 15 * 60 * 1_000, expiration_ms: 7 * 24 * 60 * 60 * 1_000 }
    }
}
