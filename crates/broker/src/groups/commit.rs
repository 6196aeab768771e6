//! OffsetCommit and TxnOffsetCommit.

use super::consumer::ConsumerGroup;
use super::group::Group;
use super::record::{Committed, OffsetKey};
use super::types::{CommitPartition, CommitRequest, CommitTopic, Outcome, PartitionError, Reply, State, TopicErrors};
use super::{Coordinator, GroupError, Record, Token};

/// From this version on a member of an unknown group is told that the group is unknown.
const GROUP_NOT_FOUND_VERSION: i16 = 9;
/// From this version on a commit can bear the epoch of a member of the newer protocol.
const EPOCH_VERSION: i16 = 9;

impl Coordinator {
    /// Saves offsets for a member, or for a consumer that belongs to no group's members.
    pub fn commit_offsets(&mut self, token: Token, request: CommitRequest, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        let checked = self.check_commit(&request, None);
        if checked.is_ok() {
            self.renew_committer(&request, now_ms, &mut out);
        }
        self.commit(token, request, None, checked, now_ms, out)
    }

    /// Saves offsets that will count if the producer's transaction is committed. The caller has checked the producer.
    pub fn commit_offsets_in_transaction(
        &mut self,
        token: Token,
        producer_id: i64,
        request: CommitRequest,
        now_ms: i64,
    ) -> Outcome {
        let out = self.tick(now_ms);
        let checked = self.check_group_id(&request.group).and_then(|()| self.check_commit(&request, Some(producer_id)));
        self.commit(token, request, Some(producer_id), checked, now_ms, out)
    }

    /// The transaction of a producer ended. Its offsets count from now on, or never.
    pub fn complete_transaction(&mut self, producer_id: i64, is_committed: bool, now_ms: i64) -> Outcome {
        let mut out = Outcome::default();
        if self.transactions.contains_key(&producer_id) {
            self.emit(Record::TransactionEnded { producer_id, is_committed }, now_ms, &mut out);
        }
        out
    }

    /// Producers with offsets that wait for the end of a transaction.
    pub fn producers_with_pending_offsets(&self) -> Vec<i64> {
        self.transactions.keys().copied().collect()
    }

    fn check_commit(&self, request: &CommitRequest, producer_id: Option<i64>) -> Result<(), GroupError> {
        self.check_group_id_of_offsets(&request.group)?;
        match self.groups.get(&request.group) {
            Some(group) => check_committer(group, request, producer_id.is_some()),
            None if request.generation < 0 => Ok(()),
            None if producer_id.is_none() && request.version >= GROUP_NOT_FOUND_VERSION => {
                Err(GroupError::GroupIdNotFound)
            }
            None => Err(GroupError::IllegalGeneration),
        }
    }

    /// A commit is a sign of life.
    fn renew_committer(&mut self, request: &CommitRequest, now_ms: i64, out: &mut Outcome) {
        if let Some(mut step) = self.step(&request.group, now_ms, out)
            && matches!(step.group.state, State::Stable | State::PreparingRebalance)
        {
            step.renew_session(&request.member_id);
        }
    }

    fn commit(
        &mut self,
        token: Token,
        request: CommitRequest,
        producer_id: Option<i64>,
        checked: Result<(), GroupError>,
        now_ms: i64,
        mut out: Outcome,
    ) -> Outcome {
        if checked.is_ok() && !self.has_group(&request.group) {
            self.create_group(&request.group, now_ms, &mut out);
        }
        let retention_ms = request.retention_ms.filter(|_| producer_id.is_none());
        let expire_time_ms = retention_ms.map(|retention_ms| now_ms.saturating_add(retention_ms));
        let mut answers = Vec::with_capacity(request.topics.len());
        for CommitTopic { topic, partitions } in request.topics {
            let mut errors = Vec::with_capacity(partitions.len());
            for found in partitions {
                let partition = found.partition;
                let error = checked.err().or_else(|| self.check_metadata(&found).err());
                if error.is_none() {
                    let of = OffsetKey { group: request.group.clone(), topic: topic.clone(), partition };
                    let committed = self.committed(found, expire_time_ms, now_ms);
                    let record = match producer_id {
                        Some(producer_id) => Record::PendingOffset { producer_id, of, committed },
                        None => Record::Offset { of, committed },
                    };
                    self.emit(record, now_ms, &mut out);
                }
                errors.push(PartitionError { partition, error });
            }
            answers.push(TopicErrors { topic, partitions: errors });
        }
        out.reply(token, Reply::Commit(answers));
        out
    }

    fn check_metadata(&self, found: &CommitPartition) -> Result<(), GroupError> {
        let text = found.metadata.as_deref().unwrap_or_default();
        let max = self.config().offset_metadata_max;
        if text.len() > max && text.encode_utf16().count() > max {
            return Err(GroupError::OffsetMetadataTooLarge);
        }
        Ok(())
    }

    fn committed(&self, found: CommitPartition, expire_time_ms: Option<i64>, now_ms: i64) -> Committed {
        Committed {
            offset: found.offset,
            leader_epoch: found.leader_epoch,
            metadata: found.metadata.unwrap_or_default(),
            commit_time_ms: now_ms,
            expire_time_ms,
            sequence: self.next_sequence,
        }
    }
}

/// Whether who commits may. A transaction's commit may come from a client that knows of no members, and at any time.
fn check_committer(group: &Group, request: &CommitRequest, in_transaction: bool) -> Result<(), GroupError> {
    if let Some(consumer) = &group.consumer {
        return check_consumer(consumer, request, in_transaction);
    }
    if request.generation < 0 && group.state == State::Empty {
        return Ok(());
    }
    if request.generation >= 0 || !request.member_id.is_empty() || request.instance_id.is_some() {
        group.check_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != group.generation {
            return Err(GroupError::IllegalGeneration);
        }
    } else if !in_transaction && group.state != State::Empty {
        return Err(GroupError::UnknownMemberId);
    }
    if !in_transaction && group.state == State::CompletingRebalance {
        return Err(GroupError::RebalanceInProgress);
    }
    Ok(())
}

fn check_consumer(consumer: &ConsumerGroup, request: &CommitRequest, in_transaction: bool) -> Result<(), GroupError> {
    let names_nobody = request.generation < 0 && request.member_id.is_empty() && request.instance_id.is_none();
    if (request.generation < 0 && consumer.is_empty()) || (in_transaction && names_nobody) {
        return Ok(());
    }
    match consumer.check_epoch(&request.member_id, request.generation) {
        Err(GroupError::StaleMemberEpoch) if in_transaction => Err(GroupError::IllegalGeneration),
        Ok(()) if !in_transaction && request.version < EPOCH_VERSION => Err(GroupError::UnsupportedVersion),
        checked => checked,
    }
}
