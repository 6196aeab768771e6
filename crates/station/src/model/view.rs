//! Views and their columns.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A view of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Whether its rows are kept.
    pub materialized: bool,
    /// How its rows behave.
    pub kind: ViewKind,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns that tell its rows apart; empty where there are none.
    pub key: Vec<String>,
    /// The column with the event time.
    #[schema(required)]
    pub time_column: Option<String>,
    /// Length of its windows.
    #[schema(required)]
    pub window_ms: Option<i64>,
    /// Number of its rows.
    #[schema(required)]
    pub rows: Option<u64>,
    /// The topic it is written to.
    #[schema(required)]
    pub topic: Option<String>,
    /// The query that computes it.
    #[schema(required)]
    pub query: Option<String>,
    /// The statement as it was written.
    pub sql: String,
    /// The file it stands in.
    pub source_file: String,
    /// The line it begins at.
    pub source_line: usize,
}

/// How the rows of a view behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// They change, by key.
    Upserts,
    /// They only get more.
    Rows,
    /// It has none: it is a part of what reads it.
    Inlined,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as SQL names it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may be NULL.
    pub nullable: bool,
}
