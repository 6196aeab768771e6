//! What the scripts of a project come to.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millrace_flow::{Diagnostic, Span, TopicKind};

use super::text::{Problem, Text};
use crate::plan::{Query, Watermark};

/// A file of SQL.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name, relative to the project.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// Everything that the scripts of a project declare.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// In the order of the scripts.
    pub sources: Vec<SourceDef>,
    /// Plain and materialized views, each after those it reads.
    pub views: Vec<ViewDef>,
    /// What runs, each after those it reads: one query a materialized view, a plain view that a sink reads, or a sink with a
    /// SELECT of its own.
    pub queries: Vec<Arc<Query>>,
    /// In the order of the scripts.
    pub sinks: Vec<SinkDef>,
}

/// `CREATE SOURCE`.
#[derive(Debug, Clone)]
pub struct SourceDef {
    /// Its name, which is that of its topic.
    pub name: Arc<str>,
    /// Its columns, all nullable.
    pub schema: SchemaRef,
    /// Its watermark.
    pub watermark: Option<Watermark>,
    /// What stands in `WITH (…)`; the connector's own business.
    pub options: Vec<OptionDef>,
    /// The statement.
    pub statement: StatementText,
}

/// `CREATE VIEW` and `CREATE MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct ViewDef {
    /// Its name; a materialized view's is that of its topic.
    pub name: Arc<str>,
    /// Whether it is kept up to date as a topic and a table, or only read through.
    pub materialized: bool,
    /// Its columns.
    pub schema: SchemaRef,
    /// Columns that tell its rows apart, for a view with groups.
    pub key: Vec<String>,
    /// What its topic holds; `None` for a plain view, which has none.
    pub kind: Option<TopicKind>,
    /// Column that charts put on the time axis.
    pub time_column: Option<String>,
    /// Length of its windows.
    pub window_ms: Option<i64>,
    /// The SELECT as it was written.
    pub select: String,
    /// The statement.
    pub statement: StatementText,
    /// Where it is named.
    pub name_span: Span,
    /// Where each column is named; the SELECT for one that comes with `*`.
    pub column_spans: Vec<Span>,
}

/// `CREATE SINK`.
#[derive(Debug, Clone)]
pub struct SinkDef {
    /// Its name.
    pub name: Arc<str>,
    /// The topic that it reads: a source, a view, or its own name for a sink with a SELECT.
    pub from: Arc<str>,
    /// What stands in `WITH (…)`; the connector's own business.
    pub options: Vec<OptionDef>,
    /// The statement.
    pub statement: StatementText,
}

/// `key = value` of a `WITH (…)`.
#[derive(Debug, Clone)]
pub struct OptionDef {
    /// The key, in lower case.
    pub key: String,
    /// The value as text: strings without their quotes, numbers and booleans as written.
    pub value: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Where the value stands.
    pub value_span: Span,
}

/// A statement and where it was written.
#[derive(Debug, Clone)]
pub struct StatementText {
    /// The file.
    pub file: Arc<str>,
    /// The line at which it begins, from 1.
    pub line: usize,
    /// The statement, without the semicolon.
    pub sql: String,
    pub(crate) text: Text,
}

impl StatementText {
    /// Something wrong with it, shown in the file's own line. `span` counts in the file, as the spans of [`OptionDef`] do.
    pub fn diagnostic(&self, span: Span, message: impl Into<String>, cure: Option<String>) -> Diagnostic {
        self.text.diagnostic(Problem::new(span, message).maybe_cure(cure))
    }
}
