//! What stands before the first row: a mark, a header, or the sign that this is no text at all.

use arrow::array::Array;
use arrow::datatypes::DataType;

use super::super::column::{Text, decode_lossy};
use super::super::records::{Cell, read_record, unquote};
use super::super::scan::Scanner;
use super::{CsvDecoder, RECORD_BYTES_MAX, Start, Step};
use crate::error::SchemaError;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// What is taken for text by its name most often, and how it begins: no text begins so.
const NO_TEXT: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
];

/// What has a zero byte in its first line: no text does, but UTF-16 whose mark is missing.
const BINARY: SchemaError =
    SchemaError::NoText { what: "binary data, or UTF-16 without its mark: its first line has zero bytes" };

impl CsvDecoder {
    pub(super) fn pass_mark(&mut self) -> Result<Step, SchemaError> {
        let front = &self.buffer[self.at..self.filled];
        let mut marks = UTF_16.iter().chain([&BYTE_ORDER_MARK]).chain(NO_TEXT.iter().map(|(begin, _)| begin));
        if !self.is_last && marks.any(|mark| mark.len() > front.len() && mark.starts_with(front)) {
            return Ok(Step::Hungry);
        }
        if UTF_16.iter().any(|mark| front.starts_with(mark)) {
            return Err(SchemaError::Utf16);
        }
        if let Some((_, what)) = NO_TEXT.iter().find(|(begin, _)| front.starts_with(begin)) {
            return Err(SchemaError::NoText { what });
        }
        if front.starts_with(BYTE_ORDER_MARK) {
            self.advance(BYTE_ORDER_MARK.len(), 0);
        }
        self.start = if self.options.header { Start::Header } else { Start::Passed };
        let first = self.buffer[self.at..self.filled].split(|byte| *byte == b'\n').next().unwrap_or_default();
        if !self.options.header && first.contains(&0) {
            return Err(BINARY);
        }
        Ok(Step::Taken)
    }

    pub(super) fn pass_header(&mut self) -> Result<Step, SchemaError> {
        let text = &self.buffer[..self.filled];
        let mut scanner = Scanner::new(text, self.at, self.options.delimiter, self.options.quote);
        let mut cells = Vec::new();
        // A text that never ends a line cannot make this grow: see the check of its length below.
        let found = read_record(&mut scanner, self.at, self.options.quote, self.is_last, |_, cell| cells.push(cell));
        if self.at == self.filled {
            return Ok(Step::Hungry);
        }
        let declared = || self.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let line_end = found.map_or(text.len(), |found| found.text_end);
        if text[self.at..line_end].contains(&0) {
            return Err(BINARY);
        }
        let found = match found {
            // All of the text is its first line, and nothing would be left of it.
            Ok(found) if has_bare_cr(&text[self.at..found.text_end]) && text[found.end - 1] != b'\n' => {
                return Err(SchemaError::LineEnds);
            }
            Ok(found) => found,
            Err(_) if !self.is_last && self.filled - self.at <= RECORD_BYTES_MAX => return Ok(Step::Hungry),
            Err(_) if has_bare_cr(&text[self.at..]) => return Err(SchemaError::LineEnds),
            Err(_) => {
                let found = vec![format!("a first line that does not end within {RECORD_BYTES_MAX} bytes")];
                return Err(SchemaError::Header { found, declared: declared() });
            }
        };
        let is_blank = found.text_end == self.at;
        if !is_blank && found.fields != self.columns.len() {
            if has_bare_cr(&text[self.at..found.text_end]) {
                return Err(SchemaError::LineEnds);
            }
            let found = cells.iter().map(|cell| self.text_of(cell)).collect();
            return Err(SchemaError::Header { found, declared: declared() });
        }
        if !is_blank {
            self.header_is_row = self.is_row(&cells);
            self.start = Start::Passed;
        }
        self.advance(found.end - self.at, found.inner_lines + 1);
        Ok(Step::Taken)
    }

    /// Whether these cells fit the columns as a row does: one of them has a value that is not just text, or, where all columns
    /// are text, none is the name of its column.
    fn is_row(&self, cells: &[Cell]) -> bool {
        let text = Text {
            bytes: &self.buffer[..self.filled],
            quote: self.options.quote,
            encoding: self.options.encoding,
            is_clean: false,
            null_values: &self.options.null_values,
        };
        let (mut bad, mut tells) = (Vec::new(), false);
        for (column, cell) in self.columns.iter().zip(cells) {
            let read = column.read(std::slice::from_ref(cell), &text, &mut bad);
            tells |= *read.data_type() != DataType::Utf8 && read.null_count() == 0;
        }
        let is_all_text = self.schema.fields().iter().all(|field| *field.data_type() == DataType::Utf8);
        bad.is_empty() && (tells || is_all_text && !self.has_a_name(cells))
    }

    /// Whether one of these cells is the name of its column, as people write it.
    fn has_a_name(&self, cells: &[Cell]) -> bool {
        let mut names = self.schema.fields().iter().zip(cells);
        names.any(|(field, cell)| letters_of(&self.text_of(cell)) == letters_of(field.name()))
    }

    /// What a cell of the first line says.
    fn text_of(&self, cell: &Cell) -> String {
        let raw = &self.buffer[cell.range()];
        let mut clear = raw.to_vec();
        if let (true, Some(quote)) = (cell.is_quoted(), self.options.quote) {
            unquote(raw, quote, &mut clear);
        }
        decode_lossy(&clear, self.options.encoding).into_owned()
    }
}

/// A name as it is compared: `Order No.` and `order_no` are the same.
fn letters_of(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether lines end with CR alone; a CR before an LF, or at the end, may be part of another line end.
pub(super) fn has_bare_cr(text: &[u8]) -> bool {
    text.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n')
}
