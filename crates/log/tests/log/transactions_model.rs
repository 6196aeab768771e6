//! Transactions against a model: any interleaving of several producers, with kills, clean stops, lost and old lists, and
//! records taken away. Whatever happens, readers of committed records see those of committed transactions, each once, in
//! order, and none behind the first that goes on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use millrace_flow::Offset;
use millrace_log::{EmbeddedLog, FlushMode};
use proptest::prelude::*;

use crate::frames::Frame;
use crate::shop::Shop;
use crate::transactions::{create, end, orders, read_as_clients_do};

const PRODUCERS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    /// A producer sends records; those of the last producer are in no transaction.
    Send {
        producer: usize,
        records: usize,
    },
    /// It sends its last frame again.
    Again {
        producer: usize,
    },
    /// Its transaction ends, by itself or by a later life of it.
    End {
        producer: usize,
        is_commit: bool,
        is_fenced: bool,
    },
    Kill,
    Reboot,
    CleanStop,
    /// A kill, and the list of producers is gone, or that of a clean stop before.
    LoseList {
        keeps_old: bool,
    },
    DeleteRecords {
        share: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let producer = || 0..PRODUCERS;
    prop_oneof![
        10 => (producer(), 1..4_usize).prop_map(|(producer, records)| Step::Send { producer, records }),
        1 => producer().prop_map(|producer| Step::Again { producer }),
        6 => (producer(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(producer, is_commit, is_fenced)| Step::End { producer, is_commit, is_fenced }),
        1 => Just(Step::Kill),
        1 => Just(Step::Reboot),
        1 => Just(Step::CleanStop),
        1 => any::<bool>().prop_map(|keeps_old| Step::LoseList { keeps_old }),
        1 => any::<u8>().prop_map(|share| Step::DeleteRecords { share }),
    ]
}

/// What a record is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Plain,
    Marker,
    Transaction(usize),
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Committed,
    Aborted,
}

#[derive(Debug, Clone, Default)]
struct Sender {
    epoch: i16,
    next: i32,
    transaction: Option<usize>,
    /// First number, records, and where they are.
    last: Option<(i32, usize, i64)>,
}

struct World {
    shop: Shop,
    log: Option<Arc<EmbeddedLog>>,
    /// By offset.
    parts: Vec<Part>,
    fates: Vec<Fate>,
    senders: Vec<Sender>,
    start: i64,
    old_list: Option<Vec<u8>>,
}

impl World {
    fn new(flush: FlushMode) -> Self {
        let shop = Shop::new(flush);
        let log = shop.open();
        create(&log, &[("segment.bytes", "600")]);
        let (senders, parts, fates) = (vec![Sender::default(); PRODUCERS], Vec::new(), Vec::new());
        Self { shop, log: Some(log), parts, fates, senders, start: 0, old_list: None }
    }

    fn log(&self) -> &EmbeddedLog {
        self.log.as_deref().expect("it is open")
    }

    fn restart(&mut self, shop: Shop) {
        self.log = None;
        self.shop = shop;
        self.log = Some(self.shop.open());
    }

    fn frame(&self, producer: usize, first: i32, records: usize) -> Vec<u8> {
        let values: Vec<String> = (0..records).map(|n| format!("{producer}: {}", first as usize + n)).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let frame = Frame::of(&values).sent_by(producer as i64, self.senders[producer].epoch, first);
        if producer == PRODUCERS - 1 { frame.bytes() } else { frame.in_transaction().bytes() }
    }

    fn append(&self, frame: &[u8]) -> (i64, bool) {
        let appended = self.log().append_frame(&orders(), frame).unwrap_or_else(|error| panic!("{error}"));
        self.log().settle(&orders(), appended.end).expect("the disk answers");
        (appended.base.0, appended.is_duplicate)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Send { producer, records } => self.send(producer, records),
            Step::Again { producer } => {
                if let Some((first, records, base)) = self.senders[producer].last {
                    assert_eq!(self.append(&self.frame(producer, first, records)), (base, true));
                }
            }
            Step::End { producer, is_commit, is_fenced } => self.end(producer, is_commit, is_fenced),
            Step::Kill => self.restart(self.shop.killed()),
            Step::Reboot => self.restart(self.shop.killed().rebooted()),
            Step::CleanStop => {
                self.log().close().expect("the disk answers");
                self.old_list = fs::read(self.shop.dir().join("topics/orders-0/producers")).ok();
                self.restart(self.shop.killed());
            }
            Step::LoseList { keeps_old } => {
                let shop = self.shop.killed();
                let path = shop.dir().join("topics/orders-0/producers");
                // What is found out from the records that are left may be less: nobody sends again then.
                match self.old_list.clone().filter(|_| keeps_old) {
                    Some(old) => fs::write(path, old).expect("it can be written"),
                    None => drop(fs::remove_file(path)),
                }
                self.restart(shop);
                self.senders.iter_mut().for_each(|sender| sender.last = None);
            }
            Step::DeleteRecords { share } => {
                let before = self.parts.len() as i64 * i64::from(share) / 512;
                let start = self.log().delete_records(&orders(), Offset(before)).expect("the disk answers");
                self.start = self.start.max(before);
                assert_eq!(start.0, self.start);
            }
        }
    }

    fn send(&mut self, producer: usize, records: usize) {
        let first = self.senders[producer].next;
        let base = self.parts.len() as i64;
        assert_eq!(self.append(&self.frame(producer, first, records)), (base, false));
        let sender = &mut self.senders[producer];
        sender.next += records as i32;
        sender.last = Some((first, records, base));
        let part = if producer == PRODUCERS - 1 {
            Part::Plain
        } else {
            let fates = &mut self.fates;
            Part::Transaction(*sender.transaction.get_or_insert_with(|| {
                fates.push(Fate::GoesOn);
                fates.len() - 1
            }))
        };
        self.parts.extend(std::iter::repeat_n(part, records));
    }

    fn end(&mut self, producer: usize, is_commit: bool, is_fenced: bool) {
        if producer == PRODUCERS - 1 {
            return;
        }
        let is_commit = is_commit && !is_fenced;
        let sender = &mut self.senders[producer];
        if is_fenced {
            *sender = Sender { epoch: sender.epoch + 1, transaction: sender.transaction, ..Sender::default() };
        }
        if let Some(transaction) = sender.transaction.take() {
            self.fates[transaction] = if is_commit { Fate::Committed } else { Fate::Aborted };
        }
        let epoch = sender.epoch;
        assert_eq!(end(self.log(), producer as i64, epoch, is_commit), self.parts.len() as i64);
        self.parts.push(Part::Marker);
    }

    fn check(&self) {
        let log = self.log();
        let goes_on = |part: &Part| matches!(part, Part::Transaction(n) if self.fates[*n] == Fate::GoesOn);
        let first_from = |from: i64| {
            let behind = self.parts.iter().skip(from as usize).position(goes_on);
            behind.map_or(self.parts.len() as i64, |offset| from + offset as i64)
        };
        // Of a transaction whose records were all taken away nobody needs to know any more.
        let stable = log.stable_offset(&orders()).expect("it is online").0;
        assert!([first_from(0).max(self.start), first_from(self.start)].contains(&stable), "{stable}");
        let is_shown = |offset: &i64| match self.parts[*offset as usize] {
            Part::Plain => true,
            Part::Marker => false,
            Part::Transaction(n) => self.fates[n] == Fate::Committed,
        };
        let shown: Vec<i64> = (self.start..stable).filter(is_shown).collect();
        for bytes_max in [1, 700, 1 << 20] {
            assert_eq!(read_as_clients_do(log, self.start, bytes_max), shown);
        }
        let middle = self.start + (stable - self.start) / 2;
        let later: Vec<i64> = shown.iter().copied().filter(|offset| *offset >= middle).collect();
        assert_eq!(read_as_clients_do(log, middle, 500), later);
        let records = log.read_records(&orders(), Offset(self.start), usize::MAX).expect("they are there");
        assert_eq!(records.iter().map(|record| record.offset.0).collect::<Vec<_>>(), shown);
        let ongoing: BTreeMap<i64, i64> =
            log.ongoing_transactions().iter().map(|found| (found.producer_id, found.start.0)).collect();
        let going: Vec<i64> =
            (0..PRODUCERS).filter(|n| self.senders[*n].transaction.is_some()).map(|n| n as i64).collect();
        assert!(ongoing.keys().all(|id| going.contains(id)), "{ongoing:?} {going:?}");
    }
}

fn run(flush: FlushMode, steps: Vec<Step>) {
    let mut world = World::new(flush);
    for step in steps {
        world.take(step);
        world.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn flushed_now_and_again(steps in prop::collection::vec(step(), 1..60)) {
        run(FlushMode::Interval, steps);
    }

    #[test]
    fn flushed_at_every_frame(steps in prop::collection::vec(step(), 1..40)) {
        run(FlushMode::Commit, steps);
    }
}
