//! Heartbeat: a member is alive, and learns whether it has to join again.

use super::step::Step;
use super::types::{HeartbeatRequest, Outcome, Reply, State};
use super::{Coordinator, GroupError, Token};

impl Coordinator {
    /// A member is alive.
    pub fn heartbeat(&mut self, token: Token, request: &HeartbeatRequest, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        let answer = self.check_group_id(&request.group).and_then(|()| {
            let step = self.step(&request.group, now_ms, &mut out);
            step.ok_or(GroupError::UnknownMemberId)?.heartbeat(request)
        });
        out.reply(token, Reply::Heartbeat(answer));
        out
    }
}

impl Step<'_> {
    fn heartbeat(&mut self, request: &HeartbeatRequest) -> Result<(), GroupError> {
        self.group.check_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.group.generation {
            return Err(GroupError::IllegalGeneration);
        }
        self.renew_session(&request.member_id);
        match self.group.state {
            State::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            // Members may send heartbeats before they have their assignment.
            State::CompletingRebalance | State::Stable => Ok(()),
            State::Empty | State::Dead => Err(GroupError::UnknownMemberId),
        }
    }
}
