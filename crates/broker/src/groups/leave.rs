//! LeaveGroup: members go, or are sent away by the names of static members.

use super::step::Step;
use super::types::{LeaveRequest, LeavingMember, LeftMember, Outcome, Reply, State};
use super::{Coordinator, GroupError, Token};

impl Coordinator {
    /// Members go.
    pub fn leave(&mut self, token: Token, request: LeaveRequest, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        let answer = self.check_group_id(&request.group).map(|()| match self.step(&request.group, now_ms, &mut out) {
            Some(mut step) => step.leave(request.members),
            None => request.members.into_iter().map(|member| left(member, Some(GroupError::UnknownMemberId))).collect(),
        });
        out.reply(token, Reply::Leave(answer));
        out
    }
}

impl Step<'_> {
    fn leave(&mut self, members: Vec<LeavingMember>) -> Vec<LeftMember> {
        let mut answers = Vec::with_capacity(members.len());
        let mut any_left = false;
        for member in members {
            let found = self.find_leaving(&member);
            if let Ok(id) = &found {
                self.remove_member(id);
                any_left = true;
            }
            answers.push(left(member, found.err()));
        }
        // A group that is empty had only given out ids: there is nobody to rebalance.
        if any_left && self.group.state != State::Empty {
            self.rebalance();
        }
        answers
    }

    /// The id of the member that is to go.
    fn find_leaving(&self, member: &LeavingMember) -> Result<String, GroupError> {
        let id = member.member_id.as_str();
        let instance = member.instance_id.as_deref();
        if id.is_empty() {
            let held_by = instance.and_then(|instance| self.group.members.id_of(instance));
            return held_by.map(str::to_owned).ok_or(GroupError::UnknownMemberId);
        }
        if !self.group.pending_joins.contains(id) {
            self.group.check_member(id, instance)?;
        }
        Ok(id.to_owned())
    }
}

fn left(member: LeavingMember, error: Option<GroupError>) -> LeftMember {
    LeftMember { member_id: member.member_id, instance_id: member.instance_id, error }
}
