//! A log in use: producers that number their records, a writer that commits, a journal, records that are taken away, and a topic
//! that is compacted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use bytes::Bytes;
use millrace_flow::{Batch, Clock, Log, LogWriter, Offset, TopicKind, TopicPartition, TopicSpec};
use millrace_log::{EmbeddedLog, FlushMode, Journal, LogConfig, Machine};
use millrace_schema::Registry;

use crate::bugs::Bug;
use crate::chance::Chance;
use crate::frames::Frame;
use crate::generations::Simulated;
use crate::ledger::{Found, Ledger, Partition, Sent};
use crate::span::Span;
use crate::trace::{Refusal, TracingDisk};

/// Topics of clients, each with its partitions.
const TOPICS: [(&str, u32); 2] = [("orders", 2), ("clicks", 1)];
/// The topic that has a writer.
const OWNED: &str = "lines";
const WRITER: &str = "source:lines";
const PRODUCERS: u64 = 3;

/// How a shop is run.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) registry: Arc<Registry>,
    pub(crate) flush: FlushMode,
    pub(crate) bug: Option<Bug>,
}

/// A log that is open, and everything that uses it.
pub(crate) struct Shop {
    log: Arc<EmbeddedLog>,
    disk: Arc<TracingDisk>,
    writer: Option<Box<dyn LogWriter>>,
    journal: Journal,
    ledger: Ledger,
    plan: Plan,
}

/// Time stands still.
struct Noon;

impl Clock for Noon {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }
}

fn spec() -> TopicSpec {
    TopicSpec {
        name: Arc::from(OWNED),
        partitions: 1,
        schema: Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)])),
        kind: TopicKind::Source,
        writer: Arc::from(WRITER),
        key: None,
        event_time: None,
        retention_bytes: None,
        retention_ms: None,
    }
}

fn rows(first: i64, count: i64) -> Batch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + count));
    let values = RecordBatch::try_new(spec().schema, vec![column]).expect("the column fits");
    Batch::new(values, Int64Array::from_iter_values(first..first + count))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Simulated for Shop {
    type Ledger = Ledger;

    /// Asks one thing of the log, by chance.
    fn step(&mut self, chance: &mut Chance) -> Result<(), String> {
        match chance.below(28) {
            0 => self.delete_records(chance),
            1..=3 => (0..=chance.below(4)).try_for_each(|_| self.note(chance)),
            4..=6 => self.commit(chance),
            7..=10 => {
                let durable = self.plan.flush == FlushMode::Commit;
                self.ledger.prices.append(&self.log, &self.disk, chance, durable)
            }
            11..=12 => self.log.apply_compaction().map_err(text),
            _ => self.append(chance),
        }
    }

    fn finish(&mut self, chance: &mut Chance) -> Result<(), String> {
        if chance.below(3) == 0 { self.close() } else { Ok(()) }
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    fn disk(&self) -> &TracingDisk {
        &self.disk
    }
}

impl Shop {
    /// Opens the log in `dir` after the machine was started for the `boot`th time, and compares it with what is owed after
    /// a power cut at `cut`.
    pub(crate) fn open(dir: &Path, plan: &Plan, boot: u64, owed: (Ledger, usize)) -> Result<Self, String> {
        let disk = TracingDisk::new(dir, plan.bug);
        let boot = if plan.bug == Some(Bug::RebootUnnoticed) { 0 } else { boot };
        let machine = Machine { boot_id: format!("boot {boot}"), clock: Arc::new(Noon), disk: disk.clone() };
        let hour = Duration::from_secs(3600);
        let config = LogConfig {
            flush: plan.flush,
            flush_interval: hour,
            retention_check_interval: hour,
            segment_bytes_max: 1 << 20,
            tail_cache_bytes: 0,
        };
        let log = EmbeddedLog::open_on(dir, config, plan.registry.clone(), machine);
        let log = log.map_err(|error| format!("the log does not open: {error}"))?;
        let (journal, notes) = log.journal("notes").map_err(text)?;
        let (mut ledger, cut) = owed;
        let notes: Vec<String> = notes.iter().map(|note| String::from_utf8_lossy(note).into_owned()).collect();
        ledger.adopt_notes(&notes, cut)?;
        let mut shop = Self { log, disk, writer: None, journal, ledger, plan: plan.clone() };
        shop.compare(cut)?;
        if plan.flush == FlushMode::Commit {
            shop.send_again()?;
        }
        Ok(shop)
    }

    fn compare(&mut self, cut: usize) -> Result<(), String> {
        let mut partitions = std::mem::take(&mut self.ledger.partitions);
        let mut gone = Vec::new();
        for (partition, owed) in &mut partitions {
            let found = self.found(partition).map_err(|error| format!("{partition}: {error}"))?;
            if found.is_none() {
                gone.push(partition.clone());
            }
            owed.adopt(found, cut).map_err(|error| format!("{partition}: {error}"))?;
        }
        partitions.retain(|partition, _| !gone.contains(partition));
        self.ledger.partitions = partitions;
        self.ledger.prices.adopt(&self.log, cut)?;
        self.compare_owned(cut).map_err(|error| format!("{OWNED}: {error}"))
    }

    fn found(&self, partition: &TopicPartition) -> Result<Option<Found>, String> {
        if self.log.client_topic(&partition.topic).is_none() {
            return Ok(None);
        }
        let (start, _) = self.log.offsets(partition).map_err(text)?;
        let records = self.log.read_records(partition, start, usize::MAX).map_err(text)?;
        let value = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let values = records.iter().map(|record| value(record.value.as_deref().unwrap_or_default())).collect();
        Ok(Some(Found { start: start.0, values }))
    }

    fn compare_owned(&mut self, cut: usize) -> Result<(), String> {
        let partition = TopicPartition::new(OWNED, 0);
        let (mut ids, mut cookie) = (Vec::new(), None);
        if self.log.topic(OWNED).is_some() {
            let writer = self.log.writer(WRITER).map_err(text)?;
            let said = writer.last_commit().map(|commit| String::from_utf8_lossy(&commit.cookie).into_owned());
            cookie = said.map(|said| said.parse::<i64>().map_err(text)).transpose()?;
            drop(writer);
            for fetched in self.log.read(&partition, Offset(0), usize::MAX).map_err(text)? {
                ids.extend_from_slice(fetched.batch.values.column(0).as_primitive::<Int64Type>().values());
            }
        }
        self.ledger.adopt_commits(&ids, cookie, cut)
    }

    /// What was sent last is sent again by somebody who has not heard of it: it lies where it lay, once.
    fn send_again(&self) -> Result<(), String> {
        for (partition, owed) in &self.ledger.partitions {
            let Some(last) = owed.frames.last() else { continue };
            let base = self.send(partition, last).map_err(|error| format!("{partition}, sent again: {error}"))?;
            let end = self.log.offsets(partition).map_err(text)?.1;
            if (base, end.0) != (last.base, last.end()) {
                return Err(format!("{partition}, sent again: lies at {base}, the end is {end}, sent was {last:?}"));
            }
        }
        Ok(())
    }

    /// The span of what was asked at `asked` and is answered now. Where commits are not brought to the disk one by one, that
    /// says nothing.
    fn answered(&self, asked: usize) -> Span {
        let acknowledged = (self.plan.flush == FlushMode::Commit).then(|| self.disk.now());
        Span { asked, acknowledged }
    }

    fn append(&mut self, chance: &mut Chance) -> Result<(), String> {
        let partition = any_partition(chance);
        self.make(&partition.topic)?;
        let producer = chance.below(PRODUCERS) as i64;
        let count = 1 + chance.below(3);
        // Frames of the same size often, so that one may come to lie where another was torn away.
        let more = if chance.below(3) == 0 { chance.below(900) } else { 0 };
        let long = "x".repeat(more as usize);
        let asked = self.disk.now();
        let owed = self.ledger.partitions.get_mut(&partition).expect("its topic was made");
        let before = owed.frames.iter().rev().find(|sent| sent.producer == producer);
        let first = before.map_or(0, |sent| sent.first + sent.values.len() as i32);
        let base = owed.frames.last().map_or(owed.starts.last().map_or(0, |(_, start)| *start), Sent::end);
        let values = (0..count).map(|n| format!("{partition} {} {long}", base + n as i64)).collect();
        let sent = Sent { span: Span { asked, acknowledged: None }, base, values, producer, first };
        owed.frames.push(sent.clone());
        let at = self.send(&partition, &sent)?;
        if at != base {
            return Err(format!("{partition}: {at} is behind a gap, the end was {base}"));
        }
        let span = self.answered(asked);
        let owed = self.ledger.partitions.get_mut(&partition).expect("its topic was made");
        owed.frames.last_mut().expect("it was pushed").span = span;
        Ok(())
    }

    fn make(&mut self, topic: &str) -> Result<(), String> {
        if self.log.client_topic(topic).is_some() {
            return Ok(());
        }
        let count = TOPICS.iter().find(|(name, _)| *name == topic).expect("it is one of them").1;
        let asked = self.disk.now();
        let configs = BTreeMap::from([("segment.bytes".to_owned(), SEGMENT_BYTES.to_owned())]);
        self.log.create_client_topic(topic, count, 1, configs).map_err(text)?;
        let made = self.answered(asked);
        for number in 0..count {
            let partition = Partition { made, frames: Vec::new(), starts: Vec::new() };
            self.ledger.partitions.insert(TopicPartition::new(topic, number), partition);
        }
        Ok(())
    }

    /// Sends a frame; answers where it lies.
    fn send(&self, partition: &TopicPartition, sent: &Sent) -> Result<i64, String> {
        let values: Vec<&str> = sent.values.iter().map(String::as_str).collect();
        let frame = Frame::of(&values).sent_by(sent.producer, 0, sent.first).bytes();
        let appended = self.log.append_frame(partition, &frame).map_err(text)?;
        self.log.settle(partition, appended.end).map_err(text)?;
        Ok(appended.base.0)
    }

    fn delete_records(&mut self, chance: &mut Chance) -> Result<(), String> {
        let partition = any_partition(chance);
        let Some((start, end)) = self
            .ledger
            .partitions
            .contains_key(&partition)
            .then(|| self.log.offsets(&partition))
            .transpose()
            .map_err(text)?
        else {
            return Ok(());
        };
        let to = start.0 + chance.below((end.0 - start.0) as u64 + 1) as i64;
        let asked = self.disk.now();
        let owed = self.ledger.partitions.get_mut(&partition).expect("it is there");
        owed.starts.push((Span { asked, acknowledged: None }, to));
        self.log.delete_records(&partition, Offset(to)).map_err(text)?;
        let span = self.answered(asked);
        let owed = self.ledger.partitions.get_mut(&partition).expect("it is there");
        owed.starts.last_mut().expect("it was pushed").0 = span;
        Ok(())
    }

    fn commit(&mut self, chance: &mut Chance) -> Result<(), String> {
        if self.writer.is_none() {
            self.log.create_topic(spec()).map_err(text)?;
            self.writer = Some(self.log.writer(WRITER).map_err(text)?);
        }
        let (first, count) = (self.ledger.commits.last().map_or(0, |(_, rows)| *rows), 1 + chance.below(5) as i64);
        let asked = self.disk.now();
        self.ledger.commits.push((Span { asked, acknowledged: None }, first + count));
        let writer = self.writer.as_mut().expect("it was opened");
        writer.append(&TopicPartition::new(OWNED, 0), rows(first, count)).map_err(text)?;
        writer.commit(Bytes::from((first + count).to_string()), false).map_err(text)?;
        self.ledger.commits.last_mut().expect("it was pushed").0 = self.answered(asked);
        Ok(())
    }

    /// Keeps a record in the journal, which the disk may refuse at first.
    fn note(&mut self, chance: &mut Chance) -> Result<(), String> {
        let asked = self.disk.now();
        let number = self.ledger.notes.len();
        self.ledger.notes.push(Span { asked, acknowledged: None });
        let record = |number: usize| Bytes::from(number.to_string());
        let keep = |journal: &mut Journal| journal.keep(&[record(number)], || (0..=number).map(record).collect());
        let refusal = Refusal::ALL.get(chance.below(12) as usize);
        self.disk.refuse(refusal.map(|refusal| (*refusal, "coordinator")));
        let mut kept = keep(&mut self.journal);
        self.disk.refuse(None);
        if kept.is_err() {
            let there = self.journal.records().map_err(text)?.len();
            if there != number {
                return Err(format!("{there} records in the journal, and {number} were acknowledged"));
            }
            kept = keep(&mut self.journal);
        }
        kept.map_err(text)?;
        *self.ledger.notes.last_mut().expect("it was pushed") = self.answered(asked);
        Ok(())
    }

    /// Leaves the folder in order: what was asked so far is on the disk, whatever the flush mode.
    fn close(&mut self) -> Result<(), String> {
        self.writer = None;
        self.log.close().map_err(text)?;
        let now = Some(self.disk.now());
        self.ledger.prices.acknowledge(self.disk.now());
        let frames = self.ledger.partitions.values_mut().flat_map(|partition| {
            let starts = partition.starts.iter_mut().map(|(span, _)| span);
            starts.chain(partition.frames.iter_mut().map(|sent| &mut sent.span)).chain([&mut partition.made])
        });
        let others = self.ledger.commits.iter_mut().map(|(span, _)| span).chain(&mut self.ledger.notes);
        for span in frames.chain(others) {
            span.acknowledged = span.acknowledged.or(now);
        }
        Ok(())
    }
}

/// Small, so that there are many.
const SEGMENT_BYTES: &str = "4096";

fn any_partition(chance: &mut Chance) -> TopicPartition {
    let (topic, partitions) = TOPICS[chance.below(TOPICS.len() as u64) as usize];
    TopicPartition::new(topic, chance.below(u64::from(partitions)) as u32)
}
