//! Members that go: by themselves, for a while, or because nothing was heard of them.

use super::super::step::Step;
use super::super::types::{ConsumerAnswer, ConsumerHeartbeat};
use super::super::{GroupError, Record};
use super::check::LEAVE_FOR_A_WHILE;
use super::member::MemberState;

impl Step<'_> {
    pub(super) fn consumer_leave(&mut self, request: &ConsumerHeartbeat) -> Result<ConsumerAnswer, GroupError> {
        let id = self.find_consumer(&request.member_id, request.instance_id.as_deref())?.id.clone();
        if request.member_epoch == LEAVE_FOR_A_WHILE {
            // Its place and what it owns are kept for it until its session ends.
            self.disarm_revocation(&id);
            self.consumers().update(&id, |member| {
                member.enter_epoch(LEAVE_FOR_A_WHILE);
                member.state = MemberState::Stable;
                member.revoking.clear();
            });
        } else {
            self.remove_consumer(&id);
        }
        let (member_id, member_epoch) = (id, request.member_epoch);
        Ok(ConsumerAnswer { member_id, member_epoch, heartbeat_interval_ms: 0, assignment: None })
    }

    /// A member was silent for too long.
    pub(in super::super) fn consumer_session_is_over(&mut self, member: &str) {
        self.remove_consumer(member);
        self.write_consumers();
    }

    /// A member did not let go of what it should have.
    pub(in super::super) fn revocation_time_is_up(&mut self, member: &str) {
        if self.consumers().letting_go_ms(member).is_some() {
            self.remove_consumer(member);
            self.write_consumers();
        }
    }

    fn remove_consumer(&mut self, id: &str) {
        if self.drop_consumer(id) {
            self.consumers().begin_epoch();
        }
    }

    /// Forgets a member and what is due of it.
    pub(super) fn drop_consumer(&mut self, id: &str) -> bool {
        self.disarm_session(id);
        self.disarm_revocation(id);
        let is_gone = self.consumers().remove(id).is_some();
        if is_gone {
            let (group, member_id) = (self.group.id.clone(), id.to_owned());
            self.out.records.push(Record::ConsumerMemberRemoved { group, member_id });
        }
        is_gone
    }
}
