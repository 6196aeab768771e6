//! Columns to framed Avro values, all of a batch in one buffer.
//!
//! Each column is looked up once, and the widest a batch can become is computed before the first row, so that the loop over
//! the rows neither allocates nor checks for room more than the slice's own bounds.

use std::ops::Range;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Schema,
    TimestampMicrosecondType,
};

use super::{FRAME_BYTES, MAGIC, schema};
use crate::blocks::{BLOCK_BYTES, copy_text, put};
use crate::error::SchemaError;

/// Longest varint of 32 and of 64 bits.
const VARINT_32_BYTES: usize = 5;
const VARINT_64_BYTES: usize = 10;

/// A decimal: its length in one byte and at most 16 bytes.
const DECIMAL_BYTES: usize = 17;

/// The branches of the union of a nullable field, as zigzag varints.
const BRANCH_NULL: u8 = 0;
const BRANCH_VALUE: u8 = 2;

/// Values one behind the other in one buffer.
#[derive(Debug, Default, Clone)]
pub struct Values {
    /// The bytes of all values.
    pub bytes: Vec<u8>,
    /// Where each value ends; it begins where the one before it ends.
    pub ends: Vec<usize>,
}

impl Values {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the values and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Where value `index` lies in [`Values::bytes`].
    pub fn range(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    /// The bytes of value `index`.
    pub fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.range(index)]
    }

    /// The values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Writes batches of one schema as framed Avro values.
#[derive(Debug, Clone)]
pub struct Encoder {
    frame: [u8; FRAME_BYTES],
    nullable: Vec<bool>,
}

impl Encoder {
    /// An encoder of values with this id in front.
    ///
    /// # Errors
    /// When a column has a type that no topic can hold.
    pub fn new(id: u32, schema: &Schema) -> Result<Self, SchemaError> {
        schema::avro_json("checked", schema)?;
        let mut frame = [MAGIC; FRAME_BYTES];
        frame[1..].copy_from_slice(&id.to_be_bytes());
        Ok(Self { frame, nullable: schema.fields().iter().map(|field| field.is_nullable()).collect() })
    }

    /// Appends one value a row to `out`, rows in order.
    ///
    /// # Errors
    /// When the batch has other columns than the encoder's schema, or a null where that has none.
    pub fn encode(&self, batch: &RecordBatch, out: &mut Values) -> Result<(), SchemaError> {
        let columns = self.resolve_columns(batch)?;
        let rows = batch.num_rows();
        let start = out.bytes.len();
        let bound: usize = columns.iter().map(|column| column.bound(rows)).sum();
        out.bytes.resize(start + rows * FRAME_BYTES + bound + BLOCK_BYTES, 0);
        out.ends.reserve(rows);
        let mut cursor = Cursor { bytes: &mut out.bytes, at: start };
        for row in 0..rows {
            cursor.write(self.frame);
            for column in &columns {
                column.write(row, &mut cursor);
            }
            out.ends.push(cursor.at);
        }
        let end = cursor.at;
        out.bytes.truncate(end);
        Ok(())
    }

    fn resolve_columns<'a>(&self, batch: &'a RecordBatch) -> Result<Vec<Column<'a>>, SchemaError> {
        if batch.num_columns() != self.nullable.len() {
            return Err(SchemaError::ColumnCount { expected: self.nullable.len(), found: batch.num_columns() });
        }
        let mut columns = Vec::with_capacity(self.nullable.len());
        for (index, nullable) in self.nullable.iter().enumerate() {
            let name = || batch.schema_ref().field(index).name().clone();
            let array = batch.column(index);
            let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
            if let (false, Some(nulls)) = (*nullable, nulls) {
                let row = (0..nulls.len()).find(|row| nulls.is_null(*row)).expect("null_count says there is one");
                return Err(SchemaError::UnexpectedNull { column: name(), row });
            }
            let values = Refs::of(array.as_ref()).ok_or_else(|| SchemaError::UnsupportedColumn {
                column: name(),
                found: array.data_type().to_string(),
            })?;
            columns.push(Column { nullable: *nullable, nulls, values });
        }
        Ok(columns)
    }
}

/// One column of the batch at hand.
struct Column<'a> {
    nullable: bool,
    nulls: Option<&'a NullBuffer>,
    values: Refs<'a>,
}

/// The values of a column, by how they are written.
enum Refs<'a> {
    Text { offsets: &'a [i32], bytes: &'a [u8] },
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Boolean(&'a BooleanArray),
    Decimal(&'a [i128]),
}

impl<'a> Refs<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => {
                let text: &StringArray = array.as_string();
                Self::Text { offsets: text.value_offsets(), bytes: text.value_data() }
            }
            DataType::Int32 => Self::Narrow(array.as_primitive::<Int32Type>().values()),
            DataType::Date32 => Self::Narrow(array.as_primitive::<Date32Type>().values()),
            DataType::Int64 => Self::Wide(array.as_primitive::<Int64Type>().values()),
            DataType::Timestamp(_, _) => Self::Wide(array.as_primitive_opt::<TimestampMicrosecondType>()?.values()),
            DataType::Float32 => Self::Float(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Self::Double(array.as_primitive::<Float64Type>().values()),
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Decimal128(_, _) => Self::Decimal(array.as_primitive::<Decimal128Type>().values()),
            _ => return None,
        })
    }
}

impl Column<'_> {
    /// The most bytes that `rows` values of this column can take.
    fn bound(&self, rows: usize) -> usize {
        let each = match &self.values {
            Refs::Text { .. } | Refs::Narrow(_) => VARINT_32_BYTES,
            Refs::Wide(_) => VARINT_64_BYTES,
            Refs::Float(_) => 4,
            Refs::Double(_) => 8,
            Refs::Boolean(_) => 1,
            Refs::Decimal(_) => DECIMAL_BYTES,
        };
        let text = match &self.values {
            Refs::Text { offsets, .. } => {
                usize::try_from(offsets[rows] - offsets[0]).expect("offsets of an array never fall")
            }
            _ => 0,
        };
        rows * (each + 1) + text
    }

    #[inline]
    fn write(&self, row: usize, out: &mut Cursor<'_>) {
        if self.nullable {
            if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                out.write([BRANCH_NULL]);
                return;
            }
            out.write([BRANCH_VALUE]);
        }
        match &self.values {
            Refs::Text { offsets, bytes } => {
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                out.write_text(bytes, start, end - start);
            }
            Refs::Narrow(values) => out.write_varint(i64::from(values[row])),
            Refs::Wide(values) => out.write_varint(values[row]),
            Refs::Float(values) => out.write(values[row].to_le_bytes()),
            Refs::Double(values) => out.write(values[row].to_le_bytes()),
            Refs::Boolean(values) => out.write([u8::from(values.value(row))]),
            Refs::Decimal(values) => out.write_decimal(values[row]),
        }
    }
}

/// A place in the buffer, which is long enough for everything to come.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn write<const N: usize>(&mut self, bytes: [u8; N]) {
        put(self.bytes, self.at, bytes);
        self.at += N;
    }

    #[inline(always)]
    fn write_varint(&mut self, value: i64) {
        let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
        if zigzag < 0x80 {
            self.write([zigzag as u8]);
            return;
        }
        let mut bytes = [0; VARINT_64_BYTES];
        let mut length = 0;
        while zigzag >= 0x80 {
            bytes[length] = zigzag as u8 | 0x80;
            zigzag >>= 7;
            length += 1;
        }
        bytes[length] = zigzag as u8;
        put(self.bytes, self.at, bytes);
        self.at += length + 1;
    }

    #[inline(always)]
    fn write_text(&mut self, text: &[u8], start: usize, length: usize) {
        self.write_varint(length as i64);
        copy_text(text, start, length, self.bytes, self.at);
        self.at += length;
    }

    /// The fewest bytes of two's complement that keep the sign.
    #[inline(always)]
    fn write_decimal(&mut self, value: i128) {
        let magnitude = if value < 0 { !value } else { value };
        let length = 16 - (magnitude.leading_zeros() as usize - 1) / 8;
        self.write_varint(length as i64);
        put(self.bytes, self.at, (value << (8 * (16 - length))).to_be_bytes());
        self.at += length;
    }
}
