//! Compaction against a model that remembers everything: whatever is appended, compacted, killed and started again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use millrace_flow::{Clock, Offset};
use millrace_log::{EmbeddedLog, LocalDisk, Record};
use proptest::prelude::*;

use crate::compaction::{DyingDisk, Standing, prices, shop_at_a_time};
use crate::frames::{Frame, Packing};
use crate::shop::Shop;

const PACKINGS: [Packing; 5] = [Packing::None, Packing::Gzip, Packing::Snappy, Packing::Lz4, Packing::Zstd];
/// The producer that counts its records.
const PRODUCER: i64 = 7;

#[derive(Debug, Clone)]
enum Step {
    /// Keys, each with a value or without; what they are packed with; whether the producer counts them.
    Append {
        records: Vec<(u8, bool)>,
        packing: usize,
        counted: bool,
    },
    Pass {
        ms: i64,
    },
    Compact,
    /// Killed before that change of a file which compaction makes.
    CompactAndDie {
        changes: i64,
    },
    Kill,
    PowerCut,
    CleanStop,
    SegmentBytes {
        bytes: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let record = || (0..6_u8, prop::bool::weighted(0.3));
    prop_oneof![
        8 => (prop::collection::vec(record(), 1..6), 0..PACKINGS.len(), any::<bool>())
            .prop_map(|(records, packing, counted)| Step::Append { records, packing, counted }),
        2 => (0..900_i64).prop_map(|ms| Step::Pass { ms }),
        4 => Just(Step::Compact),
        2 => (0..40_i64).prop_map(|changes| Step::CompactAndDie { changes }),
        1 => Just(Step::Kill),
        1 => Just(Step::PowerCut),
        1 => Just(Step::CleanStop),
        1 => prop_oneof![Just(14_u32), Just(400), Just(3_000)].prop_map(|bytes| Step::SegmentBytes { bytes }),
    ]
}

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    time_ms: i64,
}

/// What the topic asks.
#[derive(Debug, Clone, Copy)]
struct Asked {
    lag_ms: i64,
    tombstones_ms: i64,
}

struct World {
    shop: Shop,
    clock: Arc<Standing>,
    log: Arc<EmbeddedLog>,
    asked: Asked,
    /// All that was ever appended, by offset.
    sent: Vec<Sent>,
    /// When compaction looked last.
    compacted_ms: i64,
    /// What the producer has sent last, with the offset of its first record.
    last_frame: Option<(Frame, i64)>,
    next_sequence: i32,
}

impl World {
    fn new(asked: Asked) -> Self {
        let (shop, clock) = shop_at_a_time();
        let log = shop.open();
        let configs = [
            ("cleanup.policy", "compact".to_owned()),
            ("min.cleanable.dirty.ratio", "0".to_owned()),
            ("segment.bytes", "400".to_owned()),
            ("min.compaction.lag.ms", asked.lag_ms.to_string()),
            ("delete.retention.ms", asked.tombstones_ms.to_string()),
        ];
        let configs = configs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        log.create_client_topic("prices", 1, 1, configs).expect("it can be made");
        let (sent, compacted_ms, last_frame) = (Vec::new(), i64::MIN / 2, None);
        Self { shop, clock, log, asked, sent, compacted_ms, last_frame, next_sequence: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append { records, packing, counted } => self.append(&records, PACKINGS[packing], counted),
            Step::Pass { ms } => self.clock.pass(ms),
            Step::Compact => {
                self.compacted_ms = self.clock.now_ms();
                self.log.apply_compaction().unwrap_or_else(|error| panic!("{error}"));
                self.check_that_keys_are_there_once();
            }
            Step::CompactAndDie { changes } => {
                self.compacted_ms = self.clock.now_ms();
                let mut dying = self.shop.killed();
                dying.machine.disk = Arc::new(DyingDisk { changes_left: AtomicI64::new(changes) });
                let (dir, config, registry) = (dying.dir(), dying.config.clone(), dying.registry.clone());
                if let Ok(log) = EmbeddedLog::open_on(&dir, config, registry, dying.machine.clone()) {
                    let _ = log.apply_compaction();
                }
                dying.machine.disk = Arc::new(LocalDisk);
                self.start(dying.killed());
            }
            Step::Kill => self.start(self.shop.killed()),
            Step::PowerCut => self.start(self.shop.killed().rebooted()),
            Step::CleanStop => {
                self.log.close().expect("the disk answers");
                self.start(self.shop.killed());
            }
            Step::SegmentBytes { bytes } => {
                let mut configs = (*self.log.client_topic("prices").expect("it is there").configs).clone();
                configs.insert("segment.bytes".to_owned(), bytes.to_string());
                self.log.set_configs("prices", configs).expect("it is allowed");
            }
        }
        self.check();
    }

    fn start(&mut self, shop: Shop) {
        self.log = shop.open();
        self.shop = shop;
    }

    fn append(&mut self, records: &[(u8, bool)], packing: Packing, counted: bool) {
        let (base, time_ms) = (self.sent.len(), self.clock.now_ms());
        for (n, (key, is_tombstone)) in records.iter().enumerate() {
            let value = (!is_tombstone).then(|| format!("the value number {}", base + n).into_bytes());
            self.sent.push(Sent { key: format!("key {key}").into_bytes(), value, time_ms });
        }
        let sent = self.sent[base..].iter().map(|sent| (Some(sent.key.clone()), sent.value.clone(), time_ms));
        let mut frame = Frame { records: sent.collect(), ..Frame::of(&["x"]) }.packed(packing);
        if counted {
            frame = frame.sent_by(PRODUCER, 0, self.next_sequence);
            self.next_sequence += records.len() as i32;
            self.last_frame = Some((frame.clone(), base as i64));
        }
        let appended = self.log.append_frame(&prices(), &frame.bytes());
        assert_eq!(appended.unwrap_or_else(|error| panic!("{error}")).base, Offset(base as i64));
    }

    fn found(&self) -> Vec<Record> {
        let found = self.log.read_records(&prices(), Offset(0), usize::MAX);
        found.unwrap_or_else(|error| panic!("{error}"))
    }

    fn check(&self) {
        let found = self.found();
        assert!(found.is_sorted_by(|a, b| a.offset < b.offset));
        for record in &found {
            let sent = &self.sent[record.offset.0 as usize];
            let as_found = Sent {
                key: record.key.as_deref().unwrap_or_default().to_vec(),
                value: record.value.as_deref().map(<[u8]>::to_vec),
                time_ms: record.time_ms,
            };
            assert_eq!(&as_found, sent, "at {}", record.offset);
        }
        let is_found = |offset: usize| found.iter().any(|record| record.offset.0 == offset as i64);
        let now_ms = self.clock.now_ms();
        for (offset, sent) in self.sent.iter().enumerate() {
            let is_last = !self.sent[offset + 1..].iter().any(|later| later.key == sent.key);
            if is_last && sent.value.is_some() {
                assert!(is_found(offset), "the last value of a key, at {offset}");
            }
            if is_last && sent.value.is_none() && !is_found(offset) {
                assert!(sent.time_ms + self.asked.tombstones_ms <= now_ms, "a tombstone went early, at {offset}");
                let key = &sent.key;
                assert!(!found.iter().any(|record| record.key.as_deref() == Some(key)), "what it deleted is back");
            }
            if self.asked.lag_ms > 0 && sent.time_ms > self.compacted_ms - self.asked.lag_ms {
                assert!(is_found(offset), "it was too young to go, at {offset}");
            }
        }
        if let Some((frame, base)) = &self.last_frame {
            let again = self.log.append_frame(&prices(), &frame.bytes());
            let again = again.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((again.base, again.is_duplicate), (Offset(*base), true), "what was sent again");
        }
        let (start, end) = self.log.offsets(&prices()).expect("it is online");
        assert_eq!((start, end), (Offset(0), Offset(self.sent.len() as i64)));
    }

    /// Where nothing is too young, compaction leaves of every key the last record before the active segment.
    fn check_that_keys_are_there_once(&self) {
        if self.asked.lag_ms > 0 {
            return;
        }
        let Some(active) = self.shop.segments(&prices()).pop() else { return };
        assert!(fs::metadata(&active).is_ok());
        let base = active.file_stem().and_then(|stem| stem.to_str()?.parse::<i64>().ok()).expect("it is an offset");
        let found = self.found();
        let closed: Vec<_> = found.iter().filter(|record| record.offset.0 < base).collect();
        for (n, record) in closed.iter().enumerate() {
            assert!(!closed[n + 1..].iter().any(|later| later.key == record.key), "twice, at {}", record.offset);
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let lag_ms = prop_oneof![2 => Just(0_i64), 1 => Just(700)];
    let tombstones_ms = prop_oneof![Just(0_i64), Just(500), Just(100_000)];
    (lag_ms, tombstones_ms).prop_map(|(lag_ms, tombstones_ms)| Asked { lag_ms, tombstones_ms })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn compaction_does_what_the_model_does(asked in asked(), steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new(asked);
        for step in steps {
            world.take(step);
        }
    }
}
