//! Members of groups whose coordinator assigns come, go, stall, lose answers and die, topics and subscriptions change, the
//! coordinator restarts: at no moment do two members read one partition, and in the end each is read by one.

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

const SEEDS: u64 = 300;
const STEPS: usize = 250;
const TOPICS: [&str; 4] = ["t", "u", "v", "w"];

/// A source of numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// A client whose steps take their time.
struct Slow {
    consumer: Consumer,
    has_joined: bool,
    /// What it was told to read, and does not yet.
    told: Option<Assignment>,
    /// The last answer was lost, so it tells everything.
    is_unsure: bool,
}

impl Slow {
    fn new(consumer: Consumer) -> Self {
        Self { consumer, has_joined: false, told: None, is_unsure: false }
    }

    /// Reads what it was told to.
    fn apply(&mut self) {
        if let Some(told) = self.told.take() {
            self.consumer.has_told = false;
            self.consumer.owned = told;
        }
    }

    fn beat(&mut self, rig: &mut Rig, is_lost: bool) {
        let request = if !self.has_joined {
            (self.consumer.epoch, self.consumer.owned) = (0, Assignment::new());
            self.told = None;
            self.consumer.full()
        } else if self.is_unsure {
            self.consumer.full()
        } else {
            let owned = (!self.consumer.has_told).then(|| self.consumer.owned.clone());
            ConsumerHeartbeat { owned, ..self.consumer.short() }
        };
        let answer = rig.beat(request);
        if is_lost {
            self.is_unsure = true;
            return;
        }
        match answer {
            Ok(answer) => {
                (self.has_joined, self.is_unsure, self.consumer.has_told) = (true, false, true);
                self.consumer.epoch = answer.member_epoch;
                if answer.assignment.is_some() {
                    self.told = answer.assignment;
                }
            }
            Err(GroupError::FencedMemberEpoch | GroupError::UnknownMemberId | GroupError::GroupIdNotFound) => {
                self.has_joined = false;
                self.consumer.owned.clear();
                self.told = None;
            }
            Err(GroupError::UnreleasedInstanceId) => assert!(!self.has_joined),
            Err(error) => panic!("{error} to {:?}", self.consumer),
        }
    }
}

struct World {
    rig: Rig,
    random: Random,
    clients: Vec<Slow>,
    counts: [i32; 4],
    born: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            rig: Rig::new(),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            clients: Vec::new(),
            counts: [4, 3, 0, 0],
            born: 0,
        };
        world.tell_topics();
        world
    }

    fn tell_topics(&mut self) {
        let there = TOPICS.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let there: Vec<(&str, i32)> = there.map(|(name, count)| (*name, count)).collect();
        self.rig.set_topics(&there);
    }

    fn subscription(&mut self) -> (Vec<String>, Option<String>) {
        let topics = TOPICS.iter().filter(|_| !self.random.one_in(3)).map(|topic| topic.to_string()).collect();
        (topics, Some(if self.random.one_in(3) { "[uv]".to_owned() } else { String::new() }))
    }

    fn be_born(&mut self) {
        self.born += 1;
        let id = format!("m{}", self.born);
        let mut consumer = Consumer::new(&id, &[]);
        let instance = format!("i{}", self.random.below(4));
        let is_taken = self.clients.iter().any(|client| client.consumer.instance.as_ref() == Some(&instance));
        consumer.instance = (self.random.one_in(2) && !is_taken).then_some(instance);
        (consumer.topics, consumer.regex) = self.subscription();
        consumer.assignor = self.random.one_in(3).then(|| "range".to_owned());
        self.clients.push(Slow::new(consumer));
    }

    fn step(&mut self) {
        let at = if self.clients.is_empty() { None } else { Some(self.random.below(self.clients.len())) };
        match (self.random.below(40), at) {
            (0..=1, _) if self.clients.len() < 6 => self.be_born(),
            (2..=20, Some(at)) => {
                let is_lost = self.random.one_in(12);
                self.clients[at].beat(&mut self.rig, is_lost);
            }
            (21..=31, Some(at)) => self.clients[at].apply(),
            (32, Some(at)) => {
                // It dies, and reads nothing any longer.
                self.clients.swap_remove(at);
            }
            (33, Some(at)) => {
                let mut client = self.clients.swap_remove(at);
                let for_a_while = client.consumer.instance.is_some() && self.random.one_in(2);
                // Its answer may have been lost, or its place: then there is nothing to leave.
                let _ = client.consumer.leave(&mut self.rig, if for_a_while { -2 } else { -1 });
            }
            (34, Some(at)) => {
                (self.clients[at].consumer.topics, self.clients[at].consumer.regex) = self.subscription();
                self.clients[at].is_unsure = true;
            }
            (35, _) => {
                let topic = self.random.below(TOPICS.len());
                self.counts[topic] = if self.random.one_in(4) { 0 } else { self.counts[topic] + 1 };
                self.tell_topics();
            }
            (36, _) => {
                if self.random.one_in(2) {
                    self.rig.journal = self.rig.coordinator.snapshot();
                }
                self.rig.restart();
                self.tell_topics();
            }
            _ => {
                let ms = self.random.below(4_000) as i64;
                self.rig.pass(ms);
            }
        }
        self.drop_the_silent();
        self.check();
    }

    /// A client whose session has ended while it said nothing stops reading, as clients do by their own clocks.
    fn drop_the_silent(&mut self) {
        let members: Vec<String> = match self.rig.try_described() {
            Ok(group) => group.members.into_iter().map(|member| member.member_id).collect(),
            Err(_) => Vec::new(),
        };
        for client in self.clients.iter_mut().filter(|client| !members.contains(&client.consumer.id)) {
            client.consumer.owned.clear();
            client.told = None;
        }
    }

    fn check(&self) {
        let mut read = Assignment::new();
        for partition in self.clients.iter().flat_map(|client| &client.consumer.owned) {
            assert!(read.insert(*partition), "two members read {partition:?}");
        }
    }

    /// Everybody is well from now on.
    fn calm_down(&mut self) {
        if self.clients.is_empty() {
            self.be_born();
        }
        for _ in 0..80 {
            for at in 0..self.clients.len() {
                self.clients[at].beat(&mut self.rig, false);
                self.clients[at].apply();
                self.check();
            }
            self.rig.pass(1_000);
        }
        let described = self.rig.described();
        assert_eq!(described.state, ConsumerState::Stable, "{described:?}");
        let reads = |client: &Slow, topic: &str| {
            let pattern = client.consumer.regex.as_deref() == Some("[uv]") && ["u", "v"].contains(&topic);
            pattern || client.consumer.topics.iter().any(|subscribed| subscribed == topic)
        };
        for (topic, count) in TOPICS.iter().zip(self.counts) {
            let wanted = self.clients.iter().any(|client| reads(client, topic));
            let read: usize = self.clients.iter().map(|client| client.consumer.count(topic)).sum();
            assert_eq!(read, if wanted { count as usize } else { 0 }, "{topic} of {described:?}");
            assert!(self.clients.iter().all(|client| client.consumer.count(topic) == 0 || reads(client, topic)));
        }
    }
}

#[test]
fn each_partition_is_read_by_one_member_and_never_by_two() {
    for seed in 0..SEEDS {
        let ran = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..STEPS {
                world.step();
            }
            world.calm_down();
            let snapshot = world.rig.coordinator.snapshot();
            assert_eq!(world.rig.replayed(&world.rig.journal).snapshot(), snapshot);
        });
        if let Err(panic) = ran {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
