//! Tables of a desk as the planner and the operators see them.
//!
//! A table's rows come from an iterator that may block on files or on a runtime of its own, so each scan has a thread,
//! which hands batches over through a short channel and ends when nobody takes them any more.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use millrace_flow::Table;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::plan::catalog::lowered;

/// Batches that a scan may be ahead of what reads it.
const AHEAD: usize = 2;

/// A table for the time of one question.
pub(super) struct DeskTable {
    name: Arc<str>,
    table: Arc<dyn Table>,
    schema: SchemaRef,
    deadline: Instant,
}

impl DeskTable {
    pub(super) fn new(name: &str, table: Arc<dyn Table>, deadline: Instant) -> Self {
        let schema = lowered(&table.schema());
        Self { name: name.into(), table, schema, deadline }
    }
}

impl fmt::Debug for DeskTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeskTable").field(&self.name).finish()
    }
}

impl TableProvider for DeskTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn scan<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        _state: &'b dyn Session,
        projection: Option<&'c Vec<usize>>,
        _filters: &'d [Expr],
        limit: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'e>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        let plan = || {
            let schema = match projection {
                Some(projection) => Arc::new(self.schema.project(projection)?),
                None => self.schema.clone(),
            };
            let scan = Scan {
                name: self.name.clone(),
                table: self.table.clone(),
                schema: schema.clone(),
                projection: projection.cloned(),
                limit,
                deadline: self.deadline,
            };
            let plan = StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, None, false, limit)?;
            Ok(Arc::new(plan) as Arc<dyn ExecutionPlan>)
        };
        Box::pin(std::future::ready(plan()))
    }
}

struct Scan {
    name: Arc<str>,
    table: Arc<dyn Table>,
    schema: SchemaRef,
    projection: Option<Vec<usize>>,
    limit: Option<usize>,
    deadline: Instant,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scan").field(&self.name).finish()
    }
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (sender, receiver) = channel(AHEAD);
        let (table, schema) = (self.table.clone(), self.schema.clone());
        let (projection, limit) = (self.projection.clone(), self.limit);
        let read = {
            let sender = sender.clone();
            move || read(table.as_ref(), projection.as_deref(), limit, &schema, &sender)
        };
        if let Err(error) = std::thread::Builder::new().name(format!("scan {}", self.name)).spawn(read) {
            // A fresh channel has room for one error.
            let _ = sender.try_send(Err(exec_datafusion_err!("no thread to read `{}`: {error}", self.name)));
        }
        drop(sender);
        let batches = futures::stream::unfold((receiver, self.deadline), next_batch);
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), Box::pin(batches)))
    }
}

async fn next_batch(
    (mut receiver, deadline): (Receiver<Result<RecordBatch>>, Instant),
) -> Option<(Result<RecordBatch>, (Receiver<Result<RecordBatch>>, Instant))> {
    let batch = receiver.recv().await?;
    // Operators that never wait would otherwise never be interrupted.
    let batch = if Instant::now() > deadline { Err(past_deadline()) } else { batch };
    Some((batch, (receiver, deadline)))
}

#[derive(Debug)]
struct PastDeadline;

impl fmt::Display for PastDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time for the answer is over")
    }
}

impl std::error::Error for PastDeadline {}

fn past_deadline() -> DataFusionError {
    DataFusionError::External(Box::new(PastDeadline))
}

/// Whether `error` says that the time is over.
pub(super) fn is_past_deadline(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::External(error) => (error.as_ref() as &(dyn std::error::Error + 'static)).is::<PastDeadline>(),
        _ => false,
    }
}

/// Reads a table to its end, or until nobody wants more.
fn read(
    table: &dyn Table,
    projection: Option<&[usize]>,
    limit: Option<usize>,
    schema: &SchemaRef,
    sender: &Sender<Result<RecordBatch>>,
) {
    let outside = |error: millrace_flow::StageError| DataFusionError::External(Box::new(error));
    let batches = match table.scan(projection, limit) {
        Ok(batches) => batches,
        Err(error) => {
            // The receiver is gone only when the question is over.
            let _ = sender.blocking_send(Err(outside(error)));
            return;
        }
    };
    for batch in batches {
        let batch = batch.map_err(outside).and_then(|batch| named(&batch, schema));
        let failed = batch.is_err();
        if sender.blocking_send(batch).is_err() || failed {
            return;
        }
    }
}

/// The same columns with the names that the planner knows.
fn named(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)?)
}

/// Keeps the compiler honest about what crosses threads.
const _: fn() = || {
    fn is_send<T: Send + Any>() {}
    is_send::<Scan>();
};
