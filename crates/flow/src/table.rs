//! Rows that end: what a question typed by a person is asked of.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::Result;

/// A finite run of batches.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A bounded set of rows: a warehouse table, a topic up to its present end, a Delta table at its present version.
pub trait Table: Send + Sync {
    /// Its columns.
    fn schema(&self) -> SchemaRef;

    /// The rows, with only the columns of `projection` (indexes into the schema, all if `None`), and at most `limit` of them.
    fn scan(&self, projection: Option<&[usize]>, limit: Option<usize>) -> Result<Batches>;
}
