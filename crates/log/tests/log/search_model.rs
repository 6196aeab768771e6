//! Search against reading everything, whatever is appended, aborted, compacted, taken away, killed and damaged.

use std::fs;
use std::sync::Arc;

use millrace_flow::Offset;
use millrace_log::{EmbeddedLog, End, FlushMode, Record, Wanted};
use proptest::prelude::*;
use serde_json::Value;

use crate::frames::{Frame, Packing};
use crate::search::{orders, search};
use crate::shop::Shop;

const PACKINGS: [Packing; 4] = [Packing::None, Packing::Gzip, Packing::Lz4, Packing::Zstd];

#[derive(Debug, Clone)]
enum Step {
    /// Keys and fields, both few; how much text is beside them; what they are packed with; of which producer's transaction.
    Append {
        records: Vec<(u8, u8)>,
        padding: usize,
        packing: usize,
        producer: Option<u8>,
    },
    End {
        producer: u8,
        is_commit: bool,
    },
    Search {
        key: Option<u8>,
        field: Option<u8>,
        from: Option<i64>,
        before: Option<i64>,
    },
    Compact,
    Take {
        share: u8,
    },
    Kill,
    CleanStop,
    Damage {
        at: u16,
        cut: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let records = || prop::collection::vec((0..8_u8, 0..12_u8), 1..5);
    let padding = || prop_oneof![Just(10_usize), Just(20_000), Just(70_000)];
    let maybe = |strategy: std::ops::Range<u8>| prop::option::of(strategy);
    let time = || prop::option::weighted(0.3, 0..60_i64);
    prop_oneof![
        10 => (records(), padding(), 0..PACKINGS.len(), prop::option::weighted(0.3, 0..2_u8))
            .prop_map(|(records, padding, packing, producer)| Step::Append { records, padding, packing, producer }),
        3 => (0..2_u8, any::<bool>()).prop_map(|(producer, is_commit)| Step::End { producer, is_commit }),
        6 => (maybe(0..9), maybe(0..13), time(), time())
            .prop_map(|(key, field, from, before)| Step::Search { key, field, from, before }),
        1 => Just(Step::Compact),
        1 => (0..10_u8).prop_map(|share| Step::Take { share }),
        1 => Just(Step::Kill),
        1 => Just(Step::CleanStop),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(at, cut)| Step::Damage { at, cut }),
    ]
}

/// The fields that a number stands for, and how each is asked for.
fn value(field: u8, padding: usize) -> Vec<u8> {
    let padding = "p".repeat(padding);
    match field % 4 {
        0 => format!(r#"{{"f":"{field}","p":"{padding}"}}"#),
        1 => format!(r#"{{"p":"{padding}","f":{field}.50}}"#),
        2 => format!(r#"{{"g":{field},"f":null,"p":"{padding}"}}"#),
        _ => format!("{field} {padding}"),
    }
    .into_bytes()
}

struct World {
    shop: Shop,
    log: Arc<EmbeddedLog>,
    /// Sequence, and whether a transaction goes on, by producer.
    producers: [(i32, bool); 2],
    appended: i64,
}

impl World {
    fn new() -> Self {
        let shop = Shop::new(FlushMode::Commit);
        let log = shop.open();
        let configs = [("cleanup.policy", "compact"), ("segment.bytes", "400000"), ("min.cleanable.dirty.ratio", "0")];
        let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        log.create_client_topic("orders", 1, 1, configs).unwrap_or_else(|error| panic!("{error}"));
        Self { shop, log, producers: [(0, false); 2], appended: 0 }
    }

    fn append(&mut self, records: &[(u8, u8)], padding: usize, packing: usize, producer: Option<u8>) {
        let record = |(n, (key, field)): (usize, &(u8, u8))| {
            // Times that go to and fro.
            let time = (self.appended * 7 + n as i64 * 5) % 60;
            (Some(format!("key {key}").into_bytes()), Some(value(*field, padding)), time)
        };
        let records: Vec<_> = records.iter().enumerate().map(record).collect();
        let count = records.len() as i32;
        let mut frame = Frame { records, ..Frame::of(&["x"]) }.packed(PACKINGS[packing]);
        if let Some(producer) = producer {
            let (sequence, is_open) = &mut self.producers[usize::from(producer)];
            frame = frame.sent_by(i64::from(producer) + 1, 0, *sequence).in_transaction();
            (*sequence, *is_open) = (*sequence + count, true);
        }
        let appended = self.log.append_frame(&orders(), &frame.bytes()).unwrap_or_else(|error| panic!("{error}"));
        self.appended += 1;
        // Some wait for the next one, unseen and not on the disk.
        if self.appended % 4 != 0 {
            self.log.settle(&orders(), appended.end).expect("the disk answers");
        }
    }

    fn end(&mut self, producer: u8, is_commit: bool) {
        let (_, is_open) = &mut self.producers[usize::from(producer)];
        if std::mem::take(is_open) {
            let producer_id = i64::from(producer) + 1;
            let end = End { producer_id, producer_epoch: 0, coordinator_epoch: 0, is_commit };
            let appended = self.log.append_marker(&orders(), end).unwrap_or_else(|error| panic!("{error}"));
            self.log.settle(&orders(), appended.end).expect("the disk answers");
        }
    }

    fn restart(&mut self, is_clean: bool) {
        // What nobody waited for may be there or not: say which, so that sequences go on.
        let end = self.log.client_topic("orders").expect("it is there").info.ends[0];
        self.log.settle(&orders(), end).expect("the disk answers");
        if is_clean {
            self.log.close().expect("the disk answers");
        }
        self.shop = self.shop.killed();
        self.log = self.shop.open();
    }

    fn damage(&self, at: u16, cut: bool) {
        let dir = self.shop.dir().join("topics").join(orders().to_string());
        let entries = fs::read_dir(dir).expect("the partition is there");
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "filter")) {
            let mut bytes = fs::read(&path).expect("it is there");
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, if cut { &bytes[..at] } else { &bytes }).expect("it can be written");
        }
    }

    fn compare(&self, wanted: &Wanted) -> Result<(), TestCaseError> {
        let start = self.log.client_topic("orders").expect("it is there").info.starts[0];
        let all = self.log.read_records(&orders(), start, usize::MAX).unwrap_or_else(|error| panic!("{error}"));
        let offsets: Vec<(u32, i64)> =
            all.iter().filter(|record| is_wanted(record, wanted)).map(|record| (0, record.offset.0)).collect();
        let (mut found, progress) = search(&self.shop, &self.log, "orders", wanted);
        prop_assert!(found.is_sorted_by(|a, b| a > b), "newest first: {:?}", found);
        found.reverse();
        prop_assert_eq!(found, offsets, "{:?} {:?}", wanted, progress);
        prop_assert_eq!(progress.bytes_read + progress.bytes_skipped, progress.bytes_total);
        Ok(())
    }
}

/// The same by means of its own.
fn is_wanted(record: &Record, wanted: &Wanted) -> bool {
    let has_key = wanted.key.as_ref().is_none_or(|key| record.key.as_deref() == Some(key.as_slice()));
    let in_time = wanted.from_ms.is_none_or(|from| record.time_ms >= from)
        && wanted.before_ms.is_none_or(|before| record.time_ms < before);
    let has_field = wanted.field.as_ref().is_none_or(|(name, text)| {
        let value = record.value.as_deref().and_then(|value| serde_json::from_slice::<Value>(value).ok());
        let member = value.as_ref().and_then(|value| value.get(name));
        match member {
            Some(Value::String(member)) => member == text,
            Some(Value::Number(member)) => member.as_f64() == text.parse().ok(),
            _ => false,
        }
    });
    has_key && in_time && has_field
}

fn wanted(key: Option<u8>, field: Option<u8>, from_ms: Option<i64>, before_ms: Option<i64>) -> Wanted {
    let key = key.map(|key| format!("key {key}").into_bytes());
    let field = field.map(|field| match field % 4 {
        0 => ("f".to_owned(), field.to_string()),
        1 => ("f".to_owned(), format!("{field}.5")),
        _ => ("g".to_owned(), format!("{field}e0")),
    });
    Wanted { key, field, from_ms, before_ms, partition: None }
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in steps {
        match step {
            Step::Append { records, padding, packing, producer } => world.append(&records, padding, packing, producer),
            Step::End { producer, is_commit } => world.end(producer, is_commit),
            Step::Search { key, field, from, before } => world.compare(&wanted(key, field, from, before))?,
            Step::Compact => world.log.apply_compaction().expect("the disk answers"),
            Step::Take { share } => {
                let info = world.log.client_topic("orders").expect("it is there").info;
                let before = info.starts[0].0 + (info.ends[0].0 - info.starts[0].0) * i64::from(share) / 20;
                world.log.delete_records(&orders(), Offset(before)).expect("the disk answers");
            }
            Step::Kill => world.restart(false),
            Step::CleanStop => world.restart(true),
            Step::Damage { at, cut } => world.damage(at, cut),
        }
    }
    for key in 0..9 {
        world.compare(&wanted(Some(key), None, None, None))?;
    }
    for field in 0..13 {
        world.compare(&wanted(None, Some(field), None, None))?;
    }
    world.compare(&wanted(None, None, Some(20), Some(30)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn search_finds_what_reading_everything_finds(steps in prop::collection::vec(step(), 1..60)) {
        run(steps)?;
    }
}
