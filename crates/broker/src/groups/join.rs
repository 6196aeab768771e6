//! JoinGroup: a member wants to be in the next generation.

use std::collections::BTreeSet;

use super::group::Group;
use super::members::Member;
use super::step::Step;
use super::types::{JoinAnswer, JoinRequest, Outcome, Protocol, Reply, State};
use super::{Coordinator, GroupError, Record, Token};

/// From this version on a member has to come back with its id, so that lost answers leave no members behind.
const KNOWN_MEMBER_VERSION: i16 = 4;
/// From this version on the leader can be told to leave the assignment as it is.
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

impl Coordinator {
    /// A member joins. The answer may come with a later outcome, when the other members have joined.
    pub fn join(&mut self, token: Token, mut request: JoinRequest, now_ms: i64) -> Outcome {
        let mut out = self.tick(now_ms);
        if let Err(error) = self.check_join(&request) {
            let id = if error == GroupError::InconsistentGroupProtocol { "" } else { request.member_id.as_str() };
            out.reply(token, Reply::Join(JoinAnswer::refused(id, error)));
            return out;
        }
        keep_first_of_each_name(&mut request.protocols);
        self.make_classic(&request.group, now_ms, &mut out);
        if !self.has_group(&request.group) {
            self.create_group(&request.group, now_ms, &mut out);
        }
        let group = request.group.clone();
        if let Some(mut step) = self.step(&group, now_ms, &mut out)
            && let Err((id, error)) = step.join(token, request)
        {
            step.out.reply(token, Reply::Join(JoinAnswer::refused(id, error)));
        }
        out
    }

    fn check_join(&self, request: &JoinRequest) -> Result<(), GroupError> {
        self.check_group_id(&request.group)?;
        let bounds = self.config().session_timeout_ms_min..=self.config().session_timeout_ms_max;
        if !bounds.contains(&request.session_timeout_ms) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        let Some(group) = self.groups.get(&request.group) else {
            if !request.member_id.is_empty() {
                return Err(GroupError::UnknownMemberId);
            }
            let offers_nothing = request.protocol_type.is_empty() || request.protocols.is_empty();
            return if offers_nothing { Err(GroupError::InconsistentGroupProtocol) } else { Ok(()) };
        };
        match &group.consumer {
            Some(consumer) if !consumer.is_empty() => Err(GroupError::InconsistentGroupProtocol),
            _ => Ok(()),
        }
    }

    /// A group that all members of the newer protocol have left becomes one of the classic protocol.
    fn make_classic(&mut self, group: &str, now_ms: i64, out: &mut Outcome) {
        if self.groups.get(group).is_some_and(|found| found.consumer.is_some()) {
            let created = self.replace_group(group, now_ms);
            out.records.push(Record::Group(created.written.clone()));
        }
    }
}

/// Why a join is refused, and the member id that the answer bears.
type Refusal = (String, GroupError);

impl Step<'_> {
    fn join(&mut self, token: Token, request: JoinRequest) -> Result<(), Refusal> {
        if !accepts(self.group, &request.member_id, self.config.group_members_max) {
            self.remove_member(&request.member_id);
            self.complete_join_if_all_joined();
            return Err((String::new(), GroupError::GroupMaxSizeReached));
        }
        if !self.group.supports(&request.protocol_type, &request.protocols) {
            return Err((request.member_id, GroupError::InconsistentGroupProtocol));
        }
        if says_too_much(self.group, &request, self.config.group_bytes_max) {
            return Err((request.member_id, GroupError::GroupMaxSizeReached));
        }
        if request.member_id.is_empty() { self.join_new(token, request) } else { self.join_known(token, request) }
    }

    /// Somebody without a member id.
    fn join_new(&mut self, token: Token, request: JoinRequest) -> Result<(), Refusal> {
        let id = member_id(request.instance_id.as_deref().unwrap_or(&request.client_id), request.id_seed);
        if self.group.members.contains(&id) || self.group.pending_joins.contains(&id) {
            // The seed was used before; the client asks again, with another.
            return Err((String::new(), GroupError::UnknownMemberId));
        }
        let held_by = request.instance_id.as_deref().and_then(|instance| self.group.members.id_of(instance));
        if let Some(old_id) = held_by.map(str::to_owned) {
            self.rejoin_static(token, request, &old_id, &id);
        } else if request.instance_id.is_none() && request.version >= KNOWN_MEMBER_VERSION {
            self.group.pending_joins.insert(id.clone());
            self.arm_session(&id, request.session_timeout_ms);
            return Err((id, GroupError::MemberIdRequired));
        } else {
            self.add_member(token, request, id);
        }
        Ok(())
    }

    fn add_member(&mut self, token: Token, request: JoinRequest, id: String) {
        if let Some(initial) = &mut self.group.initial {
            initial.extend = true;
        }
        let group = &mut *self.group;
        if group.members.is_empty() {
            group.protocol_type = Some(request.protocol_type.clone());
        }
        group.pending_joins.remove(&id);
        if group.leader.is_none() {
            group.leader = Some(id.clone());
        }
        group.members.insert(Member::new(id.clone(), request));
        self.park_join(&id, token);
        self.arm_session(&id, self.config.new_member_join_timeout_ms);
        self.rebalance();
    }

    /// Somebody who was given an id.
    fn join_known(&mut self, token: Token, request: JoinRequest) -> Result<(), Refusal> {
        let id = request.member_id.clone();
        if self.group.pending_joins.contains(&id) {
            if request.instance_id.is_some() {
                return Err((id, GroupError::UnknownMemberId));
            }
            self.add_member(token, request, id);
            return Ok(());
        }
        if let Err(error) = self.group.check_member(&id, request.instance_id.as_deref()) {
            return Err((id, error));
        }
        let is_same = self.group.members.get(&id).is_some_and(|member| member.protocols() == request.protocols);
        let is_answered = match self.group.state {
            // The answer of this generation may have been lost.
            State::CompletingRebalance => is_same,
            // A leader that joins wants a rebalance: it may have seen that topics changed.
            State::Stable => is_same && !self.group.is_leader(&id),
            _ => false,
        };
        if is_answered {
            let answer = self.group.join_answer(&id);
            self.out.reply(token, Reply::Join(answer));
        } else {
            self.update_member(token, request, &id);
            self.rebalance();
        }
        Ok(())
    }

    fn update_member(&mut self, token: Token, request: JoinRequest, id: &str) {
        if let Some(member) = self.group.members.get_mut(id) {
            member.rebalance_timeout_ms = request.rebalance_timeout_ms;
            member.session_timeout_ms = request.session_timeout_ms;
        }
        self.group.members.set_protocols(id, request.protocols);
        self.park_join(id, token);
    }

    /// A static member is back, perhaps as another process, and takes its place under a new id.
    fn rejoin_static(&mut self, token: Token, request: JoinRequest, old_id: &str, id: &str) {
        let led_by = self.group.leader.clone().unwrap_or_default();
        let knows_skipping = request.version >= SKIP_ASSIGNMENT_VERSION;
        self.replace_static_member(old_id, id);
        self.update_member(token, request, id);
        self.renew_session(id);
        let keeps_protocol = self.group.members.elect_protocol() == self.group.protocol;
        if self.group.state == State::Stable && keeps_protocol {
            self.write();
            let mut answer = self.group.join_answer(id);
            if knows_skipping {
                answer.skip_assignment = self.group.is_leader(id);
            } else {
                // Told that somebody else leads, an old client leaves the assignment as it is.
                answer.leader = led_by;
                answer.members.clear();
            }
            self.answer_join(id, answer);
        } else {
            self.rebalance();
        }
    }
}

/// Whether there is room for a member. While the group gathers, those who joined count: the last to come are those who
/// have to go if the bound was lowered.
fn accepts(group: &Group, member: &str, members_max: usize) -> bool {
    let known = group.members.get(member);
    match group.state {
        State::Empty | State::Dead => true,
        State::PreparingRebalance => {
            known.is_some_and(|member| member.is_joining()) || group.members.joining() < members_max
        }
        State::CompletingRebalance | State::Stable => known.is_some() || group.members.len() < members_max,
    }
}

/// Whether all members together would say more than is kept, if this one said what it does.
fn says_too_much(group: &Group, request: &JoinRequest, bytes_max: usize) -> bool {
    let instance = request.instance_id.as_deref().filter(|_| request.member_id.is_empty());
    let id = instance.and_then(|instance| group.members.id_of(instance)).unwrap_or(&request.member_id);
    group.members.bytes_with(id, &request.protocols) > bytes_max
}

fn keep_first_of_each_name(protocols: &mut Vec<Protocol>) {
    let mut names = BTreeSet::new();
    protocols.retain(|protocol| names.insert(protocol.name.clone()));
}

/// The id of a new member: what its client calls itself, and the seed as a UUID.
pub(super) fn member_id(client: &str, seed: u128) -> String {
    let hex = format!("{seed:032x}");
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    format!("{client}-{a}-{b}-{c}-{d}-{e}")
}
