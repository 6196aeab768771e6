//! An error in something a person wrote, with its place and its cure.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A place in a text: 1-based line and column, counted in characters, and how many characters it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Characters covered, at least 1.
    pub length: usize,
}

/// What is wrong, where, and what to do about it.
///
/// Shown as
///
/// ```text
/// error: column `amout` does not exist in `sales`
///   --> views.sql:4:12
///    |
///  4 | SELECT sum(amout) FROM sales
///    |            ^^^^^
///    = help: did you mean `amount`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, relative to the project.
    pub file: Arc<str>,
    /// Where in the file.
    pub span: Span,
    /// What is wrong; lowercase, no full stop.
    pub message: String,
    /// What to do.
    pub cure: Option<String>,
    /// The line of text at `span.line`, to be shown with a caret.
    pub excerpt: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { line, column, length } = self.span;
        let gutter = line.to_string().len();
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{:gutter$}--> {}:{line}:{column}", " ", self.file)?;
        writeln!(f, "{:gutter$} |", " ")?;
        writeln!(f, "{line} | {}", self.excerpt)?;
        write!(f, "{:gutter$} | {:indent$}{}", " ", "", "^".repeat(length.max(1)), indent = column.saturating_sub(1))?;
        if let Some(cure) = &self.cure {
            write!(f, "\n{:gutter$} = help: {cure}", " ")?;
        }
        Ok(())
    }
}
