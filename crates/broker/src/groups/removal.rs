//! Offsets and groups that go: OffsetDelete, DeleteGroups, deleted topics, old age.

use super::group::Group;
use super::record::OffsetKey;
use super::types::{Outcome, PartitionError, Reply, State, TopicErrors, TopicPartitions};
use super::{Committed, Coordinator, GroupError, Record, Token};

impl Coordinator {
    /// Deletes offsets, except those of topics that members subscribe to.
    pub fn delete_offsets(&mut self, token: Token, group: &str, topics: Vec<TopicPartitions>, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        let answer = match self.check_delete_offsets(group) {
            Ok(()) => {
                Ok(topics.into_iter().map(|topic| self.delete_of_topic(group, topic, now_ms, &mut out)).collect())
            }
            Err(error) => Err(error),
        };
        out.reply(token, Reply::DeleteOffsets(answer));
        out
    }

    /// Deletes groups without members, with all their offsets.
    pub fn delete_groups(&mut self, token: Token, groups: Vec<String>, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        let mut answers = Vec::with_capacity(groups.len());
        for group in groups {
            let error = self.check_delete_group(&group).err();
            if error.is_none() {
                self.emit(Record::GroupRemoved { group: group.clone() }, now_ms, &mut out);
            }
            answers.push((group, error));
        }
        out.reply(token, Reply::DeleteGroups(answers));
        out
    }

    /// A topic was deleted: so are its offsets in all groups, also those of transactions that have not ended.
    pub fn remove_topic(&mut self, topic: &str, now_ms: i64) -> Outcome {
        let mut out = Outcome::default();
        let mut found = Vec::new();
        for group in self.groups.values() {
            found.extend(group.offsets.partitions_of(topic).into_iter().map(|partition| key(group, topic, partition)));
        }
        for of in found {
            self.emit(Record::OffsetRemoved { of }, now_ms, &mut out);
        }
        out
    }

    /// Deletes offsets that are too old, and groups with neither members nor offsets.
    pub(super) fn sweep_offsets(&mut self, now_ms: i64, out: &mut Outcome) {
        let retention_ms = self.config().offsets_retention_ms;
        let mut records = Vec::new();
        for group in self.groups.values() {
            let expired = expired(group, retention_ms, now_ms);
            let kept = group.offsets.committed_partitions() - expired.len();
            let is_in_use = !group.is_empty() || !group.pending_joins.is_empty();
            if kept == 0 && !is_in_use && group.offsets.pending().is_empty() {
                records.push(Record::GroupRemoved { group: group.id.clone() });
            } else {
                records.extend(expired.into_iter().map(|of| Record::OffsetRemoved { of }));
            }
        }
        for record in records {
            self.emit(record, now_ms, out);
        }
        self.arm_sweep(now_ms);
    }

    fn check_delete_offsets(&self, group: &str) -> Result<(), GroupError> {
        self.check_group_id(group)?;
        let group = self.groups.get(group).ok_or(GroupError::GroupIdNotFound)?;
        if group.state == State::Empty || group.is_of_consumers() { Ok(()) } else { Err(GroupError::NonEmptyGroup) }
    }

    fn delete_of_topic(&mut self, group: &str, of: TopicPartitions, now_ms: i64, out: &mut Outcome) -> TopicErrors {
        let TopicPartitions { topic, partitions } = of;
        let subscribed = self.groups.get(group).is_some_and(|group| group.is_subscribed(&topic));
        let error = subscribed.then_some(GroupError::GroupSubscribedToTopic);
        for partition in partitions.iter().copied().filter(|_| !subscribed) {
            let found = self.groups.get(group).filter(|group| {
                group.offsets.get(&topic, partition).is_some() || group.offsets.is_pending(&topic, partition)
            });
            if let Some(found) = found {
                let of = key(found, &topic, partition);
                self.emit(Record::OffsetRemoved { of }, now_ms, out);
            }
        }
        let partitions = partitions.into_iter().map(|partition| PartitionError { partition, error });
        TopicErrors { partitions: partitions.collect(), topic }
    }

    fn check_delete_group(&self, group: &str) -> Result<(), GroupError> {
        self.check_open()?;
        let group = self.groups.get(group).ok_or(GroupError::GroupIdNotFound)?;
        if group.is_empty() { Ok(()) } else { Err(GroupError::NonEmptyGroup) }
    }
}

fn key(group: &Group, topic: &str, partition: i32) -> OffsetKey {
    OffsetKey { group: group.id.clone(), topic: topic.to_owned(), partition }
}

/// Offsets whose time has come. Nothing goes that a transaction may still change, or whose topic members subscribe to.
fn expired(group: &Group, retention_ms: i64, now_ms: i64) -> Vec<OffsetKey> {
    let Some(since_ms) = retention_start(group) else {
        return Vec::new();
    };
    let is_old = |committed: &Committed| match committed.expire_time_ms {
        Some(expire_time_ms) => now_ms >= expire_time_ms,
        None => now_ms.saturating_sub(since_ms(committed)) >= retention_ms,
    };
    let mut found = Vec::new();
    for (topic, partitions) in group.offsets.committed() {
        if group.is_subscribed(topic) {
            continue;
        }
        let old = partitions.iter().filter(|(_, committed)| is_old(committed)).map(|(partition, _)| *partition);
        let old = old.filter(|partition| !group.offsets.is_pending(topic, *partition));
        found.extend(old.map(|partition| key(group, topic, partition)));
    }
    found
}

/// From when an offset's retention counts; `None` while the group keeps all.
fn retention_start(group: &Group) -> Option<impl Fn(&Committed) -> i64> {
    let emptied_ms = match group.state {
        // Without members ever, it is a consumer that only keeps its offsets here.
        _ if group.protocol_type.is_none() => None,
        State::Empty => Some(group.state_since_ms),
        // The members' own topics are kept, those that they left behind go after their last commit.
        State::Stable if group.subscribed.is_some() => None,
        _ => return None,
    };
    Some(move |committed: &Committed| emptied_ms.unwrap_or(committed.commit_time_ms))
}
