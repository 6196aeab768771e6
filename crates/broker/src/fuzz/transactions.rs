//! The coordinator of transactions, with producers of both protocols, a clock and an owner that owes markers.

use std::collections::BTreeMap;

use super::Input;
use crate::transactions::{
    Completion, Coordinator, Init, InitRequest, OwedMarker, Producer, Record, Renewal, TransactionConfig,
};

const IDS: [&str; 2] = ["north", "south"];
const TOPICS: [&str; 2] = ["orders", "stock"];

/// A coordinator and what its owner does for it.
struct World {
    coordinator: Coordinator,
    journal: Vec<Record>,
    /// Lives that producers were told.
    lives: Vec<Producer>,
    /// How each transaction ends that is decided and not completed.
    decided: BTreeMap<String, Completion>,
    next_producer_id: i64,
    now_ms: i64,
}

/// Producers begin, add, end, come late and die; the owner is slow, owes markers and restarts. A decision stays as it is until it
/// is carried out, no epoch comes twice, and a restart finds what was there.
pub(super) fn drive(input: &mut Input<'_>) {
    let mut world = World {
        coordinator: Coordinator::new(TransactionConfig::default()),
        journal: Vec::new(),
        lives: vec![Producer { id: 7, epoch: 0 }],
        decided: BTreeMap::new(),
        next_producer_id: 100,
        now_ms: 1_000_000,
    };
    while let Some(operation) = input.byte() {
        world.step(operation, input);
        world.check();
    }
}

impl World {
    fn step(&mut self, operation: u8, input: &mut Input<'_>) {
        let (id, producer) = (input.of(&IDS), input.of(&self.lives));
        match operation % 12 {
            0 => self.init(id, input),
            1 => {
                let partitions = [(input.of(&TOPICS).to_owned(), input.below(3) as i32)];
                let added = self.coordinator.add_partitions(id, producer, &partitions, self.now_ms);
                self.keep(added.ok().flatten());
            }
            2 => {
                let added = self.coordinator.add_group(id, producer, "group", self.now_ms);
                self.keep(added.ok().flatten());
            }
            3 => {
                let ended = self.coordinator.end(id, producer, input.flag(), self.now_ms);
                self.keep(ended.ok().flatten());
            }
            4 => self.end_with_new_life(id, producer, input.flag()),
            5 => self.complete(id, input),
            6 => {
                if let Some((id, marker)) = self.coordinator.owed().first() {
                    let paid = self.coordinator.paid(id, marker);
                    assert!(paid.is_some(), "it was owed");
                    self.keep(paid);
                }
            }
            7 => {
                self.now_ms += i64::from(input.of(&[0, 1, 1_000, 60_000, 3_600_000]));
                let due = self.coordinator.due(self.now_ms);
                self.keep(due);
            }
            8 => {
                let epochs = BTreeMap::from([(producer.id, producer.epoch)]);
                let overtaken = self.coordinator.overtaken(&epochs, self.now_ms);
                self.keep(overtaken);
            }
            9 => self.journal = self.coordinator.snapshot(),
            10 => self.coordinator = restarted(&self.journal),
            _ => found(input.chunk()),
        }
    }

    fn init(&mut self, id: &str, input: &mut Input<'_>) {
        let known = input.flag().then(|| input.of(&self.lives));
        let timeout_ms = input.of(&[60_000, 1, 0, -1, i32::MAX]);
        let request = InitRequest { transactional_id: id.to_owned(), timeout_ms, known };
        let mut began = self.coordinator.init(&request, None, self.now_ms);
        if matches!(began, Ok(Init::WantsId)) {
            self.next_producer_id += 1;
            began = self.coordinator.init(&request, Some(self.next_producer_id), self.now_ms);
            assert!(!matches!(began, Ok(Init::WantsId)), "it was given one");
        }
        match began {
            Ok(Init::Ready(producer, record)) => {
                self.tell(id, producer);
                self.keep(record);
            }
            Ok(Init::Fence(record)) => self.keep([record]),
            Ok(Init::WantsId) | Err(_) => {}
        }
    }

    fn end_with_new_life(&mut self, id: &str, producer: Producer, is_commit: bool) {
        let mut ended = self.coordinator.end_with_new_life(id, producer, is_commit, None, self.now_ms);
        if matches!(ended, Ok(Renewal::WantsId)) {
            self.next_producer_id += 1;
            let new_id = Some(self.next_producer_id);
            ended = self.coordinator.end_with_new_life(id, producer, is_commit, new_id, self.now_ms);
            assert!(!matches!(ended, Ok(Renewal::WantsId)), "it was given one");
        }
        match ended {
            Ok(Renewal::Decided(producer, record)) => {
                self.tell(id, producer);
                self.keep([*record]);
            }
            Ok(Renewal::Told(producer)) => self.tell(id, producer),
            Ok(Renewal::WantsId) | Err(_) => {}
        }
    }

    /// Carries out a decision, but for a marker if its partition cannot take it.
    fn complete(&mut self, id: &str, input: &mut Input<'_>) {
        let Some(completion) = self.coordinator.completion(id) else { return };
        let owes = input.flag();
        let Completion { producer, is_commit, .. } = completion;
        let offline = completion.partitions.iter().filter(|_| owes).take(1);
        let owed = offline.map(|(topic, partition)| OwedMarker {
            topic: topic.clone(),
            topic_id: [1; 16],
            partition: *partition,
            producer,
            is_commit,
        });
        let completed = self.coordinator.completed(&completion, owed.collect(), self.now_ms);
        assert!(completed.is_some(), "it is the present one");
        self.decided.remove(id);
        self.keep(completed);
    }

    /// A producer is told its life before the record of it is kept: one that it did not have has never been told, and is later than all
    /// of the same id.
    fn tell(&mut self, id: &str, producer: Producer) {
        if self.coordinator.describe(id).map(|found| found.producer) != Ok(producer) {
            let is_later = |known: &&Producer| known.id == producer.id && known.epoch >= producer.epoch;
            assert_eq!(self.lives[1..].iter().find(is_later), None, "{producer:?} was told already");
        }
        if !self.lives.contains(&producer) {
            self.lives.push(producer);
        }
    }

    /// Writes records, then does what they say.
    fn keep(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(&record));
            self.coordinator.apply(&record);
            self.journal.push(record);
        }
    }

    fn check(&mut self) {
        assert_eq!(restarted(&self.journal).snapshot(), self.coordinator.snapshot());
        for id in IDS {
            let completion = self.coordinator.completion(id);
            if let Some(before) = self.decided.get(id) {
                assert_eq!(completion.as_ref(), Some(before), "what is decided stays so");
            }
            if let Some(completion) = completion {
                self.decided.insert(id.to_owned(), completion);
            }
        }
    }
}

fn restarted(journal: &[Record]) -> Coordinator {
    let mut coordinator = Coordinator::new(TransactionConfig::default());
    journal.iter().for_each(|record| coordinator.apply(record));
    coordinator
}

/// What a start finds in a journal: what can be read is written as it was, and can be worked with.
fn found(bytes: &[u8]) {
    let Ok(record) = Record::decode(bytes) else { return };
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(&record));
    let coordinator = restarted(&[record]);
    let _ = (coordinator.due(i64::MAX), coordinator.decided(), coordinator.owed(), coordinator.next_deadline());
}
