//! What a request about a transaction can be refused with.

/// Why not; the caller maps it to the number of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransactionError {
    /// The transactional id is empty.
    #[error("a transactional id cannot be empty")]
    EmptyId,
    /// The timeout is zero, or longer than allowed.
    #[error("the timeout of a transaction is outside the limits")]
    Timeout,
    /// There is no such transactional id, or it has another producer id.
    #[error("the transactional id belongs to another producer id")]
    IdMapping,
    /// A later life of the producer has taken its place, or its transaction took too long.
    #[error("a newer producer has the same transactional id")]
    Fenced,
    /// The last transaction is still being completed: try again.
    #[error("the last transaction is still being completed")]
    Concurrent,
    /// The transaction cannot end that way, or there is none.
    #[error("the transaction is in a state that does not allow it")]
    State,
    /// The partition or group is not part of a transaction under way.
    #[error("it was not added to the transaction")]
    NotAdded,
    /// There is no such transactional id.
    #[error("there is no such transactional id")]
    NotFound,
}
