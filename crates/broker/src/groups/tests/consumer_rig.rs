//! Members of groups whose coordinator assigns, as clients are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::*;
use super::rig::*;

pub(super) const CONSUMER_SESSION_MS: i64 = 45_000;

/// A client: what it knows, what it reads.
#[derive(Debug, Clone)]
pub(super) struct Consumer {
    pub(super) id: String,
    pub(super) instance: Option<String>,
    pub(super) epoch: i32,
    pub(super) topics: Vec<String>,
    pub(super) regex: Option<String>,
    pub(super) assignor: Option<String>,
    pub(super) owned: Assignment,
    /// The last heartbeat told `owned`.
    pub(super) has_told: bool,
}

impl Consumer {
    pub(super) fn new(id: &str, topics: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            instance: None,
            epoch: 0,
            topics: topics.iter().map(|topic| topic.to_string()).collect(),
            regex: None,
            assignor: None,
            owned: Assignment::new(),
            has_told: false,
        }
    }

    /// A static member.
    pub(super) fn named(id: &str, instance: &str, topics: &[&str]) -> Self {
        Self { instance: Some(instance.to_owned()), ..Self::new(id, topics) }
    }

    /// What it says when it tells everything.
    pub(super) fn full(&self) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            rebalance_timeout_ms: REBALANCE_MS,
            topics: Some(self.topics.clone()),
            regex: self.regex.clone(),
            assignor: self.assignor.clone(),
            owned: Some(self.owned.clone()),
            ..self.short()
        }
    }

    /// What it says when nothing has changed.
    pub(super) fn short(&self) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            version: 1,
            group: GROUP.to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            instance_id: self.instance.clone(),
            rack_id: None,
            rebalance_timeout_ms: -1,
            topics: None,
            regex: None,
            assignor: None,
            owned: None,
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            id_seed: 0,
        }
    }

    /// Joins, and reads at once what it is given.
    pub(super) fn join(&mut self, rig: &mut Rig) -> Result<(), GroupError> {
        (self.epoch, self.owned) = (0, Assignment::new());
        let answer = rig.beat(self.full())?;
        self.follow(answer);
        Ok(())
    }

    /// Sends a heartbeat, and does at once what the answer says.
    pub(super) fn beat(&mut self, rig: &mut Rig) -> Result<(), GroupError> {
        let owned = (!self.has_told).then(|| self.owned.clone());
        let answer = rig.beat(ConsumerHeartbeat { owned, ..self.short() })?;
        self.has_told = true;
        self.follow(answer);
        Ok(())
    }

    pub(super) fn follow(&mut self, answer: ConsumerAnswer) {
        self.epoch = answer.member_epoch;
        if let Some(assignment) = answer.assignment {
            self.has_told = self.owned == assignment;
            self.owned = assignment;
        }
    }

    pub(super) fn leave(&mut self, rig: &mut Rig, epoch: i32) -> Result<ConsumerAnswer, GroupError> {
        self.owned.clear();
        rig.beat(ConsumerHeartbeat { member_epoch: epoch, ..self.short() })
    }

    /// How many partitions of a topic it reads.
    pub(super) fn count(&self, topic: &str) -> usize {
        self.owned.iter().filter(|partition| partition.topic == topic_id(topic)).count()
    }
}

/// Two members of a group that reads `t`: the first has all of its four partitions, the second has just joined.
pub(super) fn pair() -> (Rig, Consumer, Consumer) {
    let mut rig = Rig::new();
    rig.set_topics(&[("t", 4)]);
    let (mut a, mut b) = (Consumer::new("a", &["t"]), Consumer::new("b", &["t"]));
    a.join(&mut rig).expect("it joins");
    b.join(&mut rig).expect("it joins");
    (rig, a, b)
}

/// The id that a topic has here.
pub(super) fn topic_id(name: &str) -> TopicId {
    [name.as_bytes()[0]; 16]
}

impl Rig {
    /// These are the topics from now on.
    pub(super) fn set_topics(&mut self, topics: &[(&str, i32)]) {
        let topics: BTreeMap<String, (TopicId, i32)> =
            topics.iter().map(|(name, count)| (name.to_string(), (topic_id(name), *count))).collect();
        let version = self.coordinator.topics().version + 1;
        self.coordinator.set_directory(Arc::new(Directory { version, topics }));
    }

    pub(super) fn beat(&mut self, request: ConsumerHeartbeat) -> Result<ConsumerAnswer, GroupError> {
        self.beat_seeing(request, Sight::of_all())
    }

    /// Sends a heartbeat of a client that may not see everything.
    pub(super) fn beat_seeing(
        &mut self,
        request: ConsumerHeartbeat,
        sight: Sight,
    ) -> Result<ConsumerAnswer, GroupError> {
        let token = self.token();
        let out = self.coordinator.consumer_heartbeat(token, request, sight, self.now_ms);
        self.take(out);
        match self.reply(token) {
            Some(Reply::ConsumerHeartbeat(answer)) => answer.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Has everybody send heartbeats until nobody has anything to do.
    pub(super) fn settle(&mut self, consumers: &mut [&mut Consumer]) {
        for _ in 0..20 {
            for consumer in consumers.iter_mut() {
                consumer.beat(self).expect("it is a member");
            }
            if self.described().state == ConsumerState::Stable && consumers.iter().all(|consumer| consumer.has_told) {
                return;
            }
        }
        panic!("{:?}", self.described());
    }

    pub(super) fn described(&mut self) -> DescribedConsumerGroup {
        self.try_described().expect("it is such a group")
    }

    pub(super) fn try_described(&mut self) -> Result<DescribedConsumerGroup, GroupError> {
        let token = self.token();
        let out = self.coordinator.describe_consumer_groups(token, vec![GROUP.to_owned()]);
        self.take(out);
        match self.reply(token) {
            Some(Reply::DescribeConsumerGroups(groups)) => groups[0].1.clone(),
            other => panic!("{other:?}"),
        }
    }
}
