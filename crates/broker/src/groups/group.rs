//! One group: where it stands, who is in it, what it has committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::consumer::ConsumerGroup;
use super::members::{Member, Members};
use super::offsets::Offsets;
use super::types::{JoinAnswer, JoinedMember, Protocol, State};
use super::{GroupError, GroupImage, subscription};

/// The protocol type of consumers, the only one whose metadata is looked into.
pub(super) const CONSUMER_TYPE: &str = "consumer";

/// How long an empty group goes on waiting for more members after the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct InitialDelay {
    /// What it waits now.
    pub(super) delay_ms: i32,
    /// What it may wait after that, if members keep coming.
    pub(super) remaining_ms: i32,
    /// A member came since the wait began.
    pub(super) extend: bool,
}

/// A group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) state_since_ms: i64,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: Members,
    /// Who was given an id and has not come back with it.
    pub(super) pending_joins: BTreeSet<String>,
    /// Who has not sent a sync request in this generation.
    pub(super) pending_syncs: BTreeSet<String>,
    /// What the members subscribe to, if that is known.
    pub(super) subscribed: Option<BTreeSet<String>>,
    /// There while the first members of an empty group gather.
    pub(super) initial: Option<InitialDelay>,
    pub(super) offsets: Offsets,
    /// There if the coordinator assigns itself; the group is empty as far as the classic protocol is concerned then.
    pub(super) consumer: Option<ConsumerGroup>,
    /// What the file says of this group.
    pub(super) written: Arc<GroupImage>,
}

impl Group {
    /// A group that nobody has joined.
    pub(super) fn new(id: &str, now_ms: i64) -> Self {
        Self::restored(&Arc::new(GroupImage::empty(id, now_ms)))
    }

    /// A group as it was written: with members it is stable, without it is empty.
    pub(super) fn restored(image: &Arc<GroupImage>) -> Self {
        let mut members = Members::default();
        for member in &image.members {
            members.remove(&member.member_id);
            members.insert(Member::restored(member));
        }
        let leader = image.leader.clone().filter(|leader| members.contains(leader));
        let mut group = Self {
            id: image.group.clone(),
            state: if members.is_empty() { State::Empty } else { State::Stable },
            state_since_ms: image.state_since_ms,
            generation: image.generation,
            protocol_type: image.protocol_type.clone(),
            protocol: image.protocol.clone(),
            leader: leader.or_else(|| members.iter().next().map(|member| member.id.clone())),
            members,
            pending_joins: BTreeSet::new(),
            pending_syncs: BTreeSet::new(),
            subscribed: None,
            initial: None,
            offsets: Offsets::default(),
            consumer: None,
            written: image.clone(),
        };
        group.subscribed = group.derive_subscribed();
        group
    }

    /// Whether it has no members of either protocol.
    pub(super) fn is_empty(&self) -> bool {
        self.state == State::Empty && self.consumer.as_ref().is_none_or(ConsumerGroup::is_empty)
    }

    /// The group as it is to be written.
    pub(super) fn image(&self) -> GroupImage {
        GroupImage {
            group: self.id.clone(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since_ms: self.state_since_ms,
            members: self.members.iter().map(Member::image).collect(),
        }
    }

    /// Goes to another state.
    pub(super) fn enter(&mut self, state: State, now_ms: i64) {
        self.state = state;
        self.state_since_ms = now_ms;
    }

    pub(super) fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// Whether everybody who is to be waited for has joined.
    pub(super) fn has_all_joined(&self) -> bool {
        self.members.joining() == self.members.len() && self.pending_joins.is_empty()
    }

    /// Whether a member that offers this can be in the group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        match self.state {
            State::Empty => !protocol_type.is_empty() && !protocols.is_empty(),
            _ => self.protocol_type.as_deref() == Some(protocol_type) && self.members.support_any(protocols),
        }
    }

    /// Whether a request speaks for the member that it names.
    pub(super) fn check_member(&self, member: &str, instance_id: Option<&str>) -> Result<(), GroupError> {
        if let Some(instance_id) = instance_id {
            match self.members.id_of(instance_id) {
                None => return Err(GroupError::UnknownMemberId),
                Some(id) if id != member => return Err(GroupError::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains(member) { Ok(()) } else { Err(GroupError::UnknownMemberId) }
    }

    /// Makes sure that the leader is one of those who joined; answers whether there is such a one.
    pub(super) fn elect_leader(&mut self) -> bool {
        let leader = self.leader.as_deref().and_then(|id| self.members.get(id));
        if leader.is_some_and(Member::is_joining) {
            return true;
        }
        let Some(elected) = self.members.iter().find(|member| member.is_joining()) else {
            return false;
        };
        self.leader = Some(elected.id.clone());
        true
    }

    /// Lets go of a member, or of one that was only given an id; another becomes leader.
    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id);
        self.pending_joins.remove(id);
        self.pending_syncs.remove(id);
        if self.is_leader(id) {
            self.leader = self.members.iter().next().map(|member| member.id.clone());
        }
        member
    }

    /// Begins the next generation with the members that are there.
    pub(super) fn begin_generation(&mut self, now_ms: i64) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.members.elect_protocol();
        self.subscribed = self.derive_subscribed();
        self.pending_syncs.clear();
        self.enter(if self.members.is_empty() { State::Empty } else { State::CompletingRebalance }, now_ms);
    }

    /// What a member is told about the present generation.
    pub(super) fn join_answer(&self, member: &str) -> JoinAnswer {
        JoinAnswer {
            error: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member.to_owned(),
            members: if self.is_leader(member) { self.joined_members() } else { Vec::new() },
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        let joined = self.members.iter().map(|member| JoinedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(self.protocol.as_deref()),
        });
        joined.collect()
    }

    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_TYPE)
    }

    /// Whether members subscribe to `topic`; consumers whose subscription cannot be read may subscribe to any.
    pub(super) fn is_subscribed(&self, topic: &str) -> bool {
        if let Some(consumer) = &self.consumer {
            return consumer.is_subscribed(topic);
        }
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.is_of_consumers(),
        }
    }

    fn derive_subscribed(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.iter() {
            topics.extend(subscription::topics(&member.metadata(Some(protocol)))?);
        }
        Some(topics)
    }
}
