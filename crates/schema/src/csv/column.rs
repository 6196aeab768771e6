//! The cells of one column to one array.
//!
//! Column after column rather than row after row: each loop knows its type, and the cells of a column lie behind one another.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, PrimitiveArray, StringArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

use super::number::{Fault, parse_boolean, parse_decimal, parse_float, parse_integer};
use super::options::{CsvOptions, Encoding};
use super::records::{Cell, unquote};
use super::time::TimeFormat;
use crate::blocks::{BLOCK_BYTES, copy_text};
use crate::error::SchemaError;
use crate::types::{is_decimal, type_name};

/// How much of a cell a reason shows.
const SHOWN_CHARS_MAX: usize = 60;

/// How the cells of a column are read.
#[derive(Debug, Clone)]
pub(super) struct Column {
    field: Field,
    parser: Parser,
    /// What stands before the fraction of a number.
    point: u8,
    /// What a value that does not fit is told of how it is written.
    spelling: String,
}

#[derive(Debug, Clone)]
enum Parser {
    Text,
    Int,
    Long,
    Float,
    Double,
    Boolean,
    Date(TimeFormat),
    Timestamp(TimeFormat),
    Decimal { precision: u8, scale: i8 },
}

/// What all columns of a batch have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// The text that cells point into.
    pub(super) bytes: &'a [u8],
    /// The quote.
    pub(super) quote: Option<u8>,
    /// Its encoding.
    pub(super) encoding: Encoding,
    /// Whether everything the cells point to is known to be UTF-8 as it is.
    pub(super) is_clean: bool,
    /// Spellings of NULL beside the empty field.
    pub(super) null_values: &'a [String],
}

/// A cell that does not fit.
#[derive(Debug)]
pub(super) struct Bad {
    /// Index of the row in its batch.
    pub(super) row: usize,
    /// The column.
    pub(super) column: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

impl Text<'_> {
    /// The bytes of a cell, unquoted into `scratch` if need be.
    #[inline]
    fn cell<'b>(&'b self, cell: Cell, scratch: &'b mut Vec<u8>) -> &'b [u8] {
        let raw = &self.bytes[cell.range()];
        match self.quote {
            Some(quote) if cell.is_quoted() => {
                unquote(raw, quote, scratch);
                scratch
            }
            _ => raw,
        }
    }

    #[inline]
    fn is_null(&self, text: &[u8]) -> bool {
        let is_spelled =
            |null: &String| null.as_bytes() == text || (!null.is_ascii() && *null == decode_lossy(text, self.encoding));
        text.is_empty() || self.null_values.iter().any(is_spelled)
    }
}

/// Text of the encoding; bytes that are none are replaced.
pub(super) fn decode_lossy(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
        Encoding::Latin1 => bytes.iter().map(|byte| latin1(*byte)).collect::<String>().into(),
    }
}

/// What Windows puts where ISO 8859-1 has control characters, which no table contains: the euro sign and typographic quotes
/// are the ones that shops meet. Programs that say Latin-1 write these, and browsers read them so (WHATWG, "Encoding").
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn latin1(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

impl Column {
    pub(super) fn new(field: &Field, options: &CsvOptions) -> Result<Self, SchemaError> {
        let format = |of: &Option<String>| of.as_deref().map_or_else(|| Ok(TimeFormat::iso()), TimeFormat::strftime);
        let parser = match field.data_type() {
            DataType::Utf8 => Parser::Text,
            DataType::Int32 => Parser::Int,
            DataType::Int64 => Parser::Long,
            DataType::Float32 => Parser::Float,
            DataType::Float64 => Parser::Double,
            DataType::Boolean => Parser::Boolean,
            DataType::Date32 => Parser::Date(format(&options.date_format)?),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Parser::Timestamp(format(&options.timestamp_format)?),
            DataType::Decimal128(precision, scale) if is_decimal(*precision, *scale) => {
                Parser::Decimal { precision: *precision, scale: *scale }
            }
            other => {
                let column = field.name().clone();
                return Err(SchemaError::UnsupportedColumn { column, found: other.to_string() });
            }
        };
        let spelling = match &parser {
            Parser::Date(_) => spelling(options.date_format.as_deref(), "date_format", "2026-01-31"),
            Parser::Timestamp(_) => {
                spelling(options.timestamp_format.as_deref(), "timestamp_format", "2026-01-31 13:05:00")
            }
            Parser::Float | Parser::Double | Parser::Decimal { .. } if options.decimal != b'.' => {
                format!(" with decimal = '{}'; thousands are not separated", char::from(options.decimal))
            }
            _ => String::new(),
        };
        Ok(Self { field: field.clone(), parser, point: options.decimal, spelling })
    }

    /// The column's values; a cell that does not fit goes to `bad` and is null.
    pub(super) fn read(&self, cells: &[Cell], text: &Text<'_>, bad: &mut Vec<Bad>) -> ArrayRef {
        let (int_min, int_max) = (i64::from(i32::MIN), i64::from(i32::MAX));
        match &self.parser {
            Parser::Text => self.read_text(cells, text, bad),
            Parser::Int => self.read_numbers::<Int32Type>(cells, text, bad, |cell| {
                parse_integer(cell, int_min, int_max).map(|value| value as i32)
            }),
            Parser::Long => {
                self.read_numbers::<Int64Type>(cells, text, bad, |cell| parse_integer(cell, i64::MIN, i64::MAX))
            }
            Parser::Float => self.read_numbers::<Float32Type>(cells, text, bad, |cell| parse_float(cell, self.point)),
            Parser::Double => self.read_numbers::<Float64Type>(cells, text, bad, |cell| parse_float(cell, self.point)),
            Parser::Date(format) => self.read_numbers::<Date32Type>(cells, text, bad, |cell| format.parse_date(cell)),
            Parser::Timestamp(format) => {
                self.read_numbers::<TimestampMicrosecondType>(cells, text, bad, |cell| format.parse_timestamp(cell))
            }
            Parser::Boolean => {
                let (values, nulls) = self.read_values(cells, text, bad, parse_boolean);
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))
            }
            Parser::Decimal { precision, scale } => {
                let parse = |cell: &[u8]| parse_decimal(cell, self.point, *precision, *scale);
                let (values, nulls) = self.read_values(cells, text, bad, parse);
                let array = Decimal128Array::new(values.into(), nulls).with_precision_and_scale(*precision, *scale);
                Arc::new(array.expect("precision and scale were checked when the column was made"))
            }
        }
    }

    fn read_numbers<T: ArrowPrimitiveType>(
        &self,
        cells: &[Cell],
        text: &Text<'_>,
        bad: &mut Vec<Bad>,
        parse: impl Fn(&[u8]) -> Result<T::Native, Fault>,
    ) -> ArrayRef {
        let (values, nulls) = self.read_values(cells, text, bad, parse);
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
    }

    #[inline]
    fn read_values<T: Default>(
        &self,
        cells: &[Cell],
        text: &Text<'_>,
        bad: &mut Vec<Bad>,
        parse: impl Fn(&[u8]) -> Result<T, Fault>,
    ) -> (Vec<T>, Option<NullBuffer>) {
        let mut scratch = Vec::new();
        let mut values = Vec::with_capacity(cells.len());
        let mut nulls = NullBufferBuilder::new(cells.len());
        for (row, cell) in cells.iter().enumerate() {
            let raw = text.cell(*cell, &mut scratch);
            let value = if text.is_null(raw) {
                if self.field.is_nullable() { Ok(None) } else { Err(Fault::Missing) }
            } else {
                parse(raw.trim_ascii()).map(Some)
            };
            match value {
                Ok(Some(value)) => {
                    values.push(value);
                    nulls.append_non_null();
                }
                missing => {
                    if let Err(fault) = missing {
                        bad.push(self.refuse(row, &fault, raw, text.encoding));
                    }
                    values.push(T::default());
                    nulls.append_null();
                }
            }
        }
        (values, nulls.finish())
    }

    fn read_text(&self, cells: &[Cell], text: &Text<'_>, bad: &mut Vec<Bad>) -> ArrayRef {
        let raw_bytes: usize = cells.iter().map(|cell| cell.range().len()).sum();
        // A Latin-1 character beyond ASCII takes two bytes, some of Windows three; unquoting only ever shortens.
        let widest = if text.is_clean || text.encoding == Encoding::Utf8 { raw_bytes } else { raw_bytes * 3 };
        let mut bytes = vec![0; widest + BLOCK_BYTES];
        let mut at = 0;
        let mut scratch = Vec::new();
        let mut offsets = Vec::with_capacity(cells.len() + 1);
        offsets.push(0);
        let mut nulls = NullBufferBuilder::new(cells.len());
        for (row, cell) in cells.iter().enumerate() {
            let raw = text.cell(*cell, &mut scratch);
            let outcome = if text.is_null(raw) {
                if self.field.is_nullable() { Ok(None) } else { Err(Fault::Missing) }
            } else if text.is_clean && !cell.is_quoted() {
                copy_text(text.bytes, cell.range().start, raw.len(), &mut bytes, at);
                Ok(Some(raw.len()))
            } else {
                transcode(raw, text.encoding, &mut bytes[at..]).map(Some)
            };
            match outcome {
                Ok(Some(length)) => {
                    at += length;
                    nulls.append_non_null();
                }
                missing => {
                    if let Err(fault) = missing {
                        bad.push(self.refuse(row, &fault, raw, text.encoding));
                    }
                    nulls.append_null();
                }
            }
            offsets.push(i32::try_from(at).expect("a batch has far less than 2 GiB of text"));
        }
        bytes.truncate(at);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls.finish());
        Arc::new(array.expect("every cell was checked to be UTF-8, or lies between ASCII bytes of text that was"))
    }

    fn refuse(&self, row: usize, fault: &Fault, raw: &[u8], encoding: Encoding) -> Bad {
        let decoded = decode_lossy(raw, encoding);
        let mut shown: String = decoded.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < decoded.len() {
            shown.push('…');
        }
        let name = type_name(self.field.data_type());
        let reason = match fault {
            Fault::NotA => format!("`{shown}` is not a value of type {name}{}", self.spelling),
            Fault::OutOfRange => format!("`{shown}` does not fit the range of {name}"),
            Fault::FractionTooLong => format!("`{shown}` has more digits behind the point than {name} keeps"),
            Fault::NotUtf8 => format!("`{shown}` is not UTF-8; set encoding = 'latin1' if the file is in Latin-1"),
            Fault::Missing => "the column is declared NOT NULL and the field is empty".to_owned(),
            Fault::ShortYear => {
                format!("`{shown}` has a year of fewer than four digits, which `%Y` does not read; `%y` reads two")
            }
            Fault::HasZone => {
                format!("`{shown}` has a time zone and {name} has none; give a timestamp_format that spells it out")
            }
        };
        Bad { row, column: self.field.name().clone(), reason }
    }
}

/// How dates are written, or how to say that they are written in another way.
fn spelling(format: Option<&str>, option: &str, example: &str) -> String {
    match format {
        Some(format) => format!(" as {option} = '{format}' has it"),
        None => format!("; one is written {example}, or as {option} says"),
    }
}

/// Writes a cell as UTF-8 to the front of `into`; answers its length.
fn transcode(raw: &[u8], encoding: Encoding, into: &mut [u8]) -> Result<usize, Fault> {
    if encoding == Encoding::Utf8 || raw.is_ascii() {
        if std::str::from_utf8(raw).is_err() {
            return Err(Fault::NotUtf8);
        }
        into[..raw.len()].copy_from_slice(raw);
        return Ok(raw.len());
    }
    let mut at = 0;
    for byte in raw {
        at += latin1(*byte).encode_utf8(&mut into[at..]).len();
    }
    Ok(at)
}
