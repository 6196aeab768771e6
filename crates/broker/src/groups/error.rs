//! What a request about a group can be refused with, by the protocol's names.

use std::error::Error;
use std::fmt;

/// An error code of the protocol; the caller maps it to its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupError {
    /// The coordinator is closed: the client looks for it again.
    CoordinatorNotAvailable,
    /// The coordinator closed while the request waited: the client looks for it again.
    NotCoordinator,
    /// The group's name is empty.
    InvalidGroupId,
    /// There is no such group.
    GroupIdNotFound,
    /// The group has members.
    NonEmptyGroup,
    /// The group has as many members as it may have.
    GroupMaxSizeReached,
    /// Members of the group subscribe to that topic.
    GroupSubscribedToTopic,
    /// The member has no protocol that all others have, or is of another protocol type.
    InconsistentGroupProtocol,
    /// The session timeout is outside the configured bounds.
    InvalidSessionTimeout,
    /// The member has to join again, with the id that the answer names.
    MemberIdRequired,
    /// There is no such member.
    UnknownMemberId,
    /// Another process took over the static member.
    FencedInstanceId,
    /// The request is of an earlier generation.
    IllegalGeneration,
    /// The members have to join again.
    RebalanceInProgress,
    /// The metadata of an offset is too long.
    OffsetMetadataTooLarge,
    /// A transaction that has not ended commits this offset.
    UnstableOffsetCommit,
    /// The request makes no sense.
    InvalidRequest,
    /// The version of the request knows nothing of groups like this.
    UnsupportedVersion,
    /// The member has to join again: its epoch is none that it can have.
    FencedMemberEpoch,
    /// The member has another epoch by now.
    StaleMemberEpoch,
    /// The place of a static member is taken by one that has not left.
    UnreleasedInstanceId,
    /// There is no such assignor.
    UnsupportedAssignor,
    /// A subscription is no regular expression.
    InvalidRegularExpression,
}

impl GroupError {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CoordinatorNotAvailable => "COORDINATOR_NOT_AVAILABLE",
            Self::NotCoordinator => "NOT_COORDINATOR",
            Self::InvalidGroupId => "INVALID_GROUP_ID",
            Self::GroupIdNotFound => "GROUP_ID_NOT_FOUND",
            Self::NonEmptyGroup => "NON_EMPTY_GROUP",
            Self::GroupMaxSizeReached => "GROUP_MAX_SIZE_REACHED",
            Self::GroupSubscribedToTopic => "GROUP_SUBSCRIBED_TO_TOPIC",
            Self::InconsistentGroupProtocol => "INCONSISTENT_GROUP_PROTOCOL",
            Self::InvalidSessionTimeout => "INVALID_SESSION_TIMEOUT",
            Self::MemberIdRequired => "MEMBER_ID_REQUIRED",
            Self::UnknownMemberId => "UNKNOWN_MEMBER_ID",
            Self::FencedInstanceId => "FENCED_INSTANCE_ID",
            Self::IllegalGeneration => "ILLEGAL_GENERATION",
            Self::RebalanceInProgress => "REBALANCE_IN_PROGRESS",
            Self::OffsetMetadataTooLarge => "OFFSET_METADATA_TOO_LARGE",
            Self::UnstableOffsetCommit => "UNSTABLE_OFFSET_COMMIT",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::UnsupportedVersion => "UNSUPPORTED_VERSION",
            Self::FencedMemberEpoch => "FENCED_MEMBER_EPOCH",
            Self::StaleMemberEpoch => "STALE_MEMBER_EPOCH",
            Self::UnreleasedInstanceId => "UNRELEASED_INSTANCE_ID",
            Self::UnsupportedAssignor => "UNSUPPORTED_ASSIGNOR",
            Self::InvalidRegularExpression => "INVALID_REGULAR_EXPRESSION",
        }
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error for GroupError {}
