//! One member's next step from what it owns to what it shall own.

use super::super::step::Step;
use super::super::timers::Timer;
use super::super::types::{Assignment, IdPartition};
use super::member::{ConsumerMember, MemberState};

/// Where a member stands after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    epoch: i32,
    state: MemberState,
    assigned: Assignment,
    revoking: Assignment,
}

/// The next step of a member, if there is one. It says what it `owned`, unless that has not changed since it last did.
fn next(
    member: &ConsumerMember,
    assignment_epoch: i32,
    owned: Option<&Assignment>,
    is_free: impl Fn(&IdPartition) -> bool,
) -> Option<Place> {
    let still_owns = |revoked: &Assignment| owned.is_none_or(|owned| !owned.is_disjoint(revoked));
    match member.state {
        MemberState::Stable if member.epoch == assignment_epoch => return None,
        MemberState::LettingGo if still_owns(&member.revoking) => return None,
        _ => {}
    }
    let kept = &member.assigned & &member.target;
    let revoking = &member.assigned - &member.target;
    if !revoking.is_empty() && still_owns(&revoking) {
        return Some(Place { epoch: member.epoch, state: MemberState::LettingGo, assigned: kept, revoking });
    }
    let is_missing = |partition: &&IdPartition| !kept.contains(*partition);
    let (free, held): (Assignment, Assignment) =
        member.target.iter().filter(is_missing).copied().partition(|partition| is_free(partition));
    let state = if held.is_empty() { MemberState::Stable } else { MemberState::Waiting };
    Some(Place { epoch: assignment_epoch, state, assigned: &kept | &free, revoking: Assignment::new() })
}

impl Step<'_> {
    /// Moves a member on.
    pub(super) fn reconcile(&mut self, id: &str, owned: Option<&Assignment>) {
        let consumers = self.consumers();
        let Some(member) = consumers.get(id) else { return };
        let is_free = |partition: &IdPartition| consumers.is_free_for(id, partition);
        let Some(place) = next(member, consumers.assignment_epoch, owned, is_free) else { return };
        let is_as_before = member.epoch == place.epoch
            && member.state == place.state
            && member.assigned == place.assigned
            && member.revoking == place.revoking;
        if is_as_before {
            return;
        }
        let timeout_ms = member.rebalance_timeout_ms;
        let lets_go = place.state == MemberState::LettingGo;
        consumers.update(id, |member| {
            member.enter_epoch(place.epoch);
            member.state = place.state;
            member.assigned = place.assigned;
            member.revoking = place.revoking;
        });
        if lets_go { self.arm_revocation(id, timeout_ms) } else { self.disarm_revocation(id) }
    }

    /// Bounds the time in which a member lets go.
    pub(in super::super) fn arm_revocation(&mut self, member: &str, timeout_ms: i32) {
        self.arm(Timer::Revocation { group: self.group.id.clone(), member: member.to_owned() }, timeout_ms);
    }

    pub(super) fn disarm_revocation(&mut self, member: &str) {
        self.timers.clear(Timer::Revocation { group: self.group.id.clone(), member: member.to_owned() });
    }
}
