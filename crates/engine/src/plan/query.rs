//! A query as the runtime sees it: inputs, row steps, an optional aggregate, steps after it.
//!
//! ```text
//!   input topic ─ steps ─┐
//!                        ├─▶ [dedup] ─▶ [aggregate] ─▶ steps ─▶ output topic
//!   input topic ─ steps ─┘
//! ```
//!
//! All expressions are DataFusion's physical ones, bound to the schema of the step before. The shape is deliberately flat: what
//! needs a second aggregate or a join is a query of its own that reads this one's topic.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use millrace_flow::TopicKind;

/// A continuous query: what one `CREATE MATERIALIZED VIEW` (or a view that a sink reads) comes to.
#[derive(Debug)]
pub struct Query {
    /// Name of the view, which is also that of its output topic.
    pub name: Arc<str>,
    /// The statement as it was written.
    pub sql: Arc<str>,
    /// The topics it reads. More than one for `UNION ALL`; all reach the same schema after their steps.
    pub inputs: Vec<Input>,
    /// Duplicate removal before the aggregate (`SELECT DISTINCT`, `DISTINCT ON`).
    pub dedup: Option<Dedup>,
    /// The aggregate, if there is one.
    pub aggregate: Option<Aggregate>,
    /// Steps after the aggregate: HAVING, the SELECT list.
    pub steps: Vec<RowStep>,
    /// When rows leave.
    pub emit: Emit,
    /// How long after the watermark passes a window's end its rows are still taken in, in microseconds.
    pub allowed_lateness_us: i64,
    /// What it writes.
    pub output: Output,
    /// Identity of the state: hash of keys, window and aggregates. State written under another one cannot be used.
    pub fingerprint: u64,
    /// How many of its fingerprinted parts there are in words, for people: `hash(order_lines, window 5 min, country, …)`.
    pub fingerprint_text: String,
}

/// One topic that a query reads.
#[derive(Debug)]
pub struct Input {
    /// The topic.
    pub topic: Arc<str>,
    /// Its columns.
    pub schema: SchemaRef,
    /// Whether records replace earlier ones by key ([`TopicKind::Upserts`]) or are rows of their own.
    pub kind: TopicKind,
    /// Index of the event-time column in `schema`, and how far the watermark stays behind the greatest time seen, in
    /// microseconds. `None` for a topic without a watermark.
    pub watermark: Option<Watermark>,
    /// What happens to its rows first.
    pub steps: Vec<RowStep>,
}

/// `WATERMARK FOR column AS column - INTERVAL delay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// Index of the column in the topic's schema; a `Timestamp(Microsecond, None)`.
    pub column: usize,
    /// The interval, in microseconds.
    pub delay_us: i64,
}

/// Something done to one batch without remembering anything.
#[derive(Debug, Clone)]
pub enum RowStep {
    /// Keeps the rows for which the predicate is true.
    Filter(Arc<dyn PhysicalExpr>),
    /// Computes new columns.
    Project {
        /// One expression a column.
        columns: Vec<Arc<dyn PhysicalExpr>>,
        /// Their names and types.
        schema: SchemaRef,
    },
}

/// Removes rows that repeat an earlier one.
#[derive(Debug, Clone)]
pub struct Dedup {
    /// Columns that tell rows apart, as indexes into the schema after the inputs' steps.
    pub columns: Vec<usize>,
    /// The event-time column in that schema: remembered keys go once the watermark has passed it. Without one they stay.
    pub time: Option<usize>,
}

/// GROUP BY with or without a window.
#[derive(Debug)]
pub struct Aggregate {
    /// Columns the expressions below are bound to.
    pub input: SchemaRef,
    /// Group expressions, in the order of the output columns; at most one window. Empty: one group for everything.
    pub groups: Vec<Group>,
    /// Aggregate calls, after the groups in the output.
    pub calls: Vec<AggregateCall>,
    /// The output: one column a group (a window is `Struct<start, end>` of `Timestamp(Microsecond, None)`), then one a call.
    pub schema: SchemaRef,
}

/// One expression of GROUP BY.
#[derive(Debug, Clone)]
pub enum Group {
    /// A plain expression.
    Key(Arc<dyn PhysicalExpr>),
    /// `window(time, size, slide, start)`.
    Window(Window),
}

/// A tumbling (`slide = size`) or hopping window over the event time.
#[derive(Debug, Clone)]
pub struct Window {
    /// The event time: `Timestamp(Microsecond, None)`.
    pub time: Arc<dyn PhysicalExpr>,
    /// Length in microseconds.
    pub size_us: i64,
    /// Distance between starts in microseconds.
    pub slide_us: i64,
    /// Offset of the starts from 1970-01-01T00:00:00, in microseconds.
    pub start_us: i64,
}

/// One aggregate call, with its FILTER clause.
#[derive(Debug, Clone)]
pub struct AggregateCall {
    /// DataFusion's description: function, arguments (bound to [`Aggregate::input`]), DISTINCT, result field.
    pub function: Arc<AggregateFunctionExpr>,
    /// Rows for which this is not true are left out.
    pub filter: Option<Arc<dyn PhysicalExpr>>,
}

/// When the rows of a view leave the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// As they change, at every epoch.
    Changes,
    /// Once, when the watermark passes the end of their window.
    OnWindowClose,
}

/// What a query writes.
#[derive(Debug, Clone)]
pub struct Output {
    /// Columns of the topic.
    pub schema: SchemaRef,
    /// [`TopicKind::Rows`] or [`TopicKind::Upserts`].
    pub kind: TopicKind,
    /// Number of partitions.
    pub partitions: u32,
    /// For an aggregate: for each group of [`Aggregate::groups`] the output columns that carry it, as `(name, index)`; a
    /// group that the SELECT list leaves out has none.
    pub key_columns: Vec<usize>,
    /// Output column with the event time (`window.start`, or the watermark's column passed through), if any.
    pub event_time: Option<usize>,
}

impl Query {
    /// Columns of the rows after the inputs' steps, which all inputs share.
    pub fn stepped_schema(&self) -> SchemaRef {
        self.inputs.first().map_or_else(|| self.output.schema.clone(), Input::stepped_schema)
    }

    /// Columns that late rows are kept with: those of the input topic, or of the rows after the steps where topics differ.
    pub fn late_source_schema(&self) -> SchemaRef {
        let mut schemas = self.inputs.iter().map(|input| &input.schema);
        match schemas.next() {
            Some(first) if schemas.all(|other| other == first) => first.clone(),
            _ => self.stepped_schema(),
        }
    }
}

impl Input {
    /// Columns of the rows after the steps.
    pub fn stepped_schema(&self) -> SchemaRef {
        let last = self.steps.iter().rev().find_map(|step| match step {
            RowStep::Project { schema, .. } => Some(schema.clone()),
            RowStep::Filter(_) => None,
        });
        last.unwrap_or_else(|| self.schema.clone())
    }
}
