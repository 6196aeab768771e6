//! What everybody shall own: settled anew when members or topics are others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::assignors::{Assignor, Subscriber, Topics};
use super::super::step::Step;
use super::super::types::{Assignment, Directory, TopicId};
use super::group::ConsumerGroup;

impl Step<'_> {
    /// Brings the targets up to date, if they are not.
    pub(super) fn settle_targets(&mut self, directory: &Directory) {
        let consumers = self.consumers();
        if consumers.epoch == consumers.assignment_epoch && consumers.directory_version == Some(directory.version) {
            return;
        }
        consumers.directory_version = Some(directory.version);
        if consumers.match_topics(directory) {
            consumers.begin_epoch();
        }
        let subscriptions = subscriptions(consumers, directory);
        let topics = subscribed(&subscriptions, directory);
        if topics != consumers.topics {
            consumers.topics = topics;
            consumers.begin_epoch();
        }
        if consumers.epoch == consumers.assignment_epoch {
            return;
        }
        consumers.assignor = wanted(consumers);
        for (id, target) in targets(consumers, subscriptions) {
            consumers.set_target(&id, target);
        }
        consumers.assignment_epoch = consumers.epoch;
        consumers.is_dirty = true;
    }
}

/// Ids of the topics that each member subscribes to, in the members' order.
fn subscriptions(consumers: &ConsumerGroup, directory: &Directory) -> Vec<BTreeSet<TopicId>> {
    let of_member = |member: &super::member::ConsumerMember| {
        let named = member.topics.iter().filter_map(|name| directory.topics.get(name)).map(|(id, _)| *id);
        named.chain(member.matched.iter().copied()).collect()
    };
    consumers.members().map(of_member).collect()
}

/// All topics that anybody subscribes to, with their partitions.
fn subscribed(subscriptions: &[BTreeSet<TopicId>], directory: &Directory) -> Topics {
    let wanted: BTreeSet<&TopicId> = subscriptions.iter().flatten().collect();
    directory.topics.values().filter(|(id, _)| wanted.contains(id)).copied().collect()
}

/// The assignor that most members want; of equals the first, which is the one that is used if nobody wants any.
fn wanted(consumers: &ConsumerGroup) -> Assignor {
    let mut votes = BTreeMap::<Assignor, usize>::new();
    for assignor in consumers.members().filter_map(|member| member.assignor) {
        *votes.entry(assignor).or_default() += 1;
    }
    let most = votes.values().copied().max().unwrap_or(0);
    votes.into_iter().find(|(_, count)| *count == most).map_or(Assignor::default(), |(assignor, _)| assignor)
}

fn targets(consumers: &ConsumerGroup, subscriptions: Vec<BTreeSet<TopicId>>) -> Vec<(String, Assignment)> {
    let subscribers = consumers.members().zip(subscriptions).map(|(member, topics)| Subscriber {
        id: &member.id,
        instance_id: member.instance_id.as_deref(),
        topics,
        before: &member.target,
    });
    let subscribers: Vec<Subscriber<'_>> = subscribers.collect();
    let shares = consumers.assignor.assign(&subscribers, &consumers.topics);
    subscribers.iter().map(|subscriber| subscriber.id.to_owned()).zip(shares).collect()
}
