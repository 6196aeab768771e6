//! A coordinator with a clock, a file, and a basket for the replies.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::*;

pub(super) const GROUP: &str = "g";
pub(super) const SESSION_MS: i32 = 10_000;
pub(super) const REBALANCE_MS: i32 = 60_000;

pub(super) struct Rig {
    pub(super) coordinator: Coordinator,
    pub(super) now_ms: i64,
    pub(super) journal: Vec<Record>,
    replies: BTreeMap<Token, Reply>,
    cancelled: BTreeSet<Token>,
    next_token: u64,
    seed: u128,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    pub(super) fn with(config: GroupConfig) -> Self {
        Self {
            coordinator: Coordinator::new(config),
            now_ms: 1_000_000,
            journal: Vec::new(),
            replies: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            next_token: 0,
            seed: 0,
        }
    }

    /// Without the initial delay.
    pub(super) fn eager() -> Self {
        Self::with(GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() })
    }

    pub(super) fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    /// Writes the records, keeps the replies, checks all.
    pub(super) fn take(&mut self, out: Outcome) {
        for record in out.records {
            self.journal.push(Record::decode(&record.encode()).expect("it was just encoded"));
        }
        for (token, reply) in out.replies {
            assert!(!self.cancelled.contains(&token), "{token:?} was cancelled");
            assert!(self.replies.insert(token, reply).is_none(), "{token:?} has two answers");
        }
        self.check();
    }

    fn check(&self) {
        for group in self.coordinator.groups.values() {
            match &group.leader {
                Some(leader) => assert!(group.members.contains(leader), "the leader is a member"),
                None => assert!(group.members.is_empty(), "a group with members has a leader"),
            }
            let joining = group.members.iter().filter(|member| member.is_joining()).count();
            assert_eq!(joining, group.members.joining());
            assert!(group.pending_joins.iter().all(|id| !group.members.contains(id)));
            assert!(group.pending_syncs.iter().all(|id| group.members.contains(id)));
            assert_eq!(
                group.state == State::Empty,
                group.members.is_empty() && group.state != State::PreparingRebalance
            );
            assert!(group.initial.is_none() || group.state == State::PreparingRebalance);
            assert!(joining == 0 || group.state == State::PreparingRebalance);
            let syncing = group.members.iter().filter(|member| member.sync.is_some()).count();
            assert!(syncing == 0 || group.state == State::CompletingRebalance);
            if let Some(consumer) = &group.consumer {
                assert!(group.members.is_empty() && group.state == State::Empty, "a group is of one protocol");
                let mut held = Assignment::new();
                for member in consumer.member_images() {
                    let all = &member.assigned | &member.revoking;
                    assert!(all.iter().all(|partition| held.insert(*partition)), "a partition is held by one");
                    assert!(member.assigned.is_disjoint(&member.revoking));
                }
            }
        }
    }

    /// What a restart makes of these records.
    pub(super) fn replayed(&self, records: &[Record]) -> Coordinator {
        let mut replayed = Coordinator::new(self.coordinator.config().clone());
        for record in records {
            replayed.replay(record);
        }
        replayed
    }

    /// The process ends and another takes over the file.
    pub(super) fn restart(&mut self) {
        self.coordinator = self.replayed(&self.journal);
        let out = self.coordinator.start(self.now_ms);
        self.take(out);
    }

    /// Lets time pass, from one deadline to the next.
    pub(super) fn pass(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        while let Some(due_ms) = self.coordinator.next_deadline().filter(|due_ms| *due_ms <= end_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            let out = self.coordinator.tick(self.now_ms);
            self.take(out);
        }
        self.now_ms = end_ms;
    }

    pub(super) fn reply(&self, token: Token) -> Option<&Reply> {
        self.replies.get(&token)
    }

    pub(super) fn is_waiting(&self, token: Token) -> bool {
        !self.replies.contains_key(&token)
    }

    pub(super) fn cancel(&mut self, token: Token) {
        if self.is_waiting(token) {
            self.cancelled.insert(token);
        }
        let out = self.coordinator.cancel(token, self.now_ms);
        self.take(out);
    }

    pub(super) fn send_join(&mut self, mut request: JoinRequest) -> Token {
        let token = self.token();
        self.seed += 1;
        request.id_seed = self.seed;
        let out = self.coordinator.join(token, request, self.now_ms);
        self.take(out);
        token
    }

    pub(super) fn joined(&self, token: Token) -> JoinAnswer {
        match self.reply(token) {
            Some(Reply::Join(answer)) => answer.clone(),
            other => panic!("{token:?} has {other:?}"),
        }
    }

    /// Joins, with the id that is given if one is required. The answer may have to be waited for.
    pub(super) fn enter(&mut self, request: JoinRequest) -> Token {
        let token = self.send_join(request.clone());
        match self.reply(token) {
            Some(Reply::Join(answer)) if answer.error == Some(GroupError::MemberIdRequired) => {
                let member_id = answer.member_id.clone();
                self.send_join(JoinRequest { member_id, ..request })
            }
            _ => token,
        }
    }

    pub(super) fn send_sync(&mut self, member: &str, generation: i32, assignments: &[(&str, &str)]) -> Token {
        let token = self.token();
        let request = SyncRequest {
            assignments: assignments
                .iter()
                .map(|(id, text)| (id.to_string(), text.as_bytes().to_vec().into()))
                .collect(),
            ..sync(member, generation)
        };
        let out = self.coordinator.sync(token, request, self.now_ms);
        self.take(out);
        token
    }

    pub(super) fn synced(&self, token: Token) -> Result<String, GroupError> {
        match self.reply(token) {
            Some(Reply::Sync(answer)) => {
                answer.clone().map(|answer| String::from_utf8_lossy(&answer.assignment).into_owned())
            }
            other => panic!("{token:?} has {other:?}"),
        }
    }

    pub(super) fn heartbeat(&mut self, member: &str, generation: i32) -> Result<(), GroupError> {
        self.send_heartbeat(&heartbeat(member, generation))
    }

    pub(super) fn send_heartbeat(&mut self, request: &HeartbeatRequest) -> Result<(), GroupError> {
        let token = self.token();
        let out = self.coordinator.heartbeat(token, request, self.now_ms);
        self.take(out);
        match self.reply(token) {
            Some(Reply::Heartbeat(answer)) => *answer,
            other => panic!("{other:?}"),
        }
    }

    /// Members leave, each by id and name.
    pub(super) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<Option<GroupError>> {
        let token = self.token();
        let members = members.iter().map(|(member_id, instance_id)| LeavingMember {
            member_id: member_id.to_string(),
            instance_id: instance_id.map(str::to_owned),
        });
        let request = LeaveRequest { group: GROUP.to_owned(), members: members.collect() };
        let out = self.coordinator.leave(token, request, self.now_ms);
        self.take(out);
        match self.reply(token) {
            Some(Reply::Leave(Ok(left))) => left.iter().map(|left| left.error).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn commit(&mut self, request: CommitRequest) -> Vec<Option<GroupError>> {
        let token = self.token();
        let out = self.coordinator.commit_offsets(token, request, self.now_ms);
        self.take(out);
        self.committed(token)
    }

    pub(super) fn commit_in_transaction(&mut self, producer: i64, request: CommitRequest) -> Vec<Option<GroupError>> {
        let token = self.token();
        let out = self.coordinator.commit_offsets_in_transaction(token, producer, request, self.now_ms);
        self.take(out);
        self.committed(token)
    }

    fn committed(&self, token: Token) -> Vec<Option<GroupError>> {
        match self.reply(token) {
            Some(Reply::Commit(topics)) => errors(topics),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn end_transaction(&mut self, producer: i64, is_committed: bool) {
        let out = self.coordinator.complete_transaction(producer, is_committed, self.now_ms);
        self.take(out);
    }

    /// Offset and error of one partition.
    pub(super) fn fetch(&mut self, topic: &str, partition: i32, require_stable: bool) -> Result<i64, GroupError> {
        let topics = Some(vec![TopicPartitions { topic: topic.to_owned(), partitions: vec![partition] }]);
        let found =
            self.fetch_request(FetchOffsetsRequest { group: GROUP.to_owned(), member: None, topics, require_stable });
        let found = &found[0].partitions[0];
        found.error.map_or(Ok(found.offset), Err)
    }

    pub(super) fn fetch_request(&mut self, request: FetchOffsetsRequest) -> Vec<FetchedTopic> {
        let token = self.token();
        let out = self.coordinator.fetch_offsets(token, request);
        self.take(out);
        match self.reply(token) {
            Some(Reply::FetchOffsets(Ok(topics))) => topics.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn delete_offsets(&mut self, topic: &str, partition: i32) -> Result<Option<GroupError>, GroupError> {
        let token = self.token();
        let topics = vec![TopicPartitions { topic: topic.to_owned(), partitions: vec![partition] }];
        let out = self.coordinator.delete_offsets(token, GROUP, topics, self.now_ms);
        self.take(out);
        match self.reply(token) {
            Some(Reply::DeleteOffsets(answer)) => answer.clone().map(|topics| topics[0].partitions[0].error),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn delete_group(&mut self, group: &str) -> Option<GroupError> {
        let token = self.token();
        let out = self.coordinator.delete_groups(token, vec![group.to_owned()], self.now_ms);
        self.take(out);
        match self.reply(token) {
            Some(Reply::DeleteGroups(answers)) => answers[0].1,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn describe(&mut self) -> DescribedGroup {
        let token = self.token();
        let out = self.coordinator.describe_groups(token, vec![GROUP.to_owned()]);
        self.take(out);
        match self.reply(token) {
            Some(Reply::DescribeGroups(groups)) => groups[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&mut self) -> State {
        self.describe().state
    }

    pub(super) fn generation(&self) -> i32 {
        self.coordinator.groups[GROUP].generation
    }

    /// A stable group of `count` consumers; their ids, the leader's first. Without the initial delay each but the first makes
    /// the others join again, so that there are as many generations.
    pub(super) fn stable(&mut self, count: usize) -> Vec<String> {
        let mut tokens: Vec<Token> = Vec::new();
        for _ in 0..count {
            let entered = self.enter(consumer());
            for token in &mut tokens {
                if self.is_waiting(entered) && !self.is_waiting(*token) {
                    let id = self.joined(*token).member_id;
                    *token = self.send_join(member(&id));
                }
            }
            tokens.push(entered);
        }
        // No longer than it takes: a member that was answered and does not sync is gone after its session.
        for _ in 0..REBALANCE_MS / 1_000 {
            if tokens.iter().all(|token| !self.is_waiting(*token)) {
                break;
            }
            self.pass(1_000);
        }
        self.sync_all(&tokens)
    }

    /// Syncs those whose joins were answered; their ids, the leader's first. Each gets its id as assignment.
    pub(super) fn sync_all(&mut self, tokens: &[Token]) -> Vec<String> {
        let answers: Vec<JoinAnswer> = tokens.iter().map(|token| self.joined(*token)).collect();
        let leader = answers[0].leader.clone();
        let mut ids: Vec<String> = answers.iter().map(|answer| answer.member_id.clone()).collect();
        ids.sort_by_key(|id| *id != leader);
        let shares: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), id.as_str())).collect();
        for id in ids.iter().rev() {
            let shares = if *id == leader { &shares[..] } else { &[] };
            self.send_sync(id, answers[0].generation, shares);
        }
        ids
    }
}

/// A consumer that joins for the first time.
pub(super) fn consumer() -> JoinRequest {
    JoinRequest {
        version: 9,
        group: GROUP.to_owned(),
        member_id: String::new(),
        instance_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol("range", &["t"])],
        id_seed: 0,
    }
}

/// A member that joins again.
pub(super) fn member(id: &str) -> JoinRequest {
    JoinRequest { member_id: id.to_owned(), ..consumer() }
}

/// A static member that starts.
pub(super) fn named(instance: &str) -> JoinRequest {
    JoinRequest { instance_id: Some(instance.to_owned()), ..consumer() }
}

/// A protocol with a consumer's subscription.
pub(super) fn protocol(name: &str, topics: &[&str]) -> Protocol {
    let mut metadata = vec![0, 1];
    metadata.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        metadata.extend((topic.len() as i16).to_be_bytes());
        metadata.extend(topic.as_bytes());
    }
    metadata.extend([0xff; 4]);
    Protocol { name: name.to_owned(), metadata: Bytes::from(metadata) }
}

pub(super) fn sync(member: &str, generation: i32) -> SyncRequest {
    SyncRequest {
        group: GROUP.to_owned(),
        generation,
        member_id: member.to_owned(),
        instance_id: None,
        protocol_type: Some("consumer".to_owned()),
        protocol: None,
        assignments: Vec::new(),
    }
}

pub(super) fn heartbeat(member: &str, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest { group: GROUP.to_owned(), generation, member_id: member.to_owned(), instance_id: None }
}

/// A commit of one offset in partition 0 of `topic`.
pub(super) fn commit(member: &str, generation: i32, topic: &str, offset: i64) -> CommitRequest {
    let partition = CommitPartition { partition: 0, offset, leader_epoch: Some(3), metadata: Some("note".to_owned()) };
    CommitRequest {
        version: 9,
        group: GROUP.to_owned(),
        generation,
        member_id: member.to_owned(),
        instance_id: None,
        retention_ms: None,
        topics: vec![CommitTopic { topic: topic.to_owned(), partitions: vec![partition] }],
    }
}

pub(super) fn errors(topics: &[TopicErrors]) -> Vec<Option<GroupError>> {
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|partition| partition.error)).collect()
}
