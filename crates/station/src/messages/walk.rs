//! One partition, walked in one direction from one position.

use std::collections::VecDeque;

use millrace_flow::{Offset, TopicPartition};
use millrace_log::Record;

use super::filter::Filter;
use super::render::Renderer;
use crate::Result;
use crate::model::Order;
use crate::stores::Stores;

/// Records fetched at once while looking for some.
const CHUNK: i64 = 2_000;

/// What of a partition is to be walked: offsets from `low` up to, and without, `high`.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) partition: TopicPartition,
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Span {
    /// Begins at `offset` instead, in the direction walked.
    pub(super) fn begin_at(&mut self, order: Order, offset: i64) {
        match order {
            Order::Newest => self.high = offset.clamp(self.low, self.high),
            Order::Oldest => self.low = offset.clamp(self.low, self.high),
        }
    }

    fn is_empty(&self) -> bool {
        self.low >= self.high
    }
}

/// A record that was looked for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) partition: u32,
    pub(super) record: Record,
}

/// What was found in a partition, and what of it is left.
#[derive(Debug)]
pub(super) struct Walk {
    /// Found and not yet taken, in the order walked.
    pub(super) found: VecDeque<Found>,
    /// Records looked at.
    pub(super) scanned: usize,
    /// What was not looked at.
    rest: Span,
    order: Order,
    exhausted: bool,
}

impl Walk {
    /// Walks a partition until `limit` records are found or `budget` are looked at.
    pub(super) fn through(
        stores: &Stores,
        span: Span,
        order: Order,
        filter: &Filter,
        renderer: &mut Renderer<'_>,
        limit: usize,
        budget: usize,
    ) -> Result<Self> {
        let chunk = if filter.is_open() { i64::try_from(limit).unwrap_or(CHUNK) } else { CHUNK };
        let mut walk = Self { found: VecDeque::new(), scanned: 0, rest: span, order, exhausted: false };
        while !walk.rest.is_empty() && walk.found.len() < limit {
            if walk.scanned >= budget {
                walk.exhausted = true;
                break;
            }
            let (from, to) = match order {
                Order::Newest => (walk.rest.low.max(walk.rest.high - chunk), walk.rest.high),
                Order::Oldest => (walk.rest.low, walk.rest.high.min(walk.rest.low + chunk)),
            };
            let records = read(stores, &walk.rest.partition, from, to)?;
            let mut matches = filter.matches(&records, renderer).into_iter().zip(records).collect::<Vec<_>>();
            if order == Order::Newest {
                matches.reverse();
            }
            walk.take(matches, limit);
            if walk.found.len() < limit {
                walk.rest.begin_at(order, if order == Order::Newest { from } else { to });
            }
        }
        Ok(walk)
    }

    fn take(&mut self, matches: Vec<(bool, Record)>, limit: usize) {
        for (matched, record) in matches {
            self.scanned += 1;
            self.rest.begin_at(self.order, record.offset.0 + i64::from(self.order == Order::Oldest));
            if matched {
                self.found.push_back(Found { partition: self.rest.partition.partition.0, record });
                if self.found.len() == limit {
                    return;
                }
            }
        }
    }

    pub(super) fn partition(&self) -> &TopicPartition {
        &self.rest.partition
    }

    /// Whether nothing is left, neither to be looked at nor to be taken.
    pub(super) fn is_complete(&self) -> bool {
        self.rest.is_empty() && self.found.is_empty()
    }

    /// Whether it ended because enough was looked at.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Where the next walk begins: before what was found and not taken.
    pub(super) fn position(&self) -> i64 {
        match (self.found.front(), self.order) {
            (Some(found), Order::Newest) => found.record.offset.0 + 1,
            (Some(found), Order::Oldest) => found.record.offset.0,
            (None, Order::Newest) => self.rest.high,
            (None, Order::Oldest) => self.rest.low,
        }
    }
}

/// The records from `from` up to, and without, `to`.
fn read(stores: &Stores, partition: &TopicPartition, from: i64, to: i64) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    let mut next = from;
    while next < to {
        let wanted = usize::try_from(to - next).unwrap_or(0);
        let more = stores.embedded.read_records(partition, Offset(next), wanted)?;
        let Some(last) = more.last() else { break };
        next = last.offset.0 + 1;
        records.extend(more.into_iter().filter(|record| (from..to).contains(&record.offset.0)));
    }
    Ok(records)
}
