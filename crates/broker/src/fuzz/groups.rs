//! The coordinator of groups, with members of both protocols, a clock and an owner that restarts.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::Input;
use crate::groups::{
    Assignment, CommitPartition, CommitRequest, CommitTopic, ConsumerHeartbeat, Coordinator, Directory, GroupConfig,
    HeartbeatRequest, IdPartition, JoinRequest, LeaveRequest, LeavingMember, Outcome, Protocol, Record, Reply, Sight,
    SyncRequest, Token,
};

const GROUPS: [&str; 2] = ["shop", "audit"];
const TOPICS: [&str; 2] = ["orders", "stock"];
const PRODUCERS: [i64; 2] = [5, 6];

/// A coordinator and what its owner does for it.
struct World {
    coordinator: Coordinator,
    journal: Vec<Record>,
    /// Ids that members were given, and one that nobody was.
    members: Vec<String>,
    /// Requests that are not answered yet.
    waiting: BTreeSet<Token>,
    requests: u64,
    now_ms: i64,
}

/// Members of both protocols join, sync, commit, leave, come late and die; topics change; the owner restarts. Every request has one
/// answer, and a restart finds what was there.
pub(super) fn drive(input: &mut Input<'_>) {
    let mut world = World {
        coordinator: Coordinator::new(GroupConfig::default()),
        journal: Vec::new(),
        members: vec![String::new(), "nobody".to_owned()],
        waiting: BTreeSet::new(),
        requests: 0,
        now_ms: 1_000_000,
    };
    while let Some(operation) = input.byte() {
        world.step(operation, input);
        assert_eq!(replayed(&world.journal).snapshot(), world.coordinator.snapshot());
    }
    let last = world.coordinator.close();
    world.take(last);
    assert!(world.waiting.is_empty(), "{:?} have no answer", world.waiting);
}

impl World {
    fn step(&mut self, operation: u8, input: &mut Input<'_>) {
        match operation % 14 {
            0..=1 => self.ask(|world, token| {
                let request = world.join(input);
                world.coordinator.join(token, request, world.now_ms)
            }),
            2 => self.ask(|world, token| {
                let request = world.sync(input);
                world.coordinator.sync(token, request, world.now_ms)
            }),
            3 => self.ask(|world, token| {
                let (group, member_id, instance_id) = world.who(input);
                let request = HeartbeatRequest { group, generation: generation(input), member_id, instance_id };
                world.coordinator.heartbeat(token, &request, world.now_ms)
            }),
            4 => self.ask(|world, token| {
                let (group, member_id, instance_id) = world.who(input);
                let request = LeaveRequest { group, members: vec![LeavingMember { member_id, instance_id }] };
                world.coordinator.leave(token, request, world.now_ms)
            }),
            5..=6 => self.ask(|world, token| {
                let request = world.commit(input);
                let producer_id = input.of(&PRODUCERS);
                match input.flag() {
                    false => world.coordinator.commit_offsets(token, request, world.now_ms),
                    true => world.coordinator.commit_offsets_in_transaction(token, producer_id, request, world.now_ms),
                }
            }),
            7 => {
                let (producer_id, is_committed) = (input.of(&PRODUCERS), input.flag());
                let outcome = self.coordinator.complete_transaction(producer_id, is_committed, self.now_ms);
                self.take(outcome);
            }
            8 => {
                self.now_ms += i64::from(input.of(&[0, 1, 1_000, 10_000, 3_600_000, 700_000_000]));
                let outcome = self.coordinator.tick(self.now_ms);
                self.take(outcome);
                assert!(self.coordinator.next_deadline().is_none_or(|ms| ms > self.now_ms), "one tick does all of it");
            }
            9..=10 => self.ask(|world, token| {
                let request = world.consumer(input);
                world.coordinator.consumer_heartbeat(token, request, Sight::of_all(), world.now_ms)
            }),
            11 => self.change(input),
            12 => self.restart(input.flag()),
            _ => found(input.chunk()),
        }
    }

    /// Asks something that has to be answered.
    fn ask(&mut self, ask: impl FnOnce(&mut Self, Token) -> Outcome) {
        self.requests += 1;
        let token = Token(self.requests);
        self.waiting.insert(token);
        let outcome = ask(self, token);
        self.take(outcome);
    }

    fn take(&mut self, outcome: Outcome) {
        for record in outcome.records {
            let encoded = record.encode();
            assert_eq!(Record::decode(&encoded).as_ref(), Ok(&record));
            self.journal.push(record);
        }
        for (token, reply) in outcome.replies {
            assert!(self.waiting.remove(&token), "{token:?} was not asked, or has its answer: {reply:?}");
            let member = match reply {
                Reply::Join(answer) => answer.member_id,
                Reply::ConsumerHeartbeat(Ok(answer)) => answer.member_id,
                _ => continue,
            };
            if !self.members.contains(&member) {
                self.members.push(member);
            }
        }
    }

    /// Topics, groups and connections go, or topics come.
    fn change(&mut self, input: &mut Input<'_>) {
        match input.below(4) {
            0 => {
                let counts = TOPICS.map(|topic| (topic, input.below(4) as i32));
                let there = counts.into_iter().zip(1..).filter(|((_, count), _)| *count > 0);
                let topics = there.map(|((topic, count), id)| (topic.to_owned(), ([id; 16], count))).collect();
                self.requests += 1;
                self.coordinator.set_directory(Arc::new(Directory { version: self.requests, topics }));
            }
            1 => {
                let Some(token) = self.waiting.pop_first() else { return };
                let outcome = self.coordinator.cancel(token, self.now_ms);
                self.take(outcome);
            }
            2 => {
                let outcome = self.coordinator.remove_topic(input.of(&TOPICS), self.now_ms);
                self.take(outcome);
            }
            _ => self.ask(|world, token| {
                let groups = vec![input.of(&GROUPS).to_owned()];
                world.coordinator.delete_groups(token, groups, world.now_ms)
            }),
        }
    }

    /// Who waited has lost the connection.
    fn restart(&mut self, from_snapshot: bool) {
        if from_snapshot {
            self.journal = self.coordinator.snapshot();
        }
        let mut coordinator = self.coordinator.begun_anew();
        self.journal.iter().for_each(|record| coordinator.replay(record));
        self.coordinator = coordinator;
        self.waiting.clear();
        let outcome = self.coordinator.start(self.now_ms);
        self.take(outcome);
    }

    fn who(&mut self, input: &mut Input<'_>) -> (String, String, Option<String>) {
        let instance = input.of(&[None, None, Some("counter"), Some("till")]);
        (input.of(&GROUPS).to_owned(), input.of(&self.members), instance.map(str::to_owned))
    }

    fn join(&mut self, input: &mut Input<'_>) -> JoinRequest {
        let (group, member_id, instance_id) = self.who(input);
        let protocol = |name: &str| Protocol { name: name.to_owned(), metadata: Bytes::from_static(b"metadata") };
        let protocols: &[&str] = input.of(&[&["range"][..], &["range", "sticky"], &["sticky"], &[]]);
        self.requests += 1;
        JoinRequest {
            version: input.below(10) as i16,
            group,
            member_id,
            instance_id,
            client_id: "fuzz".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: input.of(&[10_000, 6_000, 0, -1, i32::MAX]),
            rebalance_timeout_ms: input.of(&[5_000, 60_000, -1, i32::MAX]),
            protocol_type: input.of(&["consumer", "connect", ""]).to_owned(),
            protocols: protocols.iter().copied().map(protocol).collect(),
            id_seed: u128::from(self.requests),
        }
    }

    fn sync(&mut self, input: &mut Input<'_>) -> SyncRequest {
        let (group, member_id, instance_id) = self.who(input);
        let assignments = if input.flag() {
            self.members.iter().map(|member| (member.clone(), Bytes::from_static(b"assignment"))).collect()
        } else {
            Vec::new()
        };
        let generation = generation(input);
        SyncRequest { group, generation, member_id, instance_id, protocol_type: None, protocol: None, assignments }
    }

    fn commit(&mut self, input: &mut Input<'_>) -> CommitRequest {
        let (group, member_id, instance_id) = self.who(input);
        let metadata = input.of(&[None, Some(""), Some("noted")]).map(str::to_owned);
        let partition = CommitPartition {
            partition: input.below(3) as i32,
            offset: input.of(&[0, 1, i64::MAX, -1]),
            leader_epoch: input.of(&[None, Some(0), Some(i32::MAX)]),
            metadata,
        };
        CommitRequest {
            version: input.below(10) as i16,
            group,
            generation: generation(input),
            member_id,
            instance_id,
            retention_ms: input.of(&[None, Some(0), Some(1_000), Some(i64::MAX), Some(-1)]),
            topics: vec![CommitTopic { topic: input.of(&TOPICS).to_owned(), partitions: vec![partition] }],
        }
    }

    fn consumer(&mut self, input: &mut Input<'_>) -> ConsumerHeartbeat {
        let (group, member_id, instance_id) = self.who(input);
        let topics = input.of(&[None, Some(&TOPICS[..]), Some(&TOPICS[..1]), Some(&[])]);
        let partition = IdPartition { topic: [1 + input.below(2) as u8; 16], partition: input.below(4) as i32 };
        self.requests += 1;
        ConsumerHeartbeat {
            version: input.below(2) as i16,
            group,
            member_id,
            member_epoch: input.of(&[0, -1, -2, 1, 2, 3, 4, i32::MAX, i32::MIN]),
            instance_id,
            rack_id: None,
            rebalance_timeout_ms: input.of(&[5_000, -1, 0, i32::MAX]),
            topics: topics.map(|topics| topics.iter().map(|topic| topic.to_string()).collect()),
            regex: input.of(&[None, Some(""), Some("o.*"), Some("(")]).map(str::to_owned),
            assignor: input.of(&[None, Some("range"), Some("uniform"), Some("mine")]).map(str::to_owned),
            owned: input.of(&[None, Some(Assignment::new()), Some(Assignment::from([partition]))]),
            client_id: "fuzz".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            id_seed: u128::from(self.requests),
        }
    }
}

fn generation(input: &mut Input<'_>) -> i32 {
    input.of(&[1, 2, 3, 4, 0, -1, i32::MAX])
}

fn replayed(journal: &[Record]) -> Coordinator {
    let mut coordinator = Coordinator::new(GroupConfig::default());
    journal.iter().for_each(|record| coordinator.replay(record));
    coordinator
}

/// What a start finds in a journal: what can be read is written as it was, and can be worked with.
fn found(bytes: &[u8]) {
    let Ok(record) = Record::decode(&Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(&record));
    let mut coordinator = replayed(std::slice::from_ref(&record));
    let _ = (coordinator.start(0), coordinator.snapshot(), coordinator.tick(i64::MAX), coordinator.close());
}
