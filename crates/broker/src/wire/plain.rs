//! Values of always the same number of bytes.

use super::{Reader, Value, Version, WireError, Writer};

/// An id of 16 bytes; all 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// No id.
    pub const NONE: Self = Self([0; 16]);
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn read(reader: &mut Reader, _: Version) -> Result<Self, WireError> {
                Ok(Self::from_be_bytes(reader.take_array()?))
            }

            fn write(&self, writer: &mut Writer, _: Version) {
                writer.put(&self.to_be_bytes());
            }

            fn bytes_min(_: Version) -> usize {
                size_of::<Self>()
            }
        }
    )*};
}

number!(i8 i16 i32 i64 u16 u32 f64);

impl Value for bool {
    fn read(reader: &mut Reader, _: Version) -> Result<Self, WireError> {
        Ok(reader.take_array()? != [0])
    }

    fn write(&self, writer: &mut Writer, _: Version) {
        writer.put(&[u8::from(*self)]);
    }

    fn bytes_min(_: Version) -> usize {
        1
    }
}

impl Value for Uuid {
    fn read(reader: &mut Reader, _: Version) -> Result<Self, WireError> {
        Ok(Self(reader.take_array()?))
    }

    fn write(&self, writer: &mut Writer, _: Version) {
        writer.put(&self.0);
    }

    fn bytes_min(_: Version) -> usize {
        16
    }
}
