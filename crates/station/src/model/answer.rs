//! Answers to questions in SQL.

use std::time::Duration;

use millrace_engine::ask::Answer;
use millrace_schema::json::value_to_json;
use millrace_schema::types::type_name;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Cell;

/// The answer to a question in SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlAnswer {
    /// The columns.
    pub columns: Vec<SqlColumn>,
    /// The rows, each with a value for every column.
    #[schema(value_type = Vec<Vec<Cell>>)]
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than the limit.
    #[serde(default)]
    pub truncated: bool,
    /// Time taken.
    pub elapsed_ms: u64,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its type, as SQL names it.
    #[serde(rename = "type")]
    pub type_name: String,
}

impl SqlAnswer {
    /// An answer as JSON values.
    pub fn new(answer: &Answer, elapsed: Duration) -> Self {
        let columns = answer
            .schema
            .fields()
            .iter()
            .map(|field| SqlColumn { name: field.name().clone(), type_name: type_name(field.data_type()) });
        let rows = answer.batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| value_to_json(column, row)).collect())
        });
        Self {
            columns: columns.collect(),
            rows: rows.collect(),
            truncated: answer.truncated,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
