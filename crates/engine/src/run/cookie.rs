//! What a query keeps with each commit: where it stands in its inputs, and which part of its snapshot file counts.

use bytes::Bytes;
use millrace_flow::{Ledger, Offset};
use serde::{Deserialize, Serialize};

use super::error::EngineError;

/// Version of the cookie's format.
const VERSION: u32 = 1;

/// The cookie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cookie {
    version: u32,
    /// Identity of the state; see [`crate::plan::Query::fingerprint`].
    pub(super) fingerprint: u64,
    /// Number of the snapshot file.
    pub(super) generation: u64,
    /// Bytes of it that belong to this commit.
    pub(super) snapshot_bytes: u64,
    /// Bytes of it that were written as one whole.
    #[serde(default)]
    pub(super) whole_bytes: u64,
    /// One entry an input of the query.
    pub(super) inputs: Vec<InputCookie>,
    /// Windows that end at or before this are closed.
    pub(super) closed_us: i64,
    /// Rows so far.
    pub(super) ledger: Ledger,
    /// Records written so far.
    pub(super) rows_out: u64,
}

/// Where a query stands in one topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputCookie {
    /// The topic.
    pub(super) topic: String,
    /// Next offset, by partition.
    pub(super) next: Vec<Offset>,
    /// Greatest event time seen, by partition.
    pub(super) greatest_us: Vec<i64>,
}

impl Cookie {
    /// A cookie of the present version with nothing read.
    pub(super) fn new(fingerprint: u64) -> Self {
        Self {
            version: VERSION,
            fingerprint,
            generation: 1,
            snapshot_bytes: 0,
            whole_bytes: 0,
            inputs: Vec::new(),
            closed_us: i64::MIN,
            ledger: Ledger::default(),
            rows_out: 0,
        }
    }

    /// As bytes, to be committed.
    pub(super) fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a cookie holds nothing that JSON cannot say").into()
    }

    /// From the bytes of a commit.
    pub(super) fn from_bytes(query: &str, bytes: &[u8]) -> Result<Self, EngineError> {
        let refuse = |reason: String| EngineError::Cookie { query: query.to_owned(), reason };
        let cookie: Self = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        if cookie.version != VERSION {
            return Err(refuse(format!("its format is version {}, this program knows {VERSION}", cookie.version)));
        }
        Ok(cookie)
    }
}
