//! Whether a heartbeat makes sense before any group is looked at.

use super::super::GroupError;
use super::super::assignors::Assignor;
use super::super::types::ConsumerHeartbeat;
use super::member::Pattern;

/// Epoch of a member that joins.
pub(super) const JOIN: i32 = 0;
/// Epoch of a member that leaves.
pub(super) const LEAVE: i32 = -1;
/// Epoch of a static member that leaves and will be back.
pub(super) const LEAVE_FOR_A_WHILE: i32 = -2;
/// From this version on members make their ids themselves.
const OWN_IDS_VERSION: i16 = 1;

/// Bytes of the names that a member subscribes to, and longest name of a member: far beyond what anybody reads.
const SUBSCRIPTION_BYTES_MAX: usize = 1 << 20;

/// What a heartbeat says in words, understood.
pub(super) struct Said {
    pub(super) assignor: Option<Assignor>,
    /// A new regular expression, or that there shall be none any longer.
    pub(super) pattern: Option<Option<Pattern>>,
}

/// Understands a heartbeat, or says why it cannot be.
pub(super) fn understand(request: &ConsumerHeartbeat) -> Result<Said, GroupError> {
    let is_empty = |text: &Option<String>| text.as_deref() == Some("");
    let needs_id = request.member_epoch != JOIN || request.version >= OWN_IDS_VERSION;
    let bytes: usize = request.topics.iter().flatten().map(String::len).sum();
    let makes_no_sense = request.group.is_empty()
        || bytes > SUBSCRIPTION_BYTES_MAX
        || is_empty(&request.instance_id)
        || is_empty(&request.rack_id)
        || is_empty(&request.assignor)
        || (needs_id && request.member_id.is_empty())
        || request.member_epoch < LEAVE_FOR_A_WHILE
        || (request.member_epoch == LEAVE_FOR_A_WHILE && request.instance_id.is_none())
        || (request.member_epoch == JOIN && !joins_in_full(request));
    if makes_no_sense {
        return Err(GroupError::InvalidRequest);
    }
    let assignor = request.assignor.as_deref().map(|name| Assignor::of(name).ok_or(GroupError::UnsupportedAssignor));
    let pattern = request.regex.as_deref().map(|text| match text {
        "" => Ok(None),
        text => Pattern::new(text).map(Some).ok_or(GroupError::InvalidRegularExpression),
    });
    Ok(Said { assignor: assignor.transpose()?, pattern: pattern.transpose()? })
}

/// Who joins tells everything, and owns nothing yet.
fn joins_in_full(request: &ConsumerHeartbeat) -> bool {
    request.is_full()
        && request.rebalance_timeout_ms >= 0
        && request.owned.as_ref().is_some_and(|owned| owned.is_empty())
}
