//! Bytes that are nobody's business.

use std::fmt;

use bytes::Bytes;

use super::{Reader, Value, Version, WireError, Writer};

/// Bytes that prove something, such as a password. What prints them prints no byte of them. They are compared to find out
/// whether messages are the same, never to find out whether a proof is right: that takes a comparison of constant time.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Bytes);

impl Secret {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Secret {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Value for Secret {
    fn read(reader: &mut Reader, version: Version) -> Result<Self, WireError> {
        Bytes::read(reader, version).map(Self)
    }

    fn write(&self, writer: &mut Writer, version: Version) {
        self.0.write(writer, version);
    }

    fn bytes_min(version: Version) -> usize {
        Bytes::bytes_min(version)
    }
}
