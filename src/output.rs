//! Prints data: as a table for people, as JSON or CSV for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::Value;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Columns side by side.
    Table,
    /// JSON.
    Json,
}

/// How the answer to a question is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerOutput {
    /// Columns side by side.
    Table,
    /// An array of objects.
    Json,
    /// A line a row, the names of the columns first.
    Csv,
}

/// Prints a text and a line's end. A reader that has gone away has seen enough.
pub(crate) fn line(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints JSON, made to be read.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(line(&serde_json::to_string_pretty(value)?)?)
}

/// A value as text; NULL as nothing.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Rows of text as a table. Columns of numbers stand at the right.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let length = |text: &str| text.chars().count();
    let column = |at: usize| rows.iter().filter_map(move |row| row.get(at).map(String::as_str));
    let widths: Vec<usize> =
        (0..heads.len()).map(|at| column(at).chain([heads[at]]).map(length).max().unwrap_or(0)).collect();
    let is_number = |text: &str| text.is_empty() || text.trim_end_matches('%').replace(',', "").parse::<f64>().is_ok();
    let right: Vec<bool> =
        (0..heads.len()).map(|at| column(at).all(is_number) && column(at).any(|t| !t.is_empty())).collect();
    let shown = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(at, cell)| {
            let gap = " ".repeat(widths[at].saturating_sub(length(cell)));
            if right[at] { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ");
    let mut lines = vec![shown(heads.to_vec()), rule];
    lines.extend(rows.iter().map(|row| shown(one_line(row).iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// Cells without the line breaks that would break the table.
fn one_line(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| cell.replace(['\n', '\r', '\t'], " ")).collect()
}

/// Prints rows of text as they are wanted; as JSON the `value` that they were made of.
pub(crate) fn rows(
    output: AnswerOutput,
    heads: &[&str],
    rows: &[Vec<String>],
    value: &impl serde::Serialize,
) -> anyhow::Result<()> {
    match output {
        AnswerOutput::Table => Ok(line(&table(heads, rows))?),
        AnswerOutput::Json => json(value),
        AnswerOutput::Csv => {
            let cells = |row: &[String]| row.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",");
            let lines = rows.iter().map(|row| cells(row));
            Ok(line(&std::iter::once(heads.join(",")).chain(lines).collect::<Vec<_>>().join("\n"))?)
        }
    }
}

/// A cell of CSV, quoted where it must be.
pub(crate) fn csv_cell(text: &str) -> String {
    let must_quote = text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if must_quote { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// `541909` as `541,909`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes as people say it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_right() {
        let row = |name: &str, rows: &str| vec![name.to_owned(), rows.to_owned()];
        let text = table(&["name", "rows"], &[row("a", "1,234"), row("längst", "5")]);
        assert_eq!(text, "name     rows\n──────  ─────\na       1,234\nlängst      5");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(csv_cell("plain"), "plain");
        assert_eq!(csv_cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(thousands(541_909), "541,909");
        assert_eq!(thousands(12), "12");
        assert_eq!(size(3_812_345), "3.8 MB");
    }
}
