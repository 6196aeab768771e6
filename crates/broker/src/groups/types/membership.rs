//! Joining, syncing, heartbeats, leaving.

use bytes::Bytes;

use super::super::GroupError;

/// One way of assigning that a member supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, for instance `range`.
    pub name: String,
    /// What the member tells the leader under this protocol.
    pub metadata: Bytes,
}

/// A member wants to be in the next generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Version of the protocol's request: from 4 on a member has to come back with the id it is given, from 9 on a static
    /// leader can be told to skip the assignment.
    pub version: i16,
    /// The group.
    pub group: String,
    /// The member's id; empty if it has none yet.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// The name of the client's program.
    pub client_id: String,
    /// Where the client is.
    pub client_host: String,
    /// How long the member may be silent.
    pub session_timeout_ms: i32,
    /// How long others wait for this member to join; before version 1 the session timeout.
    pub rebalance_timeout_ms: i32,
    /// What kind of group it is, `consumer` for consumers.
    pub protocol_type: String,
    /// Ways of assigning, the dearest first.
    pub protocols: Vec<Protocol>,
    /// A random number: should the member need an id, it is made of this.
    pub id_seed: u128,
}

/// The generation a member is in, or why it is in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAnswer {
    /// Why not; the rest is empty then, but for the member's id.
    pub error: Option<GroupError>,
    /// The generation, -1 with an error.
    pub generation: i32,
    /// What kind of group it is.
    pub protocol_type: Option<String>,
    /// The protocol that the votes chose.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: String,
    /// The leader need not assign: the assignment is still good.
    pub skip_assignment: bool,
    /// The member's id.
    pub member_id: String,
    /// All members, for the leader only.
    pub members: Vec<JoinedMember>,
}

impl JoinAnswer {
    pub(in super::super) fn refused(member_id: impl Into<String>, error: GroupError) -> Self {
        Self {
            error: Some(error),
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.into(),
            members: Vec::new(),
        }
    }
}

/// What the leader is told about a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its name, if it is a static member.
    pub instance_id: Option<String>,
    /// Its metadata under the chosen protocol.
    pub metadata: Bytes,
}

/// A member asks for its assignment; the leader brings everybody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    /// The group.
    pub group: String,
    /// The generation of the join answer.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// What kind of group the member takes it for, from version 5 on.
    pub protocol_type: Option<String>,
    /// Which protocol the member takes for chosen, from version 5 on.
    pub protocol: Option<String>,
    /// Member and assignment, from the leader only.
    pub assignments: Vec<(String, Bytes)>,
}

/// What a member has to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncAnswer {
    /// What kind of group it is.
    pub protocol_type: Option<String>,
    /// The chosen protocol.
    pub protocol: Option<String>,
    /// The assignment as the leader wrote it.
    pub assignment: Bytes,
}

/// A member is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: String,
    /// The generation of the join answer.
    pub generation: i32,
    /// The member.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
}

/// Members go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveRequest {
    /// The group.
    pub group: String,
    /// Who goes; one before version 3.
    pub members: Vec<LeavingMember>,
}

/// A member that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty if a static member is removed by its name.
    pub member_id: String,
    /// The name of a static member.
    pub instance_id: Option<String>,
}

/// What came of one leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftMember {
    /// The id of the request.
    pub member_id: String,
    /// The name of the request.
    pub instance_id: Option<String>,
    /// Why it did not go.
    pub error: Option<GroupError>,
}
