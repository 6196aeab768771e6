//! The text of a script: places in it, and the diagnostics that show them.

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::{Location, Span as TokenSpan};
use millrace_flow::{Diagnostic, Span};

/// A file of SQL.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    file: Arc<str>,
    text: Arc<str>,
}

/// Something wrong at a place of a text.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) cure: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), cure: None }
    }

    /// The same problem with what to do about it.
    pub(crate) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// The same problem with what to do about it, if that is known.
    pub(crate) fn maybe_cure(mut self, cure: Option<String>) -> Self {
        self.cure = cure;
        self
    }
}

impl Text {
    pub(crate) fn new(file: Arc<str>, text: Arc<str>) -> Self {
        Self { file, text }
    }

    pub(crate) fn file(&self) -> &Arc<str> {
        &self.file
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Shows `problem` in its line; a span that goes on over several lines ends with the first.
    pub(crate) fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let Problem { mut span, message, cure } = problem;
        span.line = span.line.clamp(1, self.text.lines().count().max(1));
        let excerpt: String = self.text.lines().nth(span.line - 1).unwrap_or_default().replace('\t', " ");
        let width = excerpt.chars().count();
        span.column = span.column.clamp(1, width + 1);
        span.length = span.length.min((width + 1).saturating_sub(span.column)).max(1);
        Diagnostic { file: self.file.clone(), span, message, cure, excerpt }
    }

    /// The text from `start` up to `end`.
    pub(crate) fn between(&self, start: Location, end: Location) -> &str {
        let (start, end) = (self.byte_of(start), self.byte_of(end));
        &self.text[start..end.max(start)]
    }

    fn byte_of(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
        let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
        let start: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte)
    }
}

/// A place of the tokenizer as one of ours. Its ends are exclusive.
pub(crate) fn span_of(span: TokenSpan) -> Span {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let length = match span.end.line > span.start.line {
        true => usize::MAX,
        false => number(span.end.column.saturating_sub(span.start.column)).max(1),
    };
    Span { line: number(span.start.line).max(1), column: number(span.start.column).max(1), length }
}
