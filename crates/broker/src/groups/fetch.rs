//! OffsetFetch.

use super::offsets::Offsets;
use super::types::{FetchOffsetsRequest, FetchedPartition, FetchedTopic, Outcome, Reply, TopicPartitions};
use super::{Committed, Coordinator, GroupError, Token};

impl Coordinator {
    /// Where a group stands. A group that is not known stands nowhere, which is no error.
    pub fn fetch_offsets(&self, token: Token, request: FetchOffsetsRequest) -> Outcome {
        let answer = self.check_fetch(&request).map(|()| {
            let offsets = self.groups.get(&request.group).map(|group| &group.offsets);
            match request.topics {
                Some(topics) => fetch_some(offsets, topics, request.require_stable),
                None => fetch_all(offsets, request.require_stable),
            }
        });
        Outcome::answer(token, Reply::FetchOffsets(answer))
    }

    /// A member whose place is another's by now must not go on from where that one stands.
    fn check_fetch(&self, request: &FetchOffsetsRequest) -> Result<(), GroupError> {
        self.check_open()?;
        let consumer = self.groups.get(&request.group).and_then(|group| group.consumer.as_ref());
        match (consumer, &request.member) {
            (Some(consumer), Some((member, epoch))) => consumer.check_epoch(member, *epoch),
            _ => Ok(()),
        }
    }
}

fn fetch_some(offsets: Option<&Offsets>, topics: Vec<TopicPartitions>, require_stable: bool) -> Vec<FetchedTopic> {
    let fetched = topics.into_iter().map(|TopicPartitions { topic, partitions }| {
        let partitions = partitions.into_iter().map(|partition| {
            let Some(offsets) = offsets else {
                return FetchedPartition::missing(partition, None);
            };
            fetch(offsets, &topic, partition, offsets.get(&topic, partition), require_stable)
        });
        FetchedTopic { partitions: partitions.collect(), topic }
    });
    fetched.collect()
}

fn fetch_all(offsets: Option<&Offsets>, require_stable: bool) -> Vec<FetchedTopic> {
    let Some(offsets) = offsets else {
        return Vec::new();
    };
    let fetched = offsets.committed().iter().map(|(topic, partitions)| {
        let partitions = partitions
            .iter()
            .map(|(partition, committed)| fetch(offsets, topic, *partition, Some(committed), require_stable));
        FetchedTopic { topic: topic.clone(), partitions: partitions.collect() }
    });
    fetched.collect()
}

fn fetch(
    offsets: &Offsets,
    topic: &str,
    partition: i32,
    committed: Option<&Committed>,
    require_stable: bool,
) -> FetchedPartition {
    if require_stable && offsets.is_pending(topic, partition) {
        return FetchedPartition::missing(partition, Some(GroupError::UnstableOffsetCommit));
    }
    match committed {
        None => FetchedPartition::missing(partition, None),
        Some(committed) => FetchedPartition {
            partition,
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone(),
            error: None,
        },
    }
}
