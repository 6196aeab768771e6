//! SyncGroup: the leader brings the assignments, everybody gets their own.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::group::Group;
use super::step::Step;
use super::types::{Outcome, Reply, State, SyncAnswer, SyncRequest};
use super::{Coordinator, GroupError, Token};

impl Coordinator {
    /// A member asks for its assignment. The answer may come with a later outcome, when the leader has brought it.
    pub fn sync(&mut self, token: Token, request: SyncRequest, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        if let Err(error) = self.sync_or_refuse(token, request, now_ms, &mut out) {
            out.reply(token, Reply::Sync(Err(error)));
        }
        out
    }

    fn sync_or_refuse(
        &mut self,
        token: Token,
        request: SyncRequest,
        now_ms: i64,
        out: &mut Outcome,
    ) -> Result<(), GroupError> {
        self.check_group_id(&request.group)?;
        self.step(&request.group, now_ms, out).ok_or(GroupError::UnknownMemberId)?.sync(token, request)
    }
}

impl Step<'_> {
    fn sync(&mut self, token: Token, request: SyncRequest) -> Result<(), GroupError> {
        check(self.group, &request)?;
        if request.assignments.iter().map(|(member, share)| member.len() + share.len()).sum::<usize>()
            > self.config.group_bytes_max
        {
            return Err(GroupError::InvalidRequest);
        }
        match self.group.state {
            State::Empty | State::Dead => Err(GroupError::UnknownMemberId),
            State::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            State::CompletingRebalance => {
                self.park_sync(&request.member_id, token);
                self.note_sync(&request.member_id);
                if self.group.is_leader(&request.member_id) {
                    self.assign(request.assignments.into_iter().collect());
                }
                Ok(())
            }
            State::Stable => {
                self.note_sync(&request.member_id);
                let answer = assignment_of(self.group, &request.member_id);
                self.out.reply(token, Reply::Sync(Ok(answer)));
                Ok(())
            }
        }
    }

    /// The member need not be waited for any longer.
    fn note_sync(&mut self, member: &str) {
        self.group.pending_syncs.remove(member);
        if self.group.pending_syncs.is_empty() {
            self.disarm_sync();
        }
    }

    /// Gives every member what the leader assigned to it; nothing to those it left out.
    fn assign(&mut self, mut assignments: BTreeMap<String, Bytes>) {
        for member in self.group.members.iter_mut() {
            member.assignment = assignments.remove(&member.id).unwrap_or_default();
        }
        self.group.enter(State::Stable, self.now_ms);
        self.write();
        for id in self.group.members.ids() {
            let answer = assignment_of(self.group, &id);
            if self.answer_sync(&id, Ok(answer)) {
                self.renew_session(&id);
            }
        }
    }
}

fn check(group: &Group, request: &SyncRequest) -> Result<(), GroupError> {
    group.check_member(&request.member_id, request.instance_id.as_deref())?;
    if request.generation != group.generation {
        return Err(GroupError::IllegalGeneration);
    }
    let differs = |asked: &Option<String>, is: &Option<String>| asked.is_some() && is.is_some() && asked != is;
    if differs(&request.protocol_type, &group.protocol_type) || differs(&request.protocol, &group.protocol) {
        return Err(GroupError::InconsistentGroupProtocol);
    }
    Ok(())
}

fn assignment_of(group: &Group, member: &str) -> SyncAnswer {
    SyncAnswer {
        protocol_type: group.protocol_type.clone(),
        protocol: group.protocol.clone(),
        assignment: group.members.get(member).map(|member| member.assignment.clone()).unwrap_or_default(),
    }
}
