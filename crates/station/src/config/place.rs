//! Where a setting was written, so that what is wrong with it can be shown there.

use std::collections::BTreeMap;
use std::ops::Range;

use millrace_flow::{Diagnostic, Span};
use toml::Spanned;
use toml::de::DeValue;

use super::FILE;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The file, and which bytes of it.
    File(Range<usize>),
    /// An environment variable.
    Variable { name: String, value: String },
    /// A flag of the command line.
    Flag { name: &'static str, value: String },
}

/// Where every setting was written, by its path: `http.listen`, `dashboard.tiles.2.column`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    text: String,
    by_path: BTreeMap<String, Place>,
}

impl Places {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), by_path: BTreeMap::new() }
    }

    /// Remembers where `path` and everything within its value was written.
    pub(super) fn insert(&mut self, path: &str, value: &Spanned<DeValue<'_>>, place: Place) {
        let below = format!("{path}.");
        self.by_path.retain(|known, _| known != path && !known.starts_with(&below));
        if matches!(place, Place::File(_)) {
            self.insert_below(path, value);
        }
        self.by_path.insert(path.to_owned(), place);
    }

    fn insert_below(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        self.by_path.insert(path.to_owned(), Place::File(value.span()));
        match value.get_ref() {
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.insert_below(&format!("{path}.{index}"), item);
                }
            }
            DeValue::Table(table) => {
                for (key, value) in table.iter() {
                    self.insert_below(&format!("{path}.{}", key.get_ref()), value);
                }
            }
            _ => {}
        }
    }

    /// Whether somebody wrote the setting at `path`.
    pub(super) fn is_set(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// What is wrong with the setting at `path`, shown where it, or the nearest thing around it, was written.
    pub fn diagnostic(&self, path: &str, message: impl Into<String>, cure: Option<String>) -> Diagnostic {
        let mut around = path;
        loop {
            if let Some(place) = self.by_path.get(around) {
                return self.at(place, message, cure);
            }
            let Some((parent, _)) = around.rsplit_once('.') else { break };
            around = parent;
        }
        self.at(&Place::File(0..0), message, cure)
    }

    pub(super) fn at(&self, place: &Place, message: impl Into<String>, cure: Option<String>) -> Diagnostic {
        let message = message.into();
        let whole = |text: &str| Span { line: 1, column: 1, length: text.chars().count().max(1) };
        match place {
            Place::File(range) => {
                let (span, excerpt) = locate(&self.text, range);
                Diagnostic { file: FILE.into(), span, message, cure, excerpt }
            }
            Place::Variable { name, value } => {
                let excerpt = format!("{name}={value}");
                Diagnostic { file: "environment".into(), span: whole(&excerpt), message, cure, excerpt }
            }
            Place::Flag { name, value } => {
                let excerpt = format!("{name} {value}");
                Diagnostic { file: "command line".into(), span: whole(&excerpt), message, cure, excerpt }
            }
        }
    }
}

/// The place of some bytes of a text, in characters, and the line they begin in. The place ends with that line.
fn locate(text: &str, range: &Range<usize>) -> (Span, String) {
    let start = floor(text, range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = floor(text, range.end).clamp(start, line_end);
    let span = Span {
        line: text[..start].matches('\n').count() + 1,
        column: text[line_start..start].chars().count() + 1,
        length: text[start..end].chars().count().max(1),
    };
    (span, text[line_start..line_end].trim_end_matches('\r').to_owned())
}

/// The last border between characters that is not beyond `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
