//! Looking at groups.

use bytes::Bytes;

use super::super::GroupError;
use super::State;

/// Which groups to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListGroupsRequest {
    /// Names of states, in any case; all states if empty.
    pub states: Vec<String>,
    /// Names of types, in any case; all types if empty.
    pub types: Vec<String>,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group.
    pub group: String,
    /// What kind of group it is, empty if it only keeps offsets.
    pub protocol_type: String,
    /// Where it stands, by the protocol's name.
    pub state: &'static str,
    /// By which protocol its members are coordinated: `classic` or `consumer`.
    pub group_type: &'static str,
}

/// A group in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedGroup {
    /// The group.
    pub group: String,
    /// `GROUP_ID_NOT_FOUND` for an unknown one, to be told from version 6 on; before that `Dead` says it.
    pub error: Option<GroupError>,
    /// Where it stands.
    pub state: State,
    /// What kind of group it is, empty if it only keeps offsets.
    pub protocol_type: String,
    /// The chosen protocol; empty unless the group is stable.
    pub protocol: String,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

impl DescribedGroup {
    /// A group that is not to be had.
    pub(in super::super) fn dead(group: String, error: GroupError) -> Self {
        Self {
            group,
            error: Some(error),
            state: State::Dead,
            protocol_type: String::new(),
            protocol: String::new(),
            members: Vec::new(),
        }
    }
}

/// A member in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member_id: String,
    /// Its name, if it is a static member.
    pub instance_id: Option<String>,
    /// The name of its program.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// Its metadata under the chosen protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}
