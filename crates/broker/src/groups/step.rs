//! One group at one moment, with all that a change to it touches: timers, requests that wait, the outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::group::Group;
use super::timers::{Timer, Timers};
use super::types::{JoinAnswer, Outcome, Reply, SyncAnswer};
use super::{GroupConfig, GroupError, Record, Token};

/// Group and member of every request that waits.
pub(super) type Waiting = BTreeMap<Token, (String, String)>;

/// What the rules of membership work on.
pub(super) struct Step<'a> {
    pub(super) config: &'a GroupConfig,
    pub(super) group: &'a mut Group,
    pub(super) timers: &'a mut Timers,
    pub(super) waiting: &'a mut Waiting,
    pub(super) out: &'a mut Outcome,
    pub(super) now_ms: i64,
}

impl Step<'_> {
    /// Writes the group as it is now.
    pub(super) fn write(&mut self) {
        let image = Arc::new(self.group.image());
        self.group.written = image.clone();
        self.out.records.push(Record::Group(image));
    }

    /// Sets a timer of this group. A wait takes a millisecond at least, so that one tick ends.
    pub(super) fn arm(&mut self, timer: Timer, delay_ms: i32) {
        self.timers.set(timer, self.now_ms.saturating_add(i64::from(delay_ms.max(1))));
    }

    pub(super) fn arm_join(&mut self, delay_ms: i32) {
        self.arm(Timer::Join { group: self.group.id.clone() }, delay_ms);
    }

    pub(super) fn disarm_join(&mut self) {
        self.timers.clear(Timer::Join { group: self.group.id.clone() });
    }

    pub(super) fn disarm_sync(&mut self) {
        self.timers.clear(Timer::Sync { group: self.group.id.clone() });
    }

    pub(super) fn arm_session(&mut self, member: &str, timeout_ms: i32) {
        self.arm(Timer::Session { group: self.group.id.clone(), member: member.to_owned() }, timeout_ms);
    }

    /// The member was heard of: its session begins anew.
    pub(super) fn renew_session(&mut self, member: &str) {
        if let Some(timeout_ms) = self.group.members.get(member).map(|member| member.session_timeout_ms) {
            self.arm_session(member, timeout_ms);
        }
    }

    pub(super) fn disarm_session(&mut self, member: &str) {
        self.timers.clear(Timer::Session { group: self.group.id.clone(), member: member.to_owned() });
    }

    /// Lets the member's join wait. One that waited before is told to try again: it comes from a connection that the client
    /// gave up, and every request has an answer.
    pub(super) fn park_join(&mut self, member: &str, token: Token) {
        if let Some(before) = self.group.members.park_join(member, token) {
            self.waiting.remove(&before);
            self.out.reply(before, Reply::Join(JoinAnswer::refused(member, GroupError::RebalanceInProgress)));
        }
        self.waiting.insert(token, (self.group.id.clone(), member.to_owned()));
    }

    /// Lets the member's sync wait; as for a join, the later request counts.
    pub(super) fn park_sync(&mut self, member: &str, token: Token) {
        let Some(parked) = self.group.members.get_mut(member) else {
            return;
        };
        if let Some(before) = parked.sync.replace(token) {
            self.waiting.remove(&before);
            self.out.reply(before, Reply::Sync(Err(GroupError::RebalanceInProgress)));
        }
        self.waiting.insert(token, (self.group.id.clone(), member.to_owned()));
    }

    /// Answers the member's join, if one waits.
    pub(super) fn answer_join(&mut self, member: &str, answer: JoinAnswer) {
        if let Some(token) = self.group.members.take_join(member) {
            self.waiting.remove(&token);
            self.out.reply(token, Reply::Join(answer));
        }
    }

    /// Answers the member's sync; says whether one waited.
    pub(super) fn answer_sync(&mut self, member: &str, answer: Result<SyncAnswer, GroupError>) -> bool {
        let Some(token) = self.group.members.get_mut(member).and_then(|member| member.sync.take()) else {
            return false;
        };
        self.waiting.remove(&token);
        self.out.reply(token, Reply::Sync(answer));
        true
    }

    /// Lets a member go: nothing of it waits or is due any longer.
    pub(super) fn remove_member(&mut self, member: &str) {
        self.answer_join(member, JoinAnswer::refused("", GroupError::UnknownMemberId));
        self.answer_sync(member, Err(GroupError::UnknownMemberId));
        self.disarm_session(member);
        self.group.remove(member);
    }

    /// Gives the place of a static member to `new_id`; whoever held it is fenced.
    pub(super) fn replace_static_member(&mut self, old_id: &str, new_id: &str) {
        self.answer_join(old_id, JoinAnswer::refused(old_id, GroupError::FencedInstanceId));
        self.answer_sync(old_id, Err(GroupError::FencedInstanceId));
        self.disarm_session(old_id);
        let group = &mut *self.group;
        let Some(mut member) = group.members.remove(old_id) else {
            return;
        };
        new_id.clone_into(&mut member.id);
        member.is_new = false;
        group.members.insert(member);
        if group.is_leader(old_id) {
            group.leader = Some(new_id.to_owned());
        }
        if group.pending_syncs.remove(old_id) {
            group.pending_syncs.insert(new_id.to_owned());
        }
    }

    /// The request under `token` will not be waited for. Its member has to come back within its session timeout; until
    /// then it counts as one that has not joined.
    pub(super) fn forget(&mut self, member: &str, token: Token) {
        let Some(found) = self.group.members.get_mut(member) else {
            return;
        };
        if found.sync == Some(token) {
            found.sync = None;
        }
        if found.join() == Some(token) {
            self.group.members.take_join(member);
        }
        self.renew_session(member);
    }
}
