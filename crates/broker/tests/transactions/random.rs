//! Several producers at once, each with transactions over partitions and offsets, in any order, with kills: against vectors.
//! One speaks the older protocol, the others the newer.

use millrace_broker::wire::ErrorCode;

use crate::client::{Client, Me};
use crate::served::Served;

const NAMES: [&str; 3] = ["north", "south", "west"];
/// The one that speaks the older protocol.
const OLDER: usize = 0;
const PARTITIONS: usize = 2;
const SEEDS: u64 = 25;
const STEPS: usize = 60;

/// Xorshift, so that a seed is a run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Committed,
    Aborted,
}

/// A producer as it sees itself.
struct Producer {
    me: Me,
    /// A life that was fenced, and its next number in the first partition.
    zombie: Option<(Me, i32)>,
    sequences: [i32; PARTITIONS],
    transaction: Option<usize>,
    /// The offset that its transaction is going to commit, and the one that is committed.
    pending: Option<i64>,
    committed: i64,
}

struct World {
    seed: u64,
    served: Served,
    client: Client,
    producers: Vec<Producer>,
    fates: Vec<Fate>,
    /// Value and transaction of every record.
    records: [Vec<(String, usize)>; PARTITIONS],
    values: i64,
}

impl World {
    fn new(seed: u64) -> Self {
        let served = Served::new();
        let mut client = served.client();
        client.create_topic("orders", PARTITIONS as i32);
        let begin = |name| Producer {
            me: client.init(name),
            zombie: None,
            sequences: [0; PARTITIONS],
            transaction: None,
            pending: None,
            committed: -1,
        };
        let producers = NAMES.into_iter().map(begin).collect();
        Self { seed, served, client, producers, fates: Vec::new(), records: Default::default(), values: 0 }
    }

    fn step(mut self, random: &mut Random) -> Self {
        let n = random.below(NAMES.len());
        match random.below(20) {
            0..=8 => self.send(n, random.below(PARTITIONS)),
            9..=10 => self.commit_offset(n),
            11..=14 => self.end(n, random.below(3) > 0),
            15 => self.replace(n),
            16..=17 => self.try_as_zombie(n),
            _ => {
                self.served = self.served.killed();
                self.client = self.served.client();
            }
        }
        self.check();
        self
    }

    fn begin(&mut self, n: usize) -> usize {
        let fates = &mut self.fates;
        *self.producers[n].transaction.get_or_insert_with(|| {
            fates.push(Fate::GoesOn);
            fates.len() - 1
        })
    }

    fn send(&mut self, n: usize, partition: usize) {
        let transaction = self.begin(n);
        let producer = &mut self.producers[n];
        let to = ("orders", partition as i32);
        if n == OLDER {
            assert_eq!(
                self.client.add(3, producer.me, &[("orders", &[to.1])]),
                [ErrorCode::None],
                "seed {}",
                self.seed
            );
        }
        let value = self.values.to_string();
        self.values += 1;
        let version = if n == OLDER { 9 } else { 12 };
        let sent = self.client.send(version, producer.me, to, producer.sequences[partition], &value);
        assert_eq!(sent, ErrorCode::None, "seed {}", self.seed);
        producer.sequences[partition] += 1;
        self.records[partition].push((value, transaction));
    }

    fn commit_offset(&mut self, n: usize) {
        self.begin(n);
        let producer = &mut self.producers[n];
        let (me, offset) = (producer.me, self.values);
        self.values += 1;
        if n == OLDER {
            assert_eq!(self.client.add_group(me, me.name), ErrorCode::None);
        }
        let version = if n == OLDER { 3 } else { 5 };
        assert_eq!(self.client.commit_offset(version, me, me.name, ("orders", 0, offset)), ErrorCode::None);
        producer.pending = Some(offset);
    }

    fn end(&mut self, n: usize, commits: bool) {
        let producer = &mut self.producers[n];
        let Some(transaction) = producer.transaction.take() else { return self.end_nothing(n) };
        if n == OLDER {
            assert_eq!(self.client.end(3, producer.me, commits), ErrorCode::None, "seed {}", self.seed);
        } else {
            self.renew(n, commits);
        }
        let producer = &mut self.producers[n];
        self.fates[transaction] = if commits { Fate::Committed } else { Fate::Aborted };
        let pending = producer.pending.take().filter(|_| commits);
        producer.committed = pending.unwrap_or(producer.committed);
    }

    /// Ends a transaction by the newer protocol, and asks once more, as whoever has not seen the answer.
    fn renew(&mut self, n: usize, commits: bool) {
        let producer = &mut self.producers[n];
        let before = producer.me;
        producer.zombie = Some((before, producer.sequences[0]));
        producer.me = self.client.renew(before, commits).expect("it is its transaction");
        assert_eq!((producer.me.id, producer.me.epoch), (before.id, before.epoch + 1), "seed {}", self.seed);
        assert_eq!(self.client.renew(before, commits), Ok(producer.me), "seed {}", self.seed);
        producer.sequences = [0; PARTITIONS];
    }

    /// An abort that the broker knows no transaction for.
    fn end_nothing(&mut self, n: usize) {
        let me = self.producers[n].me;
        if n == OLDER {
            return;
        }
        assert_eq!(self.client.renew(me, true), Err(ErrorCode::InvalidTxnState), "seed {}", self.seed);
        self.renew(n, false);
    }

    /// Another life begins: what goes on is aborted.
    fn replace(&mut self, n: usize) {
        let producer = &mut self.producers[n];
        producer.zombie = Some((producer.me, producer.sequences[0]));
        producer.me = self.client.init(NAMES[n]);
        producer.sequences = [0; PARTITIONS];
        producer.pending = None;
        if let Some(transaction) = producer.transaction.take() {
            self.fates[transaction] = Fate::Aborted;
        }
    }

    fn try_as_zombie(&mut self, n: usize) {
        let Some((zombie, sequence)) = self.producers[n].zombie else { return };
        let sent = self.client.send(9, zombie, ("orders", 0), sequence, "from the grave");
        assert_eq!(sent, ErrorCode::InvalidProducerEpoch, "seed {}", self.seed);
        assert_eq!(self.client.end(3, zombie, true), ErrorCode::ProducerFenced, "seed {}", self.seed);
        let offset = self.client.commit_offset(3, zombie, zombie.name, ("orders", 0, 1_000_000));
        assert_eq!(offset, ErrorCode::InvalidProducerEpoch, "seed {}", self.seed);
    }

    fn check(&mut self) {
        for (partition, records) in self.records.iter().enumerate() {
            let stable = records.iter().take_while(|(_, n)| self.fates[*n] != Fate::GoesOn);
            let committed = stable.filter(|(_, n)| self.fates[*n] == Fate::Committed).map(|(value, _)| value.clone());
            let expected: Vec<String> = committed.collect();
            assert_eq!(self.client.committed("orders", partition as i32), expected, "seed {}", self.seed);
        }
        for producer in &self.producers {
            let expected = match producer.pending {
                Some(_) => Err(ErrorCode::UnstableOffsetCommit),
                None => Ok(producer.committed),
            };
            let found = self.client.offset_of(producer.me.name, "orders", 0);
            assert_eq!(found, expected, "seed {}", self.seed);
        }
    }
}

#[test]
fn producers_in_any_order_over_kills() {
    for seed in 1..=SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world = world.step(&mut random);
        }
    }
}
