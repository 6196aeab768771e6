//! Values with a length in front: texts, bytes and arrays.

use bytes::Bytes;

use super::{Reader, Value, Version, WireError, Writer};

/// Most bytes of a text, whatever its length could say: that is all Kafka takes.
const TEXT_BYTES_MAX: usize = i16::MAX as usize;

impl Value for String {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        Self::read_option(reader, version)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        Self::write_option(Some(self), writer, version);
    }

    fn bytes_min(version: Version) -> usize {
        Self::option_bytes_min(version)
    }

    fn read_option(reader: &mut Reader, version: Version) -> Result<Option<Self>, WireError> {
        let length = if version.flexible {
            reader.take_compact_length()?
        } else {
            match i16::read(reader, version)? {
                -1 => None,
                length => Some(usize::try_from(length).map_err(|_| WireError::NegativeLength)?),
            }
        };
        let Some(length) = length else { return Ok(None) };
        if length > TEXT_BYTES_MAX {
            return Err(WireError::LongText);
        }
        reader.take_text(length).map(Some)
    }

    /// Appends the text as far as a text may be long.
    fn write_option(value: Option<&Self>, writer: &mut Writer, version: Version) {
        let text = value.map(|text| &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]);
        match (text, version.flexible) {
            (None, true) => writer.put_varint(0),
            (None, false) => (-1_i16).write(writer, version),
            (Some(text), true) => writer.put_length(text.len(), true),
            (Some(text), false) => (text.len() as i16).write(writer, version),
        }
        writer.put(text.unwrap_or_default().as_bytes());
    }

    fn option_bytes_min(version: Version) -> usize {
        if version.flexible { 1 } else { 2 }
    }
}

impl Value for Bytes {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        Self::read_option(reader, version)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        Self::write_option(Some(self), writer, version);
    }

    fn bytes_min(version: Version) -> usize {
        length_bytes_min(version)
    }

    fn read_option(reader: &mut Reader, version: Version) -> Result<Option<Self>, WireError> {
        read_length(reader, version)?.map(|length| reader.take(length)).transpose()
    }

    fn write_option(value: Option<&Self>, writer: &mut Writer, version: Version) {
        let Some(bytes) = value else { return write_null(writer, version) };
        writer.put_length(bytes.len(), version.flexible);
        writer.put_bytes(bytes);
    }

    fn option_bytes_min(version: Version) -> usize {
        length_bytes_min(version)
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        Self::read_option(reader, version)?.ok_or(WireError::Null)
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        Self::write_option(Some(self), writer, version);
    }

    fn bytes_min(version: Version) -> usize {
        length_bytes_min(version)
    }

    fn read_option(reader: &mut Reader, version: Version) -> Result<Option<Self>, WireError> {
        let Some(count) = read_length(reader, version)? else { return Ok(None) };
        let mut elements = reader.expect_elements(count, T::bytes_min(version))?;
        for _ in 0..count {
            elements.push(T::read(reader, version)?);
        }
        Ok(Some(elements))
    }

    fn write_option(value: Option<&Self>, writer: &mut Writer, version: Version) {
        let Some(elements) = value else { return write_null(writer, version) };
        writer.put_length(elements.len(), version.flexible);
        for element in elements {
            element.write(writer, version);
        }
    }

    fn option_bytes_min(version: Version) -> usize {
        length_bytes_min(version)
    }
}

/// The length of bytes or of an array; none for null.
pub(super) fn read_length(reader: &mut Reader, version: Version) -> Result<Option<usize>, WireError> {
    if version.flexible { reader.take_compact_length() } else { reader.take_length() }
}

fn write_null(writer: &mut Writer, version: Version) {
    if version.flexible { writer.put_varint(0) } else { (-1_i32).write(writer, version) }
}

/// Fewest bytes that bytes or an array take.
pub(super) fn length_bytes_min(version: Version) -> usize {
    if version.flexible { 1 } else { 4 }
}
