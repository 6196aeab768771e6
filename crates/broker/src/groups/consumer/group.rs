//! The members of such a group, and who holds what.

use std::collections::{BTreeMap, BTreeSet};

use super::super::assignors::{Assignor, Topics};
use super::super::types::{Assignment, ConsumerState, Directory, IdPartition, Sight};
use super::super::{ConsumerGroupImage, ConsumerMemberImage, GroupError};
use super::member::{ConsumerMember, MemberState};

/// What a group has whose coordinator assigns.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct ConsumerGroup {
    pub(super) epoch: i32,
    pub(super) assignment_epoch: i32,
    pub(super) assignor: Assignor,
    /// The topics for which the target was settled, with their partitions.
    pub(super) topics: Topics,
    /// The version of the directory that `topics` were compared with last.
    pub(super) directory_version: Option<u64>,
    members: BTreeMap<String, ConsumerMember>,
    ids_by_instance: BTreeMap<String, String>,
    /// Who holds a partition.
    holders: BTreeMap<IdPartition, String>,
    /// Members that are to be written.
    pub(super) dirty: BTreeSet<String>,
    /// The group itself is to be written.
    pub(super) is_dirty: bool,
}

impl ConsumerGroup {
    /// Takes over what was written about the group itself.
    pub(in super::super) fn restore(&mut self, image: &ConsumerGroupImage) {
        self.epoch = image.epoch;
        self.assignment_epoch = image.assignment_epoch;
        self.assignor = Assignor::of(&image.assignor).unwrap_or_default();
        self.topics = image.topics.iter().copied().collect();
        self.directory_version = None;
    }

    /// Takes over what was written about a member.
    pub(in super::super) fn restore_member(&mut self, image: &ConsumerMemberImage) {
        self.remove(&image.member_id);
        self.insert(ConsumerMember::restored(image));
    }

    /// The group itself as it is written.
    pub(in super::super) fn image(&self, group: &str) -> ConsumerGroupImage {
        ConsumerGroupImage {
            group: group.to_owned(),
            epoch: self.epoch,
            assignment_epoch: self.assignment_epoch,
            assignor: self.assignor.name().to_owned(),
            topics: self.topics.iter().map(|(topic, count)| (*topic, *count)).collect(),
        }
    }

    /// All members as they are written.
    pub(in super::super) fn member_images(&self) -> impl Iterator<Item = ConsumerMemberImage> {
        self.members.values().map(ConsumerMember::image)
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(in super::super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(in super::super) fn ids(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// How long a member may take to let go, if it was told to.
    pub(in super::super) fn letting_go_ms(&self, member: &str) -> Option<i32> {
        let member = self.members.get(member).filter(|member| member.state == MemberState::LettingGo)?;
        Some(member.rebalance_timeout_ms)
    }

    pub(in super::super) fn is_subscribed(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.subscribes_to(topic))
    }

    pub(in super::super) fn state(&self) -> ConsumerState {
        let is_settled =
            |member: &ConsumerMember| member.state == MemberState::Stable && member.epoch == self.assignment_epoch;
        if self.members.is_empty() {
            ConsumerState::Empty
        } else if self.epoch > self.assignment_epoch {
            ConsumerState::Assigning
        } else if self.members.values().all(is_settled) {
            ConsumerState::Stable
        } else {
            ConsumerState::Reconciling
        }
    }

    /// Whether who commits or fetches offsets may, by its id and epoch.
    pub(in super::super) fn check_epoch(&self, member: &str, epoch: i32) -> Result<(), GroupError> {
        let member = self.members.get(member).ok_or(GroupError::UnknownMemberId)?;
        if member.epoch == epoch { Ok(()) } else { Err(GroupError::StaleMemberEpoch) }
    }

    pub(super) fn get(&self, id: &str) -> Option<&ConsumerMember> {
        self.members.get(id)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &ConsumerMember> {
        self.members.values()
    }

    /// The member that bears the name of a static member.
    pub(super) fn of_instance(&self, instance_id: &str) -> Option<&ConsumerMember> {
        self.members.get(self.ids_by_instance.get(instance_id)?)
    }

    /// Whether a member may get a partition: nobody else holds it.
    pub(super) fn is_free_for(&self, member: &str, partition: &IdPartition) -> bool {
        self.holders.get(partition).is_none_or(|holder| holder == member)
    }

    /// Changes a member, and notes what it holds then.
    pub(super) fn update<T>(&mut self, id: &str, change: impl FnOnce(&mut ConsumerMember) -> T) -> Option<T> {
        let member = self.members.get_mut(id)?;
        let before = member.held();
        let changed = change(member);
        let after = member.held();
        for partition in before.difference(&after) {
            self.holders.remove(partition);
        }
        for partition in after.difference(&before) {
            self.holders.insert(*partition, id.to_owned());
        }
        self.dirty.insert(id.to_owned());
        Some(changed)
    }

    /// Takes note of what a member may see. Whether its pattern matches other topics then is looked at if it is new.
    pub(super) fn set_sight(&mut self, id: &str, sight: Sight, joins: bool) {
        let Some(member) = self.members.get_mut(id) else { return };
        let was_unknown = member.sight.replace(sight).is_none();
        if member.pattern.is_some() && (was_unknown || joins) {
            self.directory_version = None;
        }
    }

    /// Looks anew which topics match the members' patterns; says whether they are others for any.
    pub(super) fn match_topics(&mut self, directory: &Directory) -> bool {
        let mut is_other = false;
        for member in self.members.values_mut() {
            let matched = member.matches(directory, &self.topics);
            is_other |= matched != member.matched;
            member.matched = matched;
        }
        is_other
    }

    /// Gives a member another target.
    pub(super) fn set_target(&mut self, id: &str, target: Assignment) {
        if let Some(member) = self.members.get_mut(id)
            && member.target != target
        {
            member.target = target;
            self.dirty.insert(id.to_owned());
        }
    }

    pub(super) fn insert(&mut self, member: ConsumerMember) {
        for partition in member.held() {
            self.holders.insert(partition, member.id.clone());
        }
        if let Some(instance) = &member.instance_id {
            self.ids_by_instance.insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
    }

    /// Lets a member go; what it held is free.
    pub(in super::super) fn remove(&mut self, id: &str) -> Option<ConsumerMember> {
        let member = self.members.remove(id)?;
        for partition in member.held() {
            self.holders.remove(&partition);
        }
        if let Some(instance) = &member.instance_id
            && self.ids_by_instance.get(instance).is_some_and(|holder| holder == id)
        {
            self.ids_by_instance.remove(instance);
        }
        self.dirty.remove(id);
        Some(member)
    }

    /// Members or topics are others: what everybody shall own has to be settled anew. Until it is, nothing more is begun.
    pub(super) fn begin_epoch(&mut self) {
        if self.epoch == self.assignment_epoch {
            self.epoch = self.epoch.saturating_add(1);
            self.is_dirty = true;
        }
    }
}
