//! Why bytes are not a message.

/// What is wrong with bytes that should be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// A length or a value goes beyond the end of the frame.
    CutOff,
    /// A length is negative and does not stand for null.
    NegativeLength,
    /// Null where a value is needed.
    Null,
    /// A text is not UTF-8.
    NotUtf8,
    /// A text is longer than texts may be.
    LongText,
    /// A varint has more than five bytes or more than 32 bits.
    LongVarint,
    /// A numbered field is shorter or longer than its length says.
    TagLength,
    /// The arrays of the frame would take more memory than those of a frame of its size may.
    TooManyElements,
    /// Bytes follow the message.
    BytesBehind,
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CutOff => "a message is cut off",
            Self::NegativeLength => "a length in a message is negative",
            Self::Null => "a message has null where a value is needed",
            Self::NotUtf8 => "a text in a message is not UTF-8",
            Self::LongText => "a text in a message is too long",
            Self::LongVarint => "a varint in a message is too long",
            Self::TagLength => "a numbered field of a message has another length than it says",
            Self::TooManyElements => "the arrays of a message have too many elements",
            Self::BytesBehind => "bytes follow a message",
        })
    }
}

impl std::error::Error for WireError {}
