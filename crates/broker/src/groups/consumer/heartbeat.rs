//! ConsumerGroupHeartbeat: joins, is alive, moves on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::step::Step;
use super::super::types::{ConsumerAnswer, ConsumerHeartbeat, Directory, Outcome, Reply, Sight, Timing};
use super::super::{Coordinator, GroupError, Record, Token, join};
use super::ConsumerGroup;
use super::check::{JOIN, LEAVE, LEAVE_FOR_A_WHILE, Said, understand};
use super::member::ConsumerMember;

impl Coordinator {
    /// A member of a group whose coordinator assigns joins, is alive or goes. Without a change of anything it is answered
    /// nothing but that. The caller has checked that it may see the topics that it names; those that only match are of its sight.
    pub fn consumer_heartbeat(
        &mut self,
        token: Token,
        request: ConsumerHeartbeat,
        sight: Sight,
        now_ms: i64,
    ) -> Outcome {
        let mut out = self.tick(now_ms);
        let answer = self.try_consumer_heartbeat(request, sight, now_ms, &mut out);
        out.reply(token, Reply::ConsumerHeartbeat(answer));
        out
    }

    fn try_consumer_heartbeat(
        &mut self,
        request: ConsumerHeartbeat,
        sight: Sight,
        now_ms: i64,
        out: &mut Outcome,
    ) -> Result<ConsumerAnswer, GroupError> {
        self.check_group_id_of_offsets(&request.group)?;
        let said = understand(&request)?;
        self.find_consumer_group(&request.group, request.member_epoch == JOIN, now_ms, out)?;
        let directory = self.topics().clone();
        let timing = self.timing(&request.group);
        let mut step = self.step(&request.group, now_ms, out).ok_or(GroupError::GroupIdNotFound)?;
        let answer = match request.member_epoch {
            LEAVE | LEAVE_FOR_A_WHILE => step.consumer_leave(&request),
            _ => step.consumer_heartbeat(request, said, sight, &directory, timing),
        };
        step.write_consumers();
        answer
    }

    /// Makes sure that there is such a group; one that only keeps offsets, or that all members have left, becomes one.
    fn find_consumer_group(
        &mut self,
        group: &str,
        joins: bool,
        now_ms: i64,
        out: &mut Outcome,
    ) -> Result<(), GroupError> {
        match self.groups.get(group) {
            Some(found) if found.consumer.is_some() => return Ok(()),
            _ if !joins => return Err(GroupError::GroupIdNotFound),
            Some(found) if !found.is_empty() => return Err(GroupError::GroupIdNotFound),
            _ => {}
        }
        let consumer = self.replace_group(group, now_ms).consumer.insert(ConsumerGroup::default());
        out.records.push(Record::ConsumerGroup(Arc::new(consumer.image(group))));
        self.arm_sweep(now_ms);
        Ok(())
    }
}

impl Step<'_> {
    /// The group, which the caller knows to be one whose coordinator assigns.
    pub(super) fn consumers(&mut self) -> &mut ConsumerGroup {
        self.group.consumer.get_or_insert_default()
    }

    fn consumer_heartbeat(
        &mut self,
        request: ConsumerHeartbeat,
        said: Said,
        sight: Sight,
        directory: &Directory,
        timing: Timing,
    ) -> Result<ConsumerAnswer, GroupError> {
        let id = if request.member_epoch == JOIN { self.join_consumers(&request)? } else { self.known(&request)? };
        let before = self.consumers().get(&id).map(|member| (member.epoch, member.assigned.clone()));
        if self.take_over(&id, &request, said) {
            self.consumers().begin_epoch();
        }
        self.consumers().set_sight(&id, sight, request.member_epoch == JOIN);
        self.settle_targets(directory);
        self.reconcile(&id, request.owned.as_ref());
        self.arm_session(&id, timing.session_timeout_ms);
        let member = self.consumers().get(&id).ok_or(GroupError::UnknownMemberId)?;
        let is_news = before.is_none_or(|(_, assigned)| assigned != member.assigned);
        // Who comes with an epoch that is over has not had the last answer.
        let has_missed = request.member_epoch != JOIN && request.member_epoch == member.previous_epoch;
        let tells = is_news || has_missed || request.is_full();
        Ok(ConsumerAnswer {
            member_id: member.id.clone(),
            member_epoch: member.epoch,
            heartbeat_interval_ms: timing.heartbeat_interval_ms,
            assignment: tells.then(|| member.assigned.clone()),
        })
    }

    /// The member that speaks, if it may.
    fn known(&mut self, request: &ConsumerHeartbeat) -> Result<String, GroupError> {
        let member = self.find_consumer(&request.member_id, request.instance_id.as_deref())?;
        let is_of_last = request.member_epoch == member.previous_epoch
            && request.owned.as_ref().is_some_and(|owned| owned.is_subset(&member.assigned));
        // The answer with the new epoch may have been lost.
        if request.member_epoch == member.epoch || (request.member_epoch < member.epoch && is_of_last) {
            return Ok(member.id.clone());
        }
        Err(GroupError::FencedMemberEpoch)
    }

    /// The member of that id and name.
    pub(super) fn find_consumer(&mut self, id: &str, instance: Option<&str>) -> Result<&ConsumerMember, GroupError> {
        let consumers = self.consumers();
        let found = match instance {
            None => consumers.get(id),
            Some(instance) => consumers.of_instance(instance),
        };
        let member = found.ok_or(GroupError::UnknownMemberId)?;
        if member.id == id { Ok(member) } else { Err(GroupError::FencedInstanceId) }
    }

    /// Takes a member in, or back.
    fn join_consumers(&mut self, request: &ConsumerHeartbeat) -> Result<String, GroupError> {
        let id = match request.member_id.as_str() {
            "" => join::member_id(&request.client_id, request.id_seed),
            id => id.to_owned(),
        };
        let instance = request.instance_id.as_deref();
        let holder = match instance {
            Some(instance) => self.consumers().of_instance(instance).cloned(),
            None => None,
        };
        if let Some(holder) = holder.filter(|holder| holder.id != id) {
            // Only a place that was left is taken.
            if holder.epoch != LEAVE_FOR_A_WHILE {
                return Err(GroupError::UnreleasedInstanceId);
            }
            self.drop_consumer(&holder.id);
            self.consumers().insert(ConsumerMember { id: id.clone(), epoch: JOIN, previous_epoch: JOIN, ..holder });
            self.consumers().dirty.insert(id.clone());
            return Ok(id);
        }
        if let Some(member) = self.consumers().get(&id) {
            if member.instance_id.as_deref() != instance {
                return Err(GroupError::InvalidRequest);
            }
            // It begins anew and owns nothing, so it has let go of everything.
            self.disarm_revocation(&id);
            self.consumers().update(&id, |member| {
                (member.epoch, member.previous_epoch) = (JOIN, JOIN);
                member.state = Default::default();
                member.revoking.clear();
            });
            return Ok(id);
        }
        if self.consumers().len() >= self.config.group_members_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        self.consumers().insert(ConsumerMember::new(id.clone(), request));
        self.consumers().dirty.insert(id.clone());
        self.consumers().begin_epoch();
        Ok(id)
    }

    /// Takes over what the member says of itself; says whether it may get other partitions now.
    fn take_over(&mut self, id: &str, request: &ConsumerHeartbeat, said: Said) -> bool {
        let topics = request.topics.as_ref().map(|topics| topics.iter().cloned().collect::<BTreeSet<_>>());
        let Some(member) = self.consumers().get(id) else { return false };
        let text = |pattern: &Option<super::member::Pattern>| pattern.as_ref().map(|known| known.text().to_owned());
        let is_other_pattern = said.pattern.as_ref().is_some_and(|pattern| text(pattern) != text(&member.pattern));
        let is_other = topics.as_ref().is_some_and(|topics| *topics != member.topics)
            || is_other_pattern
            || said.assignor.is_some_and(|assignor| Some(assignor) != member.assignor);
        let timeout_ms = match request.rebalance_timeout_ms {
            -1 => member.rebalance_timeout_ms,
            timeout_ms => timeout_ms,
        };
        let is_as_before = !is_other
            && timeout_ms == member.rebalance_timeout_ms
            && request.rack_id.as_ref().is_none_or(|rack| Some(rack) == member.rack_id.as_ref())
            && request.client_id == member.client_id
            && request.client_host == member.client_host;
        if is_as_before {
            return false;
        }
        self.consumers().update(id, |member| {
            member.rebalance_timeout_ms = timeout_ms;
            member.client_id.clone_from(&request.client_id);
            member.client_host.clone_from(&request.client_host);
            member.rack_id = request.rack_id.clone().or_else(|| member.rack_id.take());
            member.topics = topics.unwrap_or_else(|| std::mem::take(&mut member.topics));
            member.pattern = said.pattern.unwrap_or_else(|| member.pattern.take());
            member.assignor = said.assignor.or(member.assignor);
        });
        is_other
    }

    /// Writes what has changed: the group itself, then its members.
    pub(super) fn write_consumers(&mut self) {
        let Some(consumers) = &mut self.group.consumer else { return };
        if std::mem::take(&mut consumers.is_dirty) {
            self.out.records.push(Record::ConsumerGroup(Arc::new(consumers.image(&self.group.id))));
        }
        for id in std::mem::take(&mut consumers.dirty) {
            if let Some(member) = consumers.get(&id) {
                let (group, member) = (self.group.id.clone(), Arc::new(member.image()));
                self.out.records.push(Record::ConsumerMember { group, member });
            }
        }
    }
}
