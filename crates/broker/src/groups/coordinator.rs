//! The coordinator: all groups, and the timers and requests that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::consumer::ConsumerGroup;
use super::group::Group;
use super::step::{Step, Waiting};
use super::timers::{Timer, Timers};
use super::types::{Directory, JoinAnswer, Outcome, Reply, Timing};
use super::{GroupConfig, GroupError, Record, Token};

/// Longest name of a group, which each of its offsets is written with: that of nobody's group is near it.
const GROUP_ID_BYTES_MAX: usize = 1_024;

/// All groups of a server. See the [module](super) for how it is driven.
#[derive(Debug, Clone)]
pub struct Coordinator {
    config: GroupConfig,
    pub(super) groups: BTreeMap<String, Group>,
    /// Groups with pending offsets, by producer id.
    pub(super) transactions: BTreeMap<i64, BTreeSet<String>>,
    /// The number of the next commit.
    pub(super) next_sequence: u64,
    pub(super) timers: Timers,
    waiting: Waiting,
    /// The topics there are, for groups whose coordinator assigns.
    directory: Arc<Directory>,
    /// How groups are timed for which that was set.
    timings: BTreeMap<String, Timing>,
    is_closed: bool,
}

impl Coordinator {
    /// A coordinator without groups.
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            transactions: BTreeMap::new(),
            next_sequence: 0,
            timers: Timers::default(),
            waiting: Waiting::new(),
            directory: Arc::default(),
            timings: BTreeMap::new(),
            is_closed: false,
        }
    }

    /// One that knows the same topics and timings, and no groups: to be given all records that are kept, as after a restart.
    pub fn begun_anew(&self) -> Self {
        let (config, directory, timings) = (self.config.clone(), self.directory.clone(), self.timings.clone());
        Self { directory, timings, is_closed: self.is_closed, ..Self::new(config) }
    }

    /// When [`tick`](Self::tick) is to be called next.
    pub fn next_deadline(&self) -> Option<i64> {
        self.timers.next_ms()
    }

    /// Does what is due. Every request that may change something has it done first: the caller's clock may wake it a moment
    /// late, and by then nobody is to find a member whose session is over, or to bring it back to life.
    pub fn tick(&mut self, now_ms: i64) -> Outcome {
        let mut out = Outcome::default();
        while let Some(timer) = self.timers.pop(now_ms) {
            match &timer {
                Timer::Sweep => self.sweep_offsets(now_ms, &mut out),
                Timer::Session { group, member } => {
                    if let Some(mut step) = self.step(group, now_ms, &mut out) {
                        match step.group.consumer {
                            Some(_) => step.consumer_session_is_over(member),
                            None => step.session_is_over(member),
                        }
                    }
                }
                Timer::Revocation { group, member } => {
                    if let Some(mut step) = self.step(group, now_ms, &mut out) {
                        step.revocation_time_is_up(member);
                    }
                }
                Timer::Join { group } => {
                    if let Some(mut step) = self.step(group, now_ms, &mut out) {
                        step.join_time_is_up();
                    }
                }
                Timer::Sync { group } => {
                    if let Some(mut step) = self.step(group, now_ms, &mut out) {
                        step.sync_time_is_up();
                    }
                }
            }
        }
        out
    }

    /// The connection of a request is gone: it will not be answered. Its member has its session timeout to come back.
    pub fn cancel(&mut self, token: Token, now_ms: i64) -> Outcome {
        let mut out = Outcome::default();
        if let Some((group, member)) = self.waiting.remove(&token)
            && let Some(mut step) = self.step(&group, now_ms, &mut out)
        {
            step.forget(&member, token);
        }
        out
    }

    /// Answers all that waits, and from now on refuses everything: clients look for the coordinator again.
    pub fn close(&mut self) -> Outcome {
        let mut out = Outcome::default();
        self.is_closed = true;
        self.timers = Timers::default();
        for (token, (group, member)) in std::mem::take(&mut self.waiting) {
            let joins = self.groups.get(&group).and_then(|group| group.members.get(&member)?.join()) == Some(token);
            out.reply(
                token,
                if joins {
                    Reply::Join(JoinAnswer::refused(member, GroupError::NotCoordinator))
                } else {
                    Reply::Sync(Err(GroupError::NotCoordinator))
                },
            );
        }
        out
    }

    /// The topics there are from now on; members get partitions of them with their next heartbeats.
    pub fn set_directory(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
    }

    /// How groups are timed for which that is set; the others are timed as the config says.
    pub fn set_timings(&mut self, timings: BTreeMap<String, Timing>) {
        self.timings = timings;
    }

    pub(super) fn topics(&self) -> &Arc<Directory> {
        &self.directory
    }

    pub(super) fn timing(&self, group: &str) -> Timing {
        self.timings.get(group).copied().unwrap_or(self.config.consumer_timing)
    }

    pub(super) fn config(&self) -> &GroupConfig {
        &self.config
    }

    pub(super) fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    pub(super) fn check_open(&self) -> Result<(), GroupError> {
        if self.is_closed { Err(GroupError::CoordinatorNotAvailable) } else { Ok(()) }
    }

    /// Whether a request about membership can be about this group.
    pub(super) fn check_group_id(&self, group: &str) -> Result<(), GroupError> {
        self.check_group_id_of_offsets(group)?;
        if group.is_empty() { Err(GroupError::InvalidGroupId) } else { Ok(()) }
    }

    /// Whether a group can be called that. One that only keeps offsets may have an empty name.
    pub(super) fn check_group_id_of_offsets(&self, group: &str) -> Result<(), GroupError> {
        self.check_open()?;
        if group.len() > GROUP_ID_BYTES_MAX { Err(GroupError::InvalidGroupId) } else { Ok(()) }
    }

    /// The group with what its rules work on; `None` if there is no such group.
    pub(super) fn step<'a>(&'a mut self, group: &str, now_ms: i64, out: &'a mut Outcome) -> Option<Step<'a>> {
        let group = self.groups.get_mut(group)?;
        let (config, timers, waiting) = (&self.config, &mut self.timers, &mut self.waiting);
        Some(Step { config, group, timers, waiting, out, now_ms })
    }

    /// Begins a group.
    pub(super) fn create_group(&mut self, group: &str, now_ms: i64, out: &mut Outcome) {
        let created = Group::new(group, now_ms);
        out.records.push(Record::Group(created.written.clone()));
        self.groups.insert(group.to_owned(), created);
        self.arm_sweep(now_ms);
    }

    /// Puts a new group in the place of one without members, or of none; it keeps the offsets of the old one.
    pub(super) fn replace_group(&mut self, id: &str, now_ms: i64) -> &mut Group {
        let mut group = Group::new(id, now_ms);
        if let Some(before) = self.groups.remove(id) {
            for member in before.pending_joins {
                self.timers.clear(Timer::Session { group: id.to_owned(), member });
            }
            group.offsets = before.offsets;
        }
        self.groups.entry(id.to_owned()).insert_entry(group).into_mut()
    }

    /// The members that a record of a group whose coordinator assigns is about.
    fn consumers(&mut self, id: &str, now_ms: i64) -> &mut ConsumerGroup {
        let is_one = self.groups.get(id).is_some_and(|group| group.consumer.is_some());
        let group = if is_one { self.group_with_offsets(id, now_ms) } else { self.replace_group(id, now_ms) };
        group.consumer.get_or_insert_default()
    }

    /// Writes a record and does what a restart would make of it.
    pub(super) fn emit(&mut self, record: Record, now_ms: i64, out: &mut Outcome) {
        self.apply(&record, now_ms);
        out.records.push(record);
    }

    pub(super) fn arm_sweep(&mut self, now_ms: i64) {
        if !self.groups.is_empty() && !self.timers.is_set(&Timer::Sweep) {
            let interval_ms = self.config.offsets_retention_check_interval_ms.max(1);
            self.timers.set(Timer::Sweep, now_ms.saturating_add(interval_ms));
        }
    }

    /// Number of requests that wait for an answer.
    pub fn waiting_requests(&self) -> usize {
        self.waiting.len()
    }
}

/// Rebuilding after a restart.
impl Coordinator {
    /// Takes in a record that was written before, in the order of writing. After the last call [`start`](Self::start).
    pub fn replay(&mut self, record: &Record) {
        match record {
            Record::Group(image) => {
                let mut group = Group::restored(image);
                if let Some(before) = self.groups.remove(&image.group) {
                    group.offsets = before.offsets;
                }
                self.groups.insert(image.group.clone(), group);
            }
            // The times of a group that only keeps offsets are those of its commits.
            other => self.apply(other, 0),
        }
    }

    /// Begins to work with what was replayed: from now on members have their session timeout.
    pub fn start(&mut self, now_ms: i64) -> Outcome {
        let mut out = Outcome::default();
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            let session_timeout_ms = self.timing(&group).session_timeout_ms;
            if let Some(mut step) = self.step(&group, now_ms, &mut out) {
                for member in step.group.members.ids() {
                    step.renew_session(&member);
                }
                for member in step.group.consumer.as_ref().map(ConsumerGroup::ids).unwrap_or_default() {
                    step.arm_session(&member, session_timeout_ms);
                    let letting_go_ms = step.group.consumer.as_ref().and_then(|group| group.letting_go_ms(&member));
                    if let Some(timeout_ms) = letting_go_ms {
                        step.arm_revocation(&member, timeout_ms);
                    }
                }
                // The bound was lowered: those who join last have to go.
                if step.group.members.len() > step.config.group_members_max {
                    step.begin_rebalance();
                }
            }
        }
        self.arm_sweep(now_ms);
        out
    }

    /// Records that rebuild what all records so far have built.
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for group in self.groups.values() {
            match &group.consumer {
                None => records.push(Record::Group(group.written.clone())),
                Some(consumer) => {
                    records.push(Record::ConsumerGroup(Arc::new(consumer.image(&group.id))));
                    records.extend(
                        consumer
                            .member_images()
                            .map(|member| Record::ConsumerMember { group: group.id.clone(), member: Arc::new(member) }),
                    );
                }
            }
            group.offsets.write_all(&group.id, &mut records);
        }
        records
    }

    /// Does what a record says of offsets, or of a group's end.
    fn apply(&mut self, record: &Record, now_ms: i64) {
        match record {
            Record::Group(_) => {}
            Record::ConsumerGroup(image) => self.consumers(&image.group, now_ms).restore(image),
            Record::ConsumerMember { group, member } => self.consumers(group, now_ms).restore_member(member),
            Record::ConsumerMemberRemoved { group, member_id } => {
                if let Some(consumer) = self.groups.get_mut(group).and_then(|group| group.consumer.as_mut()) {
                    consumer.remove(member_id);
                }
            }
            Record::GroupRemoved { group } => self.remove_group(group),
            Record::Offset { of, committed } => {
                self.next_sequence = self.next_sequence.max(committed.sequence.saturating_add(1));
                self.group_with_offsets(&of.group, now_ms).offsets.set(&of.topic, of.partition, committed.clone());
            }
            Record::OffsetRemoved { of } => {
                let Some(group) = self.groups.get_mut(&of.group) else {
                    return;
                };
                for producer_id in group.offsets.remove(&of.topic, of.partition) {
                    self.forget_transaction(producer_id, &of.group);
                }
            }
            Record::PendingOffset { producer_id, of, committed } => {
                self.next_sequence = self.next_sequence.max(committed.sequence.saturating_add(1));
                let group = self.group_with_offsets(&of.group, now_ms);
                group.offsets.set_pending(*producer_id, &of.topic, of.partition, committed.clone());
                self.transactions.entry(*producer_id).or_default().insert(of.group.clone());
            }
            Record::TransactionEnded { producer_id, is_committed } => {
                for group in self.transactions.remove(producer_id).unwrap_or_default() {
                    if let Some(group) = self.groups.get_mut(&group) {
                        group.offsets.complete(*producer_id, *is_committed);
                    }
                }
            }
        }
    }

    /// The group of an offset. It was written before the offset was, but a file that lost it is no reason to lose both.
    fn group_with_offsets(&mut self, group: &str, now_ms: i64) -> &mut Group {
        self.groups.entry(group.to_owned()).or_insert_with(|| Group::new(group, now_ms))
    }

    fn remove_group(&mut self, id: &str) {
        let Some(group) = self.groups.remove(id) else {
            return;
        };
        for producer_id in group.offsets.pending().keys() {
            self.forget_transaction(*producer_id, id);
        }
        self.timers.clear(Timer::Join { group: id.to_owned() });
        self.timers.clear(Timer::Sync { group: id.to_owned() });
        let consumers = group.consumer.as_ref().map(ConsumerGroup::ids).unwrap_or_default();
        for member in &consumers {
            self.timers.clear(Timer::Revocation { group: id.to_owned(), member: member.clone() });
        }
        let members = group.pending_joins.into_iter().chain(group.members.ids()).chain(consumers);
        for member in members {
            self.timers.clear(Timer::Session { group: id.to_owned(), member });
        }
    }

    /// The transaction has nothing to commit in this group any longer.
    fn forget_transaction(&mut self, producer_id: i64, group: &str) {
        if let Some(groups) = self.transactions.get_mut(&producer_id) {
            groups.remove(group);
            if groups.is_empty() {
                self.transactions.remove(&producer_id);
            }
        }
    }
}
