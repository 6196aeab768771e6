//! From one generation to the next.
//!
//! ```text
//!            a first member            everybody joined, or time is up          the leader's sync
//!   Empty ──────────────────▶ Preparing ─────────────────────────────▶ Completing ───────────────▶ Stable
//!     ▲                        │   ▲                                      │                          │
//!     └── nobody is left ──────┘   └────── a member joins, leaves, is lost, or never syncs ──────────┘
//! ```
//!
//! What is written: a group that begins, an assignment when it is known, a group that became empty. A rebalance that a restart
//! interrupts is forgotten, as in Kafka: members find that their generation is unknown and join again.

use super::GroupError;
use super::group::InitialDelay;
use super::step::Step;
use super::types::State;

/// How long a rebalance that nobody joined waits at least before it looks again: members without a rebalance timeout must
/// not keep the clock busy.
const POSTPONED_MS_MIN: i32 = 100;

impl Step<'_> {
    /// After members came, went or changed: begins a rebalance, or sees whether the present one is complete.
    pub(super) fn rebalance(&mut self) {
        match self.group.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.begin_rebalance(),
            State::PreparingRebalance => self.complete_join_if_all_joined(),
            State::Dead => {}
        }
    }

    /// Asks all members to join again.
    pub(super) fn begin_rebalance(&mut self) {
        if self.group.state == State::CompletingRebalance {
            self.drop_assignments();
        }
        self.group.pending_syncs.clear();
        self.disarm_sync();
        let was_empty = self.group.state == State::Empty;
        self.group.enter(State::PreparingRebalance, self.now_ms);
        if was_empty && self.config.initial_rebalance_delay_ms > 0 {
            self.begin_initial_delay();
        } else if was_empty || self.group.has_all_joined() {
            self.complete_join();
        } else {
            self.arm_join(self.group.members.rebalance_timeout_ms());
        }
    }

    /// The first members of a group tend to come together: waits before it answers them.
    fn begin_initial_delay(&mut self) {
        let delay_ms = self.config.initial_rebalance_delay_ms;
        let remaining_ms = self.group.members.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
        self.group.initial = Some(InitialDelay { delay_ms, remaining_ms, extend: false });
        self.arm_join(delay_ms);
    }

    /// The time for joining is up; it is extended once more if this is a group's first time and members keep coming.
    pub(super) fn join_time_is_up(&mut self) {
        if let Some(initial) = self.group.initial
            && initial.extend
            && initial.remaining_ms > 0
        {
            let delay_ms = self.config.initial_rebalance_delay_ms.min(initial.remaining_ms);
            let remaining_ms = (initial.remaining_ms - initial.delay_ms).max(0);
            self.group.initial = Some(InitialDelay { delay_ms, remaining_ms, extend: false });
            self.arm_join(delay_ms);
        } else {
            self.complete_join();
        }
    }

    /// Goes on if everybody has joined, unless the group still gathers its first members.
    pub(super) fn complete_join_if_all_joined(&mut self) {
        if self.group.initial.is_none() {
            self.complete_join_if_none_is_missing();
        }
    }

    /// Goes on if everybody has joined.
    pub(super) fn complete_join_if_none_is_missing(&mut self) {
        if self.group.state == State::PreparingRebalance && self.group.has_all_joined() {
            self.complete_join();
        }
    }

    /// Begins the generation with those who joined, and with static members, who may be away for their session timeout.
    fn complete_join(&mut self) {
        if self.group.state != State::PreparingRebalance {
            return;
        }
        self.disarm_join();
        self.group.initial = None;
        let missing = self.group.members.iter().filter(|member| !member.is_joining() && !member.is_static());
        let missing: Vec<String> = missing.map(|member| member.id.clone()).collect();
        for member in missing {
            self.remove_member(&member);
        }
        if !self.group.elect_leader() && !self.group.members.is_empty() {
            // Only static members are left and none is here. Their sessions end it, or one comes back.
            self.arm_join(self.group.members.rebalance_timeout_ms().max(POSTPONED_MS_MIN));
            return;
        }
        self.group.begin_generation(self.now_ms);
        if self.group.state == State::Empty {
            self.write();
        } else {
            self.answer_joins();
        }
    }

    fn answer_joins(&mut self) {
        for id in self.group.members.ids() {
            let answer = self.group.join_answer(&id);
            self.answer_join(&id, answer);
            self.renew_session(&id);
            if let Some(member) = self.group.members.get_mut(&id) {
                member.is_new = false;
            }
            self.group.pending_syncs.insert(id);
        }
        let timeout_ms = self.group.members.rebalance_timeout_ms();
        self.arm(super::timers::Timer::Sync { group: self.group.id.clone() }, timeout_ms);
    }

    /// The time for syncing is up: who has not asked for its assignment is gone.
    pub(super) fn sync_time_is_up(&mut self) {
        if !matches!(self.group.state, State::CompletingRebalance | State::Stable)
            || self.group.pending_syncs.is_empty()
        {
            return;
        }
        for member in std::mem::take(&mut self.group.pending_syncs) {
            self.remove_member(&member);
        }
        self.begin_rebalance();
    }

    /// A session ended without a sign of life.
    pub(super) fn session_is_over(&mut self, member: &str) {
        if self.group.pending_joins.contains(member) {
            self.group.remove(member);
            self.complete_join_if_none_is_missing();
            return;
        }
        let Some(found) = self.group.members.get(member) else {
            return;
        };
        // Who waits for an answer cannot send heartbeats. New members are the exception: they would be waited for without
        // end if their client was gone.
        if !found.is_new && (found.is_joining() || found.sync.is_some()) {
            return;
        }
        self.remove_member(member);
        match self.group.state {
            State::PreparingRebalance => self.complete_join_if_none_is_missing(),
            _ => self.rebalance(),
        }
    }

    /// The assignments of this generation will not come: who waits for one has to join again.
    fn drop_assignments(&mut self) {
        for member in self.group.members.iter_mut() {
            member.assignment = bytes::Bytes::new();
        }
        for id in self.group.members.ids() {
            if self.answer_sync(&id, Err(GroupError::RebalanceInProgress)) {
                self.renew_session(&id);
            }
        }
    }
}
