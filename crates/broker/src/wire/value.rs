//! What all fields and messages have in common.

use super::{Reader, WireError, Writer};

/// A version of a message and what it says about lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version.
    pub number: i16,
    /// Whether lengths are varints and structs end with numbered fields.
    pub flexible: bool,
}

/// Something that a message or a field of one can be.
pub trait Value: Sized {
    /// Takes one off the front of `reader`.
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError>;

    /// Appends it to `writer`.
    fn write(&self, writer: &mut Writer, version: Version);

    /// Fewest bytes that one takes.
    fn bytes_min(version: Version) -> usize;

    /// Like `read`, of one that may be null: a byte says whether it is there.
    fn read_option(reader: &mut Reader, version: Version) -> Result<Option<Self>, WireError> {
        if i8::read(reader, version)? < 0 { Ok(None) } else { Self::read(reader, version).map(Some) }
    }

    /// Like `write`, of one that may be null.
    fn write_option(value: Option<&Self>, writer: &mut Writer, version: Version) {
        match value {
            None => (-1_i8).write(writer, version),
            Some(value) => {
                1_i8.write(writer, version);
                value.write(writer, version);
            }
        }
    }

    /// Fewest bytes that one that may be null takes.
    fn option_bytes_min(_version: Version) -> usize {
        1
    }
}

impl<T: Value> Value for Option<T> {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        T::read_option(reader, version)
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        T::write_option(self.as_ref(), writer, version);
    }

    fn bytes_min(version: Version) -> usize {
        T::option_bytes_min(version)
    }
}
