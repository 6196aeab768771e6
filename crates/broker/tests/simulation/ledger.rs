//! What producers were told of their transactions, and whether what readers find after a power cut keeps to that.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::Me;
use crate::records::Record;
use crate::span::Span;

/// Where a record is: partitions of the topics one after the other.
pub(crate) type Place = usize;
/// Number of a transaction.
pub(crate) type Deal = usize;

/// A record that was sent, whether or not that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) place: Place,
    pub(crate) deal: Deal,
    pub(crate) record: Record,
}

/// One transaction.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    /// Whose; nobody's, where a power cut has settled what came before.
    pub(crate) producer: Option<usize>,
    /// The offset that it commits.
    pub(crate) offset: Option<i64>,
    /// When its commit was asked for. One that was never asked to commit must never be seen.
    pub(crate) commit: Option<Span>,
    /// Who may ask again whether it has committed: by the newer protocol only.
    pub(crate) asks_again: Option<Me>,
    /// When it was, since the last power cut: it may have been decided then only, and the next cut may be before that.
    pub(crate) asked_again: Option<Span>,
}

/// One life of a producer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) me: Me,
    pub(crate) span: Span,
    /// Number of what it sends next to the first place.
    pub(crate) next: i32,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) sent: Vec<Sent>,
    pub(crate) deals: Vec<Transaction>,
    /// By producer, in order.
    pub(crate) lives: Vec<Vec<Life>>,
    /// By producer: the offset that its last transaction before all these has committed.
    pub(crate) offsets: Vec<i64>,
    /// Number of the next value.
    pub(crate) next: i64,
}

/// What readers of committed records find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// By place.
    pub(crate) records: Vec<Vec<Record>>,
    /// By producer.
    pub(crate) offsets: Vec<i64>,
}

/// Whether a compacted log may look like `found` when `sent` was committed: in order, each at most once, and the last of each
/// key is there.
fn is_compacted_from(found: &[Record], sent: &[&Record]) -> bool {
    let mut rest = sent.iter();
    let in_order = found.iter().all(|record| rest.any(|sent| *sent == record));
    let last: BTreeMap<&String, &String> = sent.iter().map(|(key, value)| (key, value)).collect();
    in_order && last.iter().all(|(key, value)| found.iter().any(|record| (&record.0, &record.1) == (*key, *value)))
}

impl Ledger {
    /// Nobody has sent anything.
    pub(crate) fn new(producers: usize) -> Self {
        let nobody = Transaction {
            producer: None,
            offset: None,
            commit: Some(Span::BEFORE),
            asks_again: None,
            asked_again: None,
        };
        let (lives, offsets) = (vec![Vec::new(); producers], vec![-1; producers]);
        Self { sent: Vec::new(), deals: vec![nobody], lives, offsets, next: 0 }
    }

    /// A new transaction of a producer.
    pub(crate) fn begin(&mut self, producer: usize) -> Deal {
        let producer = Some(producer);
        self.deals.push(Transaction { producer, offset: None, commit: None, asks_again: None, asked_again: None });
        self.deals.len() - 1
    }

    /// A value that nothing had before.
    pub(crate) fn value(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// The records of a place that are seen if those transactions are the committed ones.
    fn seen(&self, place: Place, committed: &BTreeSet<Deal>) -> Vec<&Record> {
        let here = self.sent.iter().filter(|sent| sent.place == place && committed.contains(&sent.deal));
        here.map(|sent| &sent.record).collect()
    }

    /// The offsets that count if those transactions are the committed ones.
    fn counted(&self, committed: &BTreeSet<Deal>) -> Vec<i64> {
        let mut offsets = self.offsets.clone();
        for deal in committed.iter().map(|deal| &self.deals[*deal]) {
            if let (Some(producer), Some(offset)) = (deal.producer, deal.offset) {
                offsets[producer] = offset;
            }
        }
        offsets
    }

    fn fits(&self, found: &Found, committed: &BTreeSet<Deal>, compacted: Place) -> bool {
        let fits = |(place, found): (Place, &Vec<Record>)| {
            let seen = self.seen(place, committed);
            if place == compacted { is_compacted_from(found, &seen) } else { found.iter().eq(seen) }
        };
        found.records.iter().enumerate().all(fits) && found.offsets == self.counted(committed)
    }

    /// Transactions whose commit `may` have outlived a power cut.
    fn committed(&self, may: impl Fn(Span) -> bool) -> BTreeSet<Deal> {
        let numbered = self.deals.iter().enumerate();
        numbered.filter(|(_, deal)| deal.commit.is_some_and(&may)).map(|(n, _)| n).collect()
    }

    /// Takes over what is found after a power cut at `cut`, if that may be so. All of the transactions in question are seen
    /// or none: requests came one after the other, so there is one at most.
    pub(crate) fn adopt(&mut self, found: &Found, compacted: Place, cut: usize) -> Result<(), String> {
        let certain = self.committed(|span| span.is_certain(cut));
        let possible = self.committed(|span| span.is_possible(cut));
        let Some(committed) = [certain, possible].into_iter().find(|set| self.fits(found, set, compacted)) else {
            return Err(self.complaint(found, cut));
        };
        let is_in_question = |deal: &Deal| self.deals[*deal].asked_again.is_some();
        let (in_question, settled): (BTreeSet<Deal>, BTreeSet<Deal>) =
            committed.iter().copied().partition(is_in_question);
        self.offsets = self.counted(&settled);
        self.sent.retain(|sent| committed.contains(&sent.deal));
        let place = |deal: Deal| in_question.iter().position(|found| *found == deal).map_or(0, |place| place + 1);
        self.sent.iter_mut().for_each(|sent| sent.deal = place(sent.deal));
        let mut kept = vec![self.deals[0].clone()];
        for mut deal in in_question.iter().map(|deal| self.deals[*deal].clone()) {
            deal.commit = deal.asked_again.take();
            kept.push(deal);
        }
        self.deals = kept;
        Ok(())
    }

    fn complaint(&self, found: &Found, cut: usize) -> String {
        let certain = self.committed(|span| span.is_certain(cut));
        let possible = self.committed(|span| span.is_possible(cut));
        let owed: Vec<_> = (0..found.records.len()).map(|place| self.seen(place, &certain)).collect();
        let perhaps: Vec<_> = (0..found.records.len()).map(|place| self.seen(place, &possible)).collect();
        let (owed_offsets, perhaps_offsets) = (self.counted(&certain), self.counted(&possible));
        format!("found {found:?}\nowed {owed:?} {owed_offsets:?}\nor {perhaps:?} {perhaps_offsets:?}")
    }
}
