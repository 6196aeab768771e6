//! Framed Avro values back to columns.
//!
//! Trusts nothing: every length is held against what is left of the record, a record must be used to its last byte, and an
//! error names the record. A failed batch leaves nothing behind; the caller can hand in the others again.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, SchemaRef,
    TimestampMicrosecondType,
};

use super::schema::{WriterField, writer_fields};
use super::{FRAME_BYTES, MAGIC};
use crate::blocks::BLOCK_BYTES;
use crate::error::SchemaError;
use crate::types::type_name;

/// Text of one column of one batch, at most: the offsets are 32 bits wide.
const TEXT_BYTES_MAX: usize = i32::MAX as usize;

/// Rows that room is made for at most before they are seen.
const RESERVED_ROWS_MAX: usize = 64 * 1024;

/// Reads values that were written with one schema into the columns of another, equal one or one with more nullable columns.
#[derive(Debug)]
pub struct Decoder {
    id: u32,
    frame: [u8; FRAME_BYTES],
    /// In the order in which the writer wrote them.
    fields: Vec<Reading>,
    /// One for each field of the reader's schema.
    columns: Vec<Column>,
    /// Those of them that the writer never wrote.
    absent: Vec<usize>,
    reader: SchemaRef,
}

/// What to do with one field of a record.
#[derive(Debug)]
struct Reading {
    null_branch: Option<u8>,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// Into this column.
    Column(usize),
    /// Nowhere: no reader wants it.
    Skip(Box<Column>),
}

impl Decoder {
    /// A decoder of values written as `writer_json` says, with this id in front.
    ///
    /// # Errors
    /// When the writer's schema is no flat record, or the reader wants a column of another type or one that cannot be null
    /// and was never written.
    pub fn new(id: u32, writer_json: &str, reader: SchemaRef) -> Result<Self, SchemaError> {
        let writer = writer_fields(writer_json)?;
        for field in reader.fields() {
            check_column(field, &writer)?;
        }
        let columns = reader.fields().iter().map(|f| Column::new(f.data_type(), f.is_nullable()));
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| SchemaError::UnsupportedAvro {
            reason: format!("the reader's schema has a column of another type: {reader:?}"),
        })?;
        let is_absent = |index: &usize| !writer.iter().any(|of| of.field.name() == reader.field(*index).name());
        let absent = (0..columns.len()).filter(is_absent).collect();
        let fields = writer.into_iter().map(|of| plan_field(of, &reader)).collect::<Result<_, _>>()?;
        let mut frame = [MAGIC; FRAME_BYTES];
        frame[1..].copy_from_slice(&id.to_be_bytes());
        Ok(Self { id, frame, fields, columns, absent, reader })
    }

    /// The columns that come out.
    pub fn schema(&self) -> &SchemaRef {
        &self.reader
    }

    /// One row for each value.
    ///
    /// # Errors
    /// When a value has another id, is cut, goes on behind its last field or is otherwise no value of the schema.
    pub fn decode<'a>(&mut self, values: impl IntoIterator<Item = &'a [u8]>) -> Result<RecordBatch, SchemaError> {
        self.decode_optional(values.into_iter().map(Some))
    }

    /// One row for each value; without a value (a tombstone) it is null in every column that can be, and zero or empty in
    /// the others.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_optional<'a>(
        &mut self,
        values: impl IntoIterator<Item = Option<&'a [u8]>>,
    ) -> Result<RecordBatch, SchemaError> {
        let mut rows = 0;
        let values = values.into_iter();
        let expected = values.size_hint().0.min(RESERVED_ROWS_MAX);
        self.columns.iter_mut().for_each(|column| column.reserve(expected));
        for value in values {
            let outcome = match value {
                Some(value) => self.read_value(value, rows),
                None => {
                    self.columns.iter_mut().for_each(|column| column.push_missing(rows));
                    Ok(())
                }
            };
            if let Err(reason) = outcome {
                self.columns.iter_mut().for_each(Column::clear);
                return Err(SchemaError::Record { record: rows, schema_id: self.id, reason: reason.into() });
            }
            rows += 1;
        }
        self.finish(rows)
    }

    #[inline]
    fn read_value(&mut self, value: &[u8], row: usize) -> Result<(), &'static str> {
        let (frame, body) = value.split_first_chunk::<FRAME_BYTES>().ok_or("shorter than its frame")?;
        if *frame != self.frame {
            return Err("another frame or schema id in front");
        }
        let mut input = Input { bytes: body };
        for field in &mut self.fields {
            let column = match &mut field.target {
                Target::Column(index) => &mut self.columns[*index],
                Target::Skip(column) => {
                    column.clear();
                    column.as_mut()
                }
            };
            match field.null_branch {
                Some(null) if input.read_branch()? == null => column.push_missing(row),
                _ => column.read(&mut input)?,
            }
        }
        for index in &self.absent {
            self.columns[*index].push_missing(row);
        }
        if input.bytes.is_empty() { Ok(()) } else { Err("bytes left over behind the last field") }
    }

    fn finish(&mut self, rows: usize) -> Result<RecordBatch, SchemaError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for index in 0..self.columns.len() {
            match self.columns[index].finish() {
                Ok(array) => arrays.push(array),
                Err(record) => {
                    self.columns.iter_mut().for_each(Column::clear);
                    let reason = format!("column `{}` is not UTF-8", self.reader.field(index).name());
                    return Err(SchemaError::Record { record, schema_id: self.id, reason });
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.reader.clone(), arrays, &options)?)
    }
}

fn check_column(field: &arrow::datatypes::Field, writer: &[WriterField]) -> Result<(), SchemaError> {
    match writer.iter().find(|of| of.field.name() == field.name()) {
        Some(of) if of.field.data_type() != field.data_type() => Err(SchemaError::ChangedType {
            column: field.name().clone(),
            written: type_name(of.field.data_type()),
            read: type_name(field.data_type()),
        }),
        None if !field.is_nullable() => Err(SchemaError::MissingColumn { column: field.name().clone() }),
        _ => Ok(()),
    }
}

fn plan_field(of: WriterField, reader: &SchemaRef) -> Result<Reading, SchemaError> {
    let target = match reader.fields().find(of.field.name()) {
        Some((index, _)) => Target::Column(index),
        None => Target::Skip(Box::new(
            Column::new(of.field.data_type(), true).expect("a writer's field has one of the column types"),
        )),
    };
    Ok(Reading { null_branch: of.null_branch, target })
}

/// What is left of a record.
struct Input<'a> {
    bytes: &'a [u8],
}

const CUT: &str = "it ends in the middle of a field";

impl<'a> Input<'a> {
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(CUT)?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(CUT)?;
        self.bytes = rest;
        Ok(*taken)
    }

    #[inline]
    fn read_branch(&mut self) -> Result<u8, &'static str> {
        match self.take_array::<1>()? {
            [0] => Ok(0),
            [2] => Ok(1),
            _ => Err("a union has no such branch"),
        }
    }

    #[inline(always)]
    fn read_varint(&mut self) -> Result<i64, &'static str> {
        match self.bytes.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.bytes = rest;
                Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1))
            }
            _ => self.read_long_varint(),
        }
    }

    #[inline]
    fn read_long_varint(&mut self) -> Result<i64, &'static str> {
        let mut value = 0_u64;
        let mut shift = 0;
        for (index, byte) in self.bytes.iter().enumerate() {
            if shift == 63 && *byte > 1 {
                return Err("a number is longer than 64 bits");
            }
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                self.bytes = &self.bytes[index + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
            shift += 7;
        }
        Err(CUT)
    }

    #[inline]
    fn read_length(&mut self) -> Result<usize, &'static str> {
        usize::try_from(self.read_varint()?).map_err(|_| "a length is negative")
    }
}

/// A column that is being filled.
#[derive(Debug)]
struct Column {
    /// Rows without a value, in order.
    null_rows: Vec<usize>,
    nullable: bool,
    values: Growing,
    /// Bytes of text in the batch before, as far as there is text.
    text_bytes: usize,
}

#[derive(Debug)]
enum Growing {
    Text { ends: Vec<i32>, bytes: Vec<u8> },
    Int(Vec<i32>),
    Date(Vec<i32>),
    Long(Vec<i64>),
    Timestamp(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
    Decimal { precision: u8, scale: i8, values: Vec<i128> },
}

impl Column {
    fn new(data_type: &DataType, nullable: bool) -> Option<Self> {
        let values = match data_type {
            DataType::Utf8 => Growing::Text { ends: vec![0], bytes: Vec::new() },
            DataType::Int32 => Growing::Int(Vec::new()),
            DataType::Date32 => Growing::Date(Vec::new()),
            DataType::Int64 => Growing::Long(Vec::new()),
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None) => Growing::Timestamp(Vec::new()),
            DataType::Float32 => Growing::Float(Vec::new()),
            DataType::Float64 => Growing::Double(Vec::new()),
            DataType::Boolean => Growing::Boolean(Vec::new()),
            DataType::Decimal128(precision, scale) => {
                Growing::Decimal { precision: *precision, scale: *scale, values: Vec::new() }
            }
            _ => return None,
        };
        Some(Self { null_rows: Vec::new(), nullable, values, text_bytes: 0 })
    }

    fn reserve(&mut self, rows: usize) {
        match &mut self.values {
            Growing::Text { ends, bytes } => {
                ends.reserve(rows);
                bytes.reserve(self.text_bytes + BLOCK_BYTES);
            }
            Growing::Int(values) | Growing::Date(values) => values.reserve(rows),
            Growing::Long(values) | Growing::Timestamp(values) => values.reserve(rows),
            Growing::Float(values) => values.reserve(rows),
            Growing::Double(values) => values.reserve(rows),
            Growing::Boolean(values) => values.reserve(rows),
            Growing::Decimal { values, .. } => values.reserve(rows),
        }
    }

    fn clear(&mut self) {
        self.null_rows.clear();
        match &mut self.values {
            Growing::Text { ends, bytes } => {
                ends.truncate(1);
                bytes.clear();
            }
            Growing::Int(values) | Growing::Date(values) => values.clear(),
            Growing::Long(values) | Growing::Timestamp(values) => values.clear(),
            Growing::Float(values) => values.clear(),
            Growing::Double(values) => values.clear(),
            Growing::Boolean(values) => values.clear(),
            Growing::Decimal { values, .. } => values.clear(),
        }
    }

    #[inline]
    fn push_missing(&mut self, row: usize) {
        if self.nullable {
            self.null_rows.push(row);
        }
        match &mut self.values {
            Growing::Text { ends, .. } => ends.push(ends[ends.len() - 1]),
            Growing::Int(values) | Growing::Date(values) => values.push(0),
            Growing::Long(values) | Growing::Timestamp(values) => values.push(0),
            Growing::Float(values) => values.push(0.0),
            Growing::Double(values) => values.push(0.0),
            Growing::Boolean(values) => values.push(false),
            Growing::Decimal { values, .. } => values.push(0),
        }
    }

    #[inline]
    fn read(&mut self, input: &mut Input<'_>) -> Result<(), &'static str> {
        match &mut self.values {
            Growing::Text { ends, bytes } => {
                let length = input.read_length()?;
                push_text(input, length, bytes)?;
                if bytes.len() > TEXT_BYTES_MAX {
                    return Err("a column of the batch has more than 2 GiB of text");
                }
                ends.push(bytes.len() as i32);
            }
            Growing::Int(values) | Growing::Date(values) => {
                values.push(i32::try_from(input.read_varint()?).map_err(|_| "a number is longer than 32 bits")?);
            }
            Growing::Long(values) | Growing::Timestamp(values) => values.push(input.read_varint()?),
            Growing::Float(values) => values.push(f32::from_le_bytes(input.take_array()?)),
            Growing::Double(values) => values.push(f64::from_le_bytes(input.take_array()?)),
            Growing::Boolean(values) => values.push(match input.take_array::<1>()? {
                [0] => false,
                [1] => true,
                _ => return Err("a boolean is neither 0 nor 1"),
            }),
            Growing::Decimal { precision, values, .. } => values.push(read_decimal(input, *precision)?),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match &self.values {
            Growing::Text { ends, .. } => ends.len() - 1,
            Growing::Int(values) | Growing::Date(values) => values.len(),
            Growing::Long(values) | Growing::Timestamp(values) => values.len(),
            Growing::Float(values) => values.len(),
            Growing::Double(values) => values.len(),
            Growing::Boolean(values) => values.len(),
            Growing::Decimal { values, .. } => values.len(),
        }
    }

    fn take_nulls(&mut self) -> Option<NullBuffer> {
        if self.null_rows.is_empty() {
            return None;
        }
        let mut bits = vec![0xff_u8; self.len().div_ceil(8)];
        self.null_rows.iter().for_each(|row| bits[row / 8] &= !(1 << (row % 8)));
        self.null_rows.clear();
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, self.len())))
    }

    /// The column, which is empty afterwards; the row whose text is not UTF-8, if there is one.
    fn finish(&mut self) -> Result<ArrayRef, usize> {
        use std::mem::take;
        let nulls = self.take_nulls();
        Ok(match &mut self.values {
            Growing::Text { ends, bytes } => {
                let ends = std::mem::replace(ends, vec![0]);
                let bytes = take(bytes);
                self.text_bytes = bytes.len();
                if let Some(row) = find_invalid(&ends, &bytes) {
                    return Err(row);
                }
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), nulls))
            }
            Growing::Int(values) => primitive::<Int32Type>(take(values), nulls),
            Growing::Date(values) => primitive::<Date32Type>(take(values), nulls),
            Growing::Long(values) => primitive::<Int64Type>(take(values), nulls),
            Growing::Timestamp(values) => primitive::<TimestampMicrosecondType>(take(values), nulls),
            Growing::Float(values) => primitive::<Float32Type>(take(values), nulls),
            Growing::Double(values) => primitive::<Float64Type>(take(values), nulls),
            Growing::Boolean(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(take(values)), nulls)),
            Growing::Decimal { precision, scale, values } => Arc::new(
                Decimal128Array::new(take(values).into(), nulls)
                    .with_precision_and_scale(*precision, *scale)
                    .expect("the schema's precision and scale were checked when it was read"),
            ),
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

/// Moves a text of the record to the end of `bytes`, by a whole block where that is possible.
#[inline(always)]
fn push_text(input: &mut Input<'_>, length: usize, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    match input.bytes.first_chunk::<BLOCK_BYTES>() {
        Some(block) if length <= BLOCK_BYTES => {
            let end = bytes.len() + length;
            bytes.extend_from_slice(block);
            bytes.truncate(end);
            input.bytes = &input.bytes[length..];
        }
        _ => bytes.extend_from_slice(input.take(length)?),
    }
    Ok(())
}

/// The first row whose text is not UTF-8. Looks at the whole column at once, and at rows only when that fails or when a
/// character might be cut between two of them.
fn find_invalid(ends: &[i32], bytes: &[u8]) -> Option<usize> {
    if bytes.is_ascii() {
        return None;
    }
    ends.windows(2).position(|pair| std::str::from_utf8(&bytes[pair[0] as usize..pair[1] as usize]).is_err())
}

#[inline]
fn read_decimal(input: &mut Input<'_>, precision: u8) -> Result<i128, &'static str> {
    let length = input.read_length()?;
    let bytes = input.take(length)?;
    if length > 16 || length == 0 {
        return Err("a decimal is not 1 to 16 bytes long");
    }
    let mut wide = [if bytes[0] & 0x80 == 0 { 0 } else { 0xff }; 16];
    wide[16 - length..].copy_from_slice(bytes);
    let value = i128::from_be_bytes(wide);
    if value.unsigned_abs() >= 10_u128.pow(u32::from(precision)) {
        return Err("a decimal has more digits than its precision");
    }
    Ok(value)
}
