//! A coordinator with a clock and a file.

use super::super::*;

pub(super) const ID: &str = "shop";
pub(super) const TIMEOUT_MS: i32 = 60_000;

pub(super) struct Rig {
    pub(super) coordinator: Coordinator,
    pub(super) now_ms: i64,
    pub(super) journal: Vec<Record>,
    next_id: i64,
}

impl Rig {
    pub(super) fn new() -> Self {
        let coordinator = Coordinator::new(TransactionConfig::default());
        Self { coordinator, now_ms: 1_000_000, journal: Vec::new(), next_id: 100 }
    }

    /// One with a producer of [`ID`].
    pub(super) fn begun() -> (Self, Producer) {
        let mut rig = Self::new();
        let producer = rig.init(None).expect("nobody is there");
        (rig, producer)
    }

    /// Writes a record, then does what it says.
    pub(super) fn keep(&mut self, record: Option<Record>) {
        if let Some(record) = record {
            let record = Record::decode(&record.encode()).expect("it was just encoded");
            self.coordinator.apply(&record);
            self.journal.push(record);
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(replayed(&self.journal), self.coordinator, "all records");
        assert_eq!(replayed(&self.coordinator.snapshot()), self.coordinator, "a snapshot");
    }

    /// The process ends, and another takes over the file.
    pub(super) fn restart(&mut self) {
        self.coordinator = replayed(&self.journal);
    }

    pub(super) fn try_init(&mut self, known: Option<Producer>) -> Result<Init, TransactionError> {
        let request = InitRequest { transactional_id: ID.to_owned(), timeout_ms: TIMEOUT_MS, known };
        self.coordinator.init(&request, None, self.now_ms)
    }

    /// A new life of [`ID`], whatever has to be done for it.
    pub(super) fn init(&mut self, known: Option<Producer>) -> Result<Producer, TransactionError> {
        let request = InitRequest { transactional_id: ID.to_owned(), timeout_ms: TIMEOUT_MS, known };
        let mut new_id = None;
        loop {
            match self.coordinator.init(&request, new_id, self.now_ms)? {
                Init::Ready(producer, record) => {
                    self.keep(record);
                    return Ok(producer);
                }
                Init::Fence(record) => {
                    self.keep(Some(record));
                    self.complete();
                }
                Init::WantsId => {
                    self.next_id += 1;
                    new_id = Some(self.next_id);
                }
            }
        }
    }

    pub(super) fn add(&mut self, producer: Producer, topic: &str, partition: i32) -> Result<(), TransactionError> {
        let partitions = [(topic.to_owned(), partition)];
        let record = self.coordinator.add_partitions(ID, producer, &partitions, self.now_ms)?;
        self.keep(record);
        Ok(())
    }

    pub(super) fn add_group(&mut self, producer: Producer, group: &str) -> Result<(), TransactionError> {
        let record = self.coordinator.add_group(ID, producer, group, self.now_ms)?;
        self.keep(record);
        Ok(())
    }

    pub(super) fn end(&mut self, producer: Producer, is_commit: bool) -> Result<(), TransactionError> {
        let record = self.coordinator.end(ID, producer, is_commit, self.now_ms)?;
        self.keep(record);
        Ok(())
    }

    /// Decides how the transaction of [`ID`] ends, by the newer protocol; answers the life that its producer has then.
    pub(super) fn renew(&mut self, producer: Producer, is_commit: bool) -> Result<Producer, TransactionError> {
        let mut new_id = None;
        loop {
            match self.coordinator.end_with_new_life(ID, producer, is_commit, new_id, self.now_ms)? {
                Renewal::Told(life) => return Ok(life),
                Renewal::Decided(life, record) => {
                    self.keep(Some(*record));
                    return Ok(life);
                }
                Renewal::WantsId => {
                    self.next_id += 1;
                    new_id = Some(self.next_id);
                }
            }
        }
    }

    /// Gives the producer of [`ID`] the last epoch that it may have.
    pub(super) fn spend(&mut self) -> Producer {
        let mut found = self.coordinator.describe(ID).expect("it is known").clone();
        found.producer.epoch = i16::MAX - 1;
        self.keep(Some(Record::Transaction(found.clone())));
        found.producer
    }

    /// Carries out what is decided of [`ID`]; answers it.
    pub(super) fn complete(&mut self) -> Completion {
        let completion = self.coordinator.completion(ID).expect("it is decided");
        let record = self.coordinator.completed(&completion, Vec::new(), self.now_ms);
        assert!(record.is_some());
        self.keep(record);
        completion
    }

    /// The same, where a partition of `orders` could not be given its marker.
    pub(super) fn complete_owing(&mut self, partition: i32) -> OwedMarker {
        let completion = self.coordinator.completion(ID).expect("it is decided");
        let Completion { producer, is_commit, .. } = completion;
        let owed = OwedMarker { topic: "orders".to_owned(), topic_id: [7; 16], partition, producer, is_commit };
        let record = self.coordinator.completed(&completion, vec![owed.clone()], self.now_ms);
        assert!(record.is_some());
        self.keep(record);
        owed
    }

    /// Lets time pass, from one deadline to the next, and writes what is due.
    pub(super) fn pass(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        while let Some(due_ms) = self.coordinator.next_deadline().filter(|due_ms| *due_ms <= end_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            let due = self.coordinator.due(self.now_ms);
            assert!(!due.is_empty(), "a deadline is of something");
            due.into_iter().for_each(|record| self.keep(Some(record)));
        }
        self.now_ms = end_ms;
    }

    pub(super) fn state(&self) -> State {
        self.coordinator.describe(ID).expect("it is known").state
    }
}

/// What these records make.
pub(super) fn replayed(records: &[Record]) -> Coordinator {
    let mut coordinator = Coordinator::new(TransactionConfig::default());
    records.iter().for_each(|record| coordinator.apply(record));
    coordinator
}
