//! A search through a topic.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which records are looked for: those that are all of this.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery {
    /// With this key.
    pub key: Option<String>,
    /// With this field in their value: its name, and the text or number it is, which may be empty.
    pub field: Option<(String, String)>,
    /// From this record time on, `2011-01-01T00:00:00`.
    pub from: Option<String>,
    /// Before this record time.
    pub to: Option<String>,
    /// In this partition.
    pub partition: Option<u32>,
    /// At most this many.
    pub limit: usize,
}

/// How far a search has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchProgress {
    /// Whether it goes on and, if not, why.
    pub state: SearchState,
    /// Records found.
    pub matches: usize,
    /// Records compared.
    pub records: u64,
    /// Bytes of the log that there were at the beginning.
    pub bytes_total: u64,
    /// Bytes of the log that were read.
    pub bytes_read: u64,
    /// Bytes of the log that were passed over, since their filters say that what is looked for is not there.
    pub bytes_skipped: u64,
    /// Bytes of filters that were read.
    pub filter_bytes: u64,
    /// Blocks of the log that were read.
    pub blocks_read: u64,
    /// Blocks of the log that were passed over.
    pub blocks_skipped: u64,
    /// Blocks that could not be read as a whole, since they are damaged.
    pub blocks_damaged: u64,
    /// That the field which is looked for may not be there at all, where nothing was found.
    #[schema(required)]
    pub missing_field: Option<MissingField>,
}

/// A field that the newest records of a topic do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingField {
    /// The field.
    pub name: String,
    /// How many of the newest records were looked at for that.
    pub records: usize,
    /// What there is instead.
    pub cure: String,
}

/// Whether a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchState {
    /// It does.
    Running,
    /// Everything was searched.
    Complete,
    /// As many were found as were asked for.
    Full,
}
