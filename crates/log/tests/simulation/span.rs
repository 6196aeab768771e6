//! When something was asked for, and when that was acknowledged.

/// In changes of the folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) asked: usize,
    pub(crate) acknowledged: Option<usize>,
}

impl Span {
    /// It was there when this began.
    pub(crate) const BEFORE: Self = Self { asked: 0, acknowledged: Some(0) };

    /// It must have survived a power cut after `cut` changes.
    pub(crate) fn is_certain(self, cut: usize) -> bool {
        self.acknowledged.is_some_and(|acknowledged| acknowledged <= cut)
    }

    /// It may have.
    pub(crate) fn is_possible(self, cut: usize) -> bool {
        self.asked <= cut
    }
}
