//! The transactions of one partition that readers of committed records have to wait for.

use std::collections::{BTreeMap, VecDeque};

/// Transactions by where they begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ongoing {
    /// Those that go on: first offset, producer.
    begun: BTreeMap<i64, i64>,
    /// Those that have ended, with the offset behind their marker, in that order: until the marker can be read, so that
    /// nobody is shown a record before it is known what became of it.
    ended: VecDeque<(i64, i64)>,
}

impl Ongoing {
    /// Those with these first offsets and producers.
    pub(super) fn of(begun: impl Iterator<Item = (i64, i64)>) -> Self {
        Self { begun: begun.collect(), ended: VecDeque::new() }
    }

    /// One begins.
    pub(super) fn begin(&mut self, first: i64, producer_id: i64) {
        self.begun.insert(first, producer_id);
    }

    /// The one that began at `first` ends with a marker that ends before `end`.
    pub(super) fn end(&mut self, first: i64, end: i64) {
        if self.begun.remove(&first).is_some() {
            self.ended.push_back((first, end));
        }
    }

    /// First offset of all that go on.
    pub(super) fn first(&self) -> Option<i64> {
        self.begun.keys().next().copied()
    }

    /// First offset of all that go on, or whose markers cannot be read yet by whom `committed` is the end for.
    pub(super) fn first_unstable(&mut self, committed: i64) -> Option<i64> {
        while self.ended.front().is_some_and(|(_, end)| *end <= committed) {
            self.ended.pop_front();
        }
        self.ended.iter().map(|(first, _)| *first).chain(self.first()).min()
    }
}
