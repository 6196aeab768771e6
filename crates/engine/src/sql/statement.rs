//! Statements as they were written, checked for form only.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast;
use millrace_flow::Span;

use super::program::OptionDef;
use super::token::Tokens;
use crate::plan::Emit;

/// A name and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) span: Span,
}

impl Name {
    /// The name as names are compared: upper and lower case are the same.
    pub(crate) fn folded(&self) -> String {
        self.text.to_lowercase()
    }
}

#[derive(Debug)]
pub(crate) enum Statement {
    Source(SourceStatement),
    View(ViewStatement),
    Sink(SinkStatement),
}

impl Statement {
    pub(crate) fn name(&self) -> &Name {
        match self {
            Self::Source(source) => &source.name,
            Self::View(view) => &view.name,
            Self::Sink(sink) => &sink.name,
        }
    }

    /// The SELECT in it, if it has one.
    pub(crate) fn select(&self) -> Option<&SelectText> {
        match self {
            Self::View(view) => Some(&view.select),
            Self::Sink(SinkStatement { from: SinkFrom::Select(select), .. }) => Some(select),
            Self::Source(_) | Self::Sink(_) => None,
        }
    }
}

/// `CREATE SOURCE name (columns, WATERMARK …) WITH (options)`.
#[derive(Debug)]
pub(crate) struct SourceStatement {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Column>,
    /// Whether the name and the type of every column could be read.
    pub(crate) is_whole: bool,
    pub(crate) watermark: Option<WatermarkClause>,
    pub(crate) options: Vec<OptionDef>,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: Name,
    pub(crate) data_type: DataType,
}

/// `WATERMARK FOR column AS column - INTERVAL '…'`.
#[derive(Debug)]
pub(crate) struct WatermarkClause {
    pub(crate) column: Name,
    pub(crate) delay_us: i64,
}

/// `CREATE [MATERIALIZED] VIEW name AS select …`.
#[derive(Debug)]
pub(crate) struct ViewStatement {
    pub(crate) name: Name,
    pub(crate) materialized: bool,
    pub(crate) select: SelectText,
    pub(crate) emit: Option<(Emit, Span)>,
    pub(crate) lateness: Option<(i64, Span)>,
}

/// `CREATE SINK name FROM thing WITH (…)` or `CREATE SINK name AS select WITH (…)`.
#[derive(Debug)]
pub(crate) struct SinkStatement {
    pub(crate) name: Name,
    pub(crate) from: SinkFrom,
    pub(crate) options: Vec<OptionDef>,
}

#[derive(Debug)]
pub(crate) enum SinkFrom {
    Thing(Name),
    Select(SelectText),
}

/// A SELECT: its text, and what the parser made of it.
#[derive(Debug)]
pub(crate) struct SelectText {
    pub(crate) sql: String,
    pub(crate) tokens: Tokens,
    pub(crate) query: Box<ast::Query>,
}
