//! What is wrong with a SELECT, as the planner finds it: the words, and which part of the text they are about.
//!
//! The planner seldom knows places. What it does know, such as the name of a function, is kept here until somebody with the
//! text at hand looks for it there.

use millrace_flow::Span;

/// Something wrong with a SELECT.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Complaint {
    /// What is wrong; lowercase, no full stop.
    pub(crate) message: String,
    /// What to do.
    pub(crate) cure: Option<String>,
    /// Where.
    pub(crate) spot: Spot,
}

/// A part of a text, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Nothing is known.
    Nowhere,
    /// The place itself.
    At(Span),
    /// The call of a function, with so many arguments where that is known.
    Call { name: String, arguments: Option<usize> },
    /// A text in quotes.
    Literal(String),
    /// An operator or a word.
    Word(String),
    /// A column that is compared with something.
    Compared(String),
    /// A division by zero.
    Division,
    /// The second column of that name in one SELECT.
    Twice(String),
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>, cure: impl Into<String>, spot: Spot) -> Self {
        Self { message: message.into(), cure: Some(cure.into()), spot }
    }
}
