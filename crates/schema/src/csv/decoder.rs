//! The decoder: bytes in, batches out.
//!
//! ```text
//! buffer  [ passed | rows that were found | not looked at | room ]
//!                  ^ floor                ^ at            ^ filled
//! ```
//!
//! Rows are found first, a batch of them, and their cells read after that, column by column. The buffer is moved up when a
//! batch has left it: then no row is pending, and it never holds more than a batch and what was read ahead.

mod front;

use std::io::{self, Read};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute;
use arrow::datatypes::SchemaRef;

use self::front::has_bare_cr;
use super::column::{Bad, Column, Text};
use super::options::{CsvOptions, Encoding};
use super::records::{Cell, Found, Unfinished, read_record};
use super::rejects::{Overlong, Rejects};
use super::scan::Scanner;
use super::{BATCH_BYTES, Decoded, Position, RECORD_BYTES_MAX, Rest};
use crate::error::SchemaError;

/// Bytes asked of a reader in one go.
const CHUNK_BYTES: usize = 256 * 1024;

/// How many lines beyond a record with a quote gone astray may belong to the row that it was torn from.
const LINES_AHEAD: usize = 3;

/// Reads CSV text into batches of a schema; see the module for what counts as CSV.
#[derive(Debug)]
pub struct CsvDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    options: CsvOptions,
    start: Start,
    /// Whether what was taken for the header would do as a row.
    header_is_row: bool,

    buffer: Vec<u8>,
    /// Where the pending rows begin.
    floor: usize,
    /// Where the next record begins.
    at: usize,
    /// How far the buffer is filled.
    filled: usize,
    is_last: bool,

    /// Of `at`.
    position: Position,
    /// An overlong line that is being passed over.
    overlong: Option<Overlong>,

    /// Cells of the pending rows: `batch_rows` for each column.
    cells: Vec<Cell>,
    lines: Vec<u64>,
    /// Where the text of each pending row is.
    spans: Vec<(usize, usize)>,
    rejects: Rejects,
}

/// What has to be passed before the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Mark,
    Header,
    Passed,
}

/// What the second line of a record turns out to begin.
#[derive(Debug, Clone, Copy)]
enum Second {
    /// A row.
    Row,
    /// That cannot be told before there is more.
    Cut,
    /// Anything else.
    Other,
}

/// What came of looking for a record.
enum Step {
    /// One more record was dealt with.
    Taken,
    /// There is no whole record.
    Hungry,
}

impl CsvDecoder {
    /// A decoder at the beginning of a text.
    ///
    /// # Errors
    /// When a column has a type that no topic can hold, or a format is no strftime format.
    ///
    /// # Panics
    /// When the delimiter or the quote is not ASCII, NUL or a line end.
    pub fn new(schema: SchemaRef, options: CsvOptions) -> Result<Self, SchemaError> {
        let is_plain = |byte: u8| byte.is_ascii() && byte != 0 && byte != b'\n' && byte != b'\r';
        assert!(
            is_plain(options.delimiter) && options.quote.is_none_or(is_plain),
            "the owner of the options checks them"
        );
        let columns =
            schema.fields().iter().map(|field| Column::new(field, &options)).collect::<Result<Vec<_>, _>>()?;
        let batch_rows = options.batch_rows.max(1);
        Ok(Self {
            start: Start::Mark,
            header_is_row: false,
            buffer: Vec::new(),
            floor: 0,
            at: 0,
            filled: 0,
            is_last: false,
            position: Position::START,
            overlong: None,
            cells: vec![Cell::default(); columns.len() * batch_rows],
            lines: Vec::with_capacity(batch_rows),
            spans: Vec::with_capacity(batch_rows),
            rejects: Rejects::new(options.encoding),
            options: CsvOptions { batch_rows, ..options },
            schema,
            columns,
        })
    }

    /// A decoder that goes on at a [`Decoded::position`]; it expects the bytes from there on.
    ///
    /// # Errors
    /// As [`CsvDecoder::new`].
    pub fn resume(schema: SchemaRef, options: CsvOptions, position: Position) -> Result<Self, SchemaError> {
        let mut decoder = Self::new(schema, options)?;
        if position.byte > 0 {
            decoder.start = Start::Passed;
        }
        decoder.position = position;
        Ok(decoder)
    }

    /// The place after the last record that was dealt with; the start as long as a header is awaited.
    pub fn position(&self) -> Position {
        if matches!(self.start, Start::Passed) { self.position } else { Position::START }
    }

    /// Whether the first line, which was taken for a header, would do as a row: every field fits its column, and in at least
    /// one of them that is not true of any text; where it is true of all, that no field is the name of its column.
    pub fn header_is_row(&self) -> bool {
        self.header_is_row
    }

    /// What waits for more once [`CsvDecoder::decode`] has nothing to give; a header that has no line end is not asked about.
    pub fn rest(&self) -> Option<Rest> {
        let awaits_header = self.start == Start::Header || self.start == Start::Mark && self.options.header;
        let rest = &self.buffer[self.at..self.filled];
        if awaits_header || self.is_last || rest.is_empty() && self.overlong.is_none() {
            return None;
        }
        if self.overlong.is_some() {
            return Some(Rest::Line);
        }
        let mut scanner = Scanner::new(rest, 0, self.options.delimiter, self.options.quote);
        let as_last = read_record(&mut scanner, 0, self.options.quote, true, |_, _| {});
        let is_row = |found: &Found| !found.is_odd && found.fields == self.columns.len();
        // Of several lines, and not plainly a row, it may be torn at another place once there is more.
        let is_whole = |found: Found| found.end == rest.len() && (is_row(&found) || found.inner_lines == 0);
        let is_whole = as_last.is_ok_and(is_whole);
        Some(if is_whole { Rest::Line } else { Rest::Quote })
    }

    /// Bytes of text held at the moment.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Takes in up to a chunk of what `reader` has; answers how much, 0 at its end.
    ///
    /// # Errors
    /// What the reader says.
    pub fn fill(&mut self, reader: &mut dyn Read) -> io::Result<usize> {
        self.make_room(CHUNK_BYTES);
        let room = self.filled..self.filled + CHUNK_BYTES;
        let read = loop {
            match reader.read(&mut self.buffer[room.clone()]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.filled += read;
        Ok(read)
    }

    /// Takes in these bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.buffer[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Says that the text ends here: its last line counts even without a line end.
    pub fn finish(&mut self) {
        self.is_last = true;
    }

    /// Whether [`CsvDecoder::finish`] was said.
    pub fn is_finished(&self) -> bool {
        self.is_last
    }

    /// The next full batch; after [`CsvDecoder::finish`] also the last one. `None` asks for more bytes, or says that there
    /// is nothing more.
    ///
    /// # Errors
    /// When the header has another number of columns, or the text is UTF-16.
    pub fn decode(&mut self) -> Result<Option<Decoded>, SchemaError> {
        self.find_records()?;
        if self.is_full() || self.is_last { self.flush() } else { Ok(None) }
    }

    /// The rows and rejects found so far, even if they are few; `None` if there are none.
    ///
    /// # Errors
    /// As [`CsvDecoder::decode`].
    pub fn flush(&mut self) -> Result<Option<Decoded>, SchemaError> {
        if self.lines.is_empty() && self.rejects.is_empty() {
            return Ok(None);
        }
        let (rows, lines) = self.read_columns()?;
        self.lines.clear();
        self.spans.clear();
        self.move_up();
        Ok(Some(Decoded { rows, lines, rejects: self.rejects.take(), position: self.position }))
    }

    /// Whether the rows found so far are a batch.
    fn is_full(&self) -> bool {
        self.lines.len() >= self.options.batch_rows || self.at - self.floor + self.rejects.bytes() >= BATCH_BYTES
    }

    /// Brings what was not looked at to the front of the buffer. With no row pending, nothing points into it.
    fn move_up(&mut self) {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        (self.at, self.floor) = (0, 0);
    }

    fn make_room(&mut self, bytes: usize) {
        if self.lines.is_empty() {
            self.move_up();
        }
        if self.buffer.len() < self.filled + bytes {
            self.buffer.resize(self.filled + bytes, 0);
        }
    }

    /// Finds records until a batch is full or the bytes are used up.
    fn find_records(&mut self) -> Result<(), SchemaError> {
        while !self.is_full() {
            let step = match (self.start, &self.overlong) {
                (Start::Passed, None) => self.find_rows(),
                (Start::Passed, Some(_)) => self.pass_overlong(),
                (Start::Mark, _) => self.pass_mark()?,
                (Start::Header, _) => self.pass_header()?,
            };
            if matches!(step, Step::Hungry) {
                break;
            }
        }
        Ok(())
    }

    /// Goes on by `bytes` and `lines`, with no row pending before.
    fn advance(&mut self, bytes: usize, lines: u64) {
        self.at += bytes;
        self.floor = self.at;
        self.position.byte += bytes as u64;
        self.position.line += lines;
    }

    /// Finds rows with one scanner for as long as nothing is out of the ordinary.
    fn find_rows(&mut self) -> Step {
        let text = &self.buffer[..self.filled];
        let (stride, width) = (self.options.batch_rows, self.columns.len());
        let mut scanner = Scanner::new(text, self.at, self.options.delimiter, self.options.quote);
        while self.lines.len() < stride && self.at - self.floor < BATCH_BYTES {
            if self.at == self.filled {
                return Step::Hungry;
            }
            let row = self.lines.len();
            let cells = &mut self.cells;
            let found = read_record(&mut scanner, self.at, self.options.quote, self.is_last, |column, cell| {
                if column < width {
                    cells[column * stride + row] = cell;
                }
            });
            match found {
                Ok(found)
                    if found.fields == width && !is_suspect(&found) && found.end - self.at <= RECORD_BYTES_MAX =>
                {
                    let is_blank = width == 1 && found.text_end == self.at;
                    if !is_blank {
                        self.lines.push(self.position.line);
                        self.spans.push((self.at, found.text_end));
                    }
                    self.position.byte += (found.end - self.at) as u64;
                    self.position.line += found.inner_lines + 1;
                    self.at = found.end;
                }
                found => return self.take_unusual(found),
            }
        }
        Step::Taken
    }

    /// Deals with a record that is not plainly a row.
    fn take_unusual(&mut self, found: Result<Found, Unfinished>) -> Step {
        let size = found.map_or(self.filled, |found| found.end) - self.at;
        if size > RECORD_BYTES_MAX {
            return self.reject_oversized();
        }
        match found {
            Err(_) if !self.is_last => Step::Hungry,
            Err(_) => {
                self.reject_first_line("a quote is opened here and never closed".to_owned());
                Step::Taken
            }
            Ok(found) if found.fields == 1 && found.text_end == self.at => {
                self.pass(found.end, found.inner_lines + 1);
                Step::Taken
            }
            Ok(found) => self.take_misfit(found),
        }
    }

    /// A whole record with another number of fields, or one over several lines with a quote where none should be.
    fn take_misfit(&mut self, found: Found) -> Step {
        let width = self.columns.len();
        let second = if found.inner_lines > 0 { self.second_line(&found) } else { Second::Other };
        if matches!(second, Second::Cut) {
            return Step::Hungry;
        }
        if matches!(second, Second::Row) {
            self.reject_first_line("a stray quote joins this line to the next".to_owned());
        } else if found.fields == width {
            // Odd, and yet a row: its text behind a closing quote is kept as it is.
            let (row, stride) = (self.lines.len(), self.options.batch_rows);
            let text = &self.buffer[..self.filled];
            let mut scanner = Scanner::new(text, self.at, self.options.delimiter, self.options.quote);
            let cells = &mut self.cells;
            let again = read_record(&mut scanner, self.at, self.options.quote, self.is_last, |column, cell| {
                cells[column * stride + row] = cell;
            });
            assert_eq!(again, Ok(found), "the same text is the same record");
            self.lines.push(self.position.line);
            self.spans.push((self.at, found.text_end));
            self.pass(found.end, found.inner_lines + 1);
        } else {
            let fields = if found.fields == 1 { "field" } else { "fields" };
            let text = &self.buffer[self.at..found.text_end];
            let line_ends = if has_bare_cr(text) { "; CR alone, which is in it, ends no line" } else { "" };
            let reason = format!("it has {} {fields} and {width} columns are declared{line_ends}", found.fields);
            self.rejects.push(self.position.line, None, reason, &self.buffer[self.at..found.text_end]);
            self.pass(found.end, found.inner_lines + 1);
        }
        Step::Taken
    }

    /// What the second line of a record of several lines begins, read by itself. A row like any other says that the first line
    /// has a quote too many; that row may have line ends in its quotes, and then it goes on beyond the record.
    ///
    /// How far it is followed does not depend on how much of the text happens to be there, and no further than a few lines: a
    /// file that grows slowly would be waited for.
    fn second_line(&self, found: &Found) -> Second {
        let record = &self.buffer[self.at..found.end];
        let Some(line_end) = record.iter().position(|byte| *byte == b'\n') else { return Second::Other };
        let start = self.at + line_end + 1;
        // Only where text follows a closing quote a row may have been torn.
        let lines_ahead = if found.is_odd { LINES_AHEAD } else { 0 };
        let lines_end = end_of_lines(&self.buffer[..self.filled], found.end, lines_ahead);
        let end = lines_end.unwrap_or(self.filled).min(start + RECORD_BYTES_MAX);
        let window = &self.buffer[start..end];
        let mut scanner = Scanner::new(window, 0, self.options.delimiter, self.options.quote);
        match read_record(&mut scanner, 0, self.options.quote, self.is_last && end == self.filled, |_, _| {}) {
            Ok(second) if second.fields == self.columns.len() && !second.is_odd => Second::Row,
            Err(_) if !self.is_last && lines_end.is_none() && window.len() < RECORD_BYTES_MAX => Second::Cut,
            _ => Second::Other,
        }
    }

    /// A record that does not end within the bound. If it has several lines a quote joins them, and the first is at fault.
    fn reject_oversized(&mut self) -> Step {
        let window = &self.buffer[self.at..self.filled.min(self.at + RECORD_BYTES_MAX)];
        if window.contains(&b'\n') {
            self.reject_first_line(format!("a quote is opened here and not closed within {RECORD_BYTES_MAX} bytes"));
        } else {
            self.overlong = Some(Overlong::new(self.position.line));
        }
        Step::Taken
    }

    /// Passes over a line that is too long to be a record, keeping its head. The position stays before it until its end is
    /// found, so that nobody resumes in its middle.
    fn pass_overlong(&mut self) -> Step {
        let Some(mut overlong) = self.overlong.take() else { return Step::Taken };
        let rest = &self.buffer[self.at..self.filled];
        let line_end = rest.iter().position(|byte| *byte == b'\n');
        let part = &rest[..line_end.unwrap_or(rest.len())];
        overlong.pass(part);
        self.at += part.len();
        if line_end.is_none() && !self.is_last {
            self.overlong = Some(overlong);
            return Step::Hungry;
        }
        self.position.byte += overlong.bytes();
        self.pass(self.at + usize::from(line_end.is_some()), 1);
        self.rejects.push_overlong(&overlong);
        Step::Taken
    }

    fn reject_first_line(&mut self, reason: String) {
        let rest = &self.buffer[self.at..self.filled];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let end = length.map_or(self.filled, |length| self.at + length + 1);
        let text_end = length.map_or(self.filled, |length| self.at + length);
        let text_end = if self.buffer[self.at..text_end].ends_with(b"\r") { text_end - 1 } else { text_end };
        self.rejects.push(self.position.line, None, reason, &self.buffer[self.at..text_end]);
        self.pass(end, 1);
    }

    fn pass(&mut self, end: usize, lines: u64) {
        self.position.byte += (end - self.at) as u64;
        self.position.line += lines;
        self.at = end;
        if self.lines.is_empty() {
            self.floor = end;
        }
    }

    /// The pending rows as columns, without those that do not fit, which become rejects.
    fn read_columns(&mut self) -> Result<(RecordBatch, UInt64Array), SchemaError> {
        let (rows, stride) = (self.lines.len(), self.options.batch_rows);
        let pending = &self.buffer[self.floor..self.at];
        let is_clean = match self.options.encoding {
            Encoding::Utf8 => std::str::from_utf8(pending).is_ok(),
            Encoding::Latin1 => pending.is_ascii(),
        };
        let text = Text {
            bytes: &self.buffer[..self.filled],
            quote: self.options.quote,
            encoding: self.options.encoding,
            is_clean,
            null_values: &self.options.null_values,
        };
        let mut bad = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            arrays.push(column.read(&self.cells[index * stride..index * stride + rows], &text, &mut bad));
        }
        let mut lines = UInt64Array::from(self.lines.clone());
        if !bad.is_empty() {
            let keep = self.reject_rows(bad);
            arrays = arrays.iter().map(|array| compute::filter(array, &keep)).collect::<Result<_, _>>()?;
            let kept = compute::filter(&lines, &keep)?;
            lines = UInt64Array::from(kept.to_data());
        }
        let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
        Ok((RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?, lines))
    }

    /// Rejects each row with a bad cell once, for its first one; answers which rows stay.
    fn reject_rows(&mut self, mut bad: Vec<Bad>) -> BooleanArray {
        bad.sort_by_key(|cell| cell.row);
        bad.dedup_by_key(|cell| cell.row);
        let mut keep = vec![true; self.lines.len()];
        for cell in bad {
            keep[cell.row] = false;
            let (start, end) = self.spans[cell.row];
            self.rejects.push(self.lines[cell.row], Some(cell.column), cell.reason, &self.buffer[start..end]);
        }
        keep.into()
    }
}

/// Whether a record with the right number of fields is worth a second look.
#[inline]
fn is_suspect(found: &Found) -> bool {
    found.is_odd && found.inner_lines > 0
}

/// Where the `count`th line behind `from` ends, if it is there.
fn end_of_lines(text: &[u8], from: usize, count: usize) -> Option<usize> {
    let Some(last) = count.checked_sub(1) else { return Some(from) };
    let mut ends = text[from..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.nth(last).map(|(at, _)| from + at + 1)
}
