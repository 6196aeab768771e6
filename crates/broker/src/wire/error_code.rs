//! What answers say went wrong.

macro_rules! error_codes {
    ($($name:ident $number:literal $retriable:ident $text:literal;)*) => {
        /// What went wrong, as answers say it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(
                #[doc = concat!("Says that ", $text, ".")]
                $name = $number,
            )*
        }

        impl ErrorCode {
            /// The one with that number.
            pub fn of(number: i16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Whether clients try again.
            pub fn is_retriable(self) -> bool {
                match self {
                    $(Self::$name => error_codes!(@$retriable),)*
                }
            }

            /// What went wrong, in words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
    (@yes) => { true };
    (@no) => { false };
}

impl ErrorCode {
    /// Its number.
    pub fn number(self) -> i16 {
        self as i16
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

error_codes! {
    UnknownServerError -1 no "the server failed in a way that has no number of its own";
    None 0 no "nothing went wrong";
    OffsetOutOfRange 1 no "the partition has no such offset";
    CorruptMessage 2 yes "the records are damaged";
    UnknownTopicOrPartition 3 yes "there is no such topic or partition here";
    InvalidFetchSize 4 no "the size to read is not allowed";
    LeaderNotAvailable 5 yes "the partition has no leader at the moment";
    NotLeaderOrFollower 6 yes "this broker does not lead the partition";
    RequestTimedOut 7 yes "the time for the request is over";
    BrokerNotAvailable 8 no "the broker cannot be reached";
    ReplicaNotAvailable 9 yes "the replica is not here";
    MessageTooLarge 10 no "the batch is larger than the topic takes";
    StaleControllerEpoch 11 no "the controller has changed";
    OffsetMetadataTooLarge 12 no "the text noted with an offset is too long";
    NetworkException 13 yes "the connection was lost before an answer came";
    CoordinatorLoadInProgress 14 yes "the coordinator still loads what it has to know";
    CoordinatorNotAvailable 15 yes "there is no coordinator at the moment";
    NotCoordinator 16 yes "this broker does not coordinate the group or transaction";
    InvalidTopic 17 no "the topic has a name that is not allowed";
    RecordListTooLarge 18 no "the batch is larger than a segment";
    NotEnoughReplicas 19 yes "too few replicas are in step to append";
    NotEnoughReplicasAfterAppend 20 yes "too few replicas were in step once the records were appended";
    InvalidRequiredAcks 21 no "no such number of acknowledgements is known";
    IllegalGeneration 22 no "the group is in another generation";
    InconsistentGroupProtocol 23 no "the members have no way of sharing in common";
    InvalidGroupId 24 no "the id of the group is not allowed";
    UnknownMemberId 25 no "the group has no such member";
    InvalidSessionTimeout 26 no "the session timeout is outside the limits";
    RebalanceInProgress 27 no "the group is sharing its partitions anew";
    InvalidCommitOffsetSize 28 no "the offsets to note take too much room";
    TopicAuthorizationFailed 29 no "the client may not do that with the topic";
    GroupAuthorizationFailed 30 no "the client may not do that with the group";
    ClusterAuthorizationFailed 31 no "the client may not do that with the cluster";
    InvalidTimestamp 32 no "the timestamp of a record is outside the limits";
    UnsupportedSaslMechanism 33 no "the server knows no such SASL mechanism";
    IllegalSaslState 34 no "the SASL step is not the one that is due";
    UnsupportedVersion 35 no "the server does not know that version";
    TopicAlreadyExists 36 no "there is a topic of that name already";
    InvalidPartitions 37 no "the number of partitions is not allowed";
    InvalidReplicationFactor 38 no "the number of replicas is not allowed";
    InvalidReplicaAssignment 39 no "the brokers for the replicas are not allowed";
    InvalidConfig 40 no "a setting is not allowed";
    NotController 41 yes "this broker is not the controller";
    InvalidRequest 42 no "the request makes no sense";
    UnsupportedForMessageFormat 43 no "the format of the records is too old for that";
    PolicyViolation 44 no "a rule of the server forbids it";
    OutOfOrderSequenceNumber 45 no "records of the producer are missing before these";
    DuplicateSequenceNumber 46 no "the records were appended before";
    InvalidProducerEpoch 47 no "the producer has been replaced by a newer one";
    InvalidTxnState 48 no "the transaction is in a state that does not allow it";
    InvalidProducerIdMapping 49 no "the transactional id belongs to another producer id";
    InvalidTransactionTimeout 50 no "the timeout of the transaction is longer than allowed";
    ConcurrentTransactions 51 yes "another change of the transaction is still going on";
    TransactionCoordinatorFenced 52 no "the coordinator of the transaction has been replaced";
    TransactionalIdAuthorizationFailed 53 no "the client may not use the transactional id";
    SecurityDisabled 54 no "the server checks no permissions";
    OperationNotAttempted 55 no "nothing was tried, as something else in the request failed";
    KafkaStorageError 56 yes "the disk of the partition failed";
    LogDirNotFound 57 no "there is no such directory";
    SaslAuthenticationFailed 58 no "the proof of who the client is failed";
    UnknownProducerId 59 no "nothing is known of the producer";
    ReassignmentInProgress 60 no "the partition is already moving";
    DelegationTokenAuthDisabled 61 no "delegation tokens are switched off";
    DelegationTokenNotFound 62 no "there is no such delegation token";
    DelegationTokenOwnerMismatch 63 no "the delegation token belongs to somebody else";
    DelegationTokenRequestNotAllowed 64 no "delegation tokens are not to be had over such a connection";
    DelegationTokenAuthorizationFailed 65 no "the client may not do that with the delegation token";
    DelegationTokenExpired 66 no "the delegation token is too old";
    InvalidPrincipalType 67 no "the kind of principal is not known";
    NonEmptyGroup 68 no "the group has members";
    GroupIdNotFound 69 no "there is no such group";
    FetchSessionIdNotFound 70 yes "there is no such fetch session";
    InvalidFetchSessionEpoch 71 yes "the fetch session is at another epoch";
    ListenerNotFound 72 yes "the leader has no listener like the one of the request";
    TopicDeletionDisabled 73 no "topics cannot be deleted here";
    FencedLeaderEpoch 74 yes "the client knows an older leader than the server";
    UnknownLeaderEpoch 75 yes "the client knows a newer leader than the server";
    UnsupportedCompressionType 76 no "the client cannot read records packed like that";
    StaleBrokerEpoch 77 no "the broker has been registered anew";
    OffsetNotAvailable 78 yes "the new leader does not know yet how far it may let clients read";
    MemberIdRequired 79 no "the member has to come again with the id that it got";
    PreferredLeaderNotAvailable 80 yes "the preferred leader is not there";
    GroupMaxSizeReached 81 no "the group is full";
    FencedInstanceId 82 no "the member has been replaced by one with the same instance id";
    EligibleLeadersNotAvailable 83 yes "no replica that may lead is there";
    ElectionNotNeeded 84 yes "the partition has the right leader already";
    NoReassignmentInProgress 85 no "the partition is not moving";
    GroupSubscribedToTopic 86 no "the group reads the topic";
    InvalidRecord 87 no "the server refused a record";
    UnstableOffsetCommit 88 yes "some offsets wait for the end of a transaction";
    ThrottlingQuotaExceeded 89 yes "the client has used up its quota";
    ProducerFenced 90 no "a newer producer has the same transactional id";
    ResourceNotFound 91 no "there is no such thing";
    DuplicateResource 92 no "the same thing stands twice in the request";
    UnacceptableCredential 93 no "the credential is not good enough";
    InconsistentVoterSet 94 no "the voters are not those that were expected";
    InvalidUpdateVersion 95 no "the update has a version that is not allowed";
    FeatureUpdateFailed 96 no "the feature could not be changed";
    PrincipalDeserializationFailure 97 no "the principal could not be read";
    SnapshotNotFound 98 no "there is no such snapshot";
    PositionOutOfRange 99 no "the position is outside the snapshot";
    UnknownTopicId 100 yes "no topic has that id";
    DuplicateBrokerRegistration 101 no "the broker is registered already";
    BrokerIdNotRegistered 102 no "no broker is registered under that id";
    InconsistentTopicId 103 yes "the topic has another id";
    InconsistentClusterId 104 no "the cluster has another id";
    TransactionalIdNotFound 105 no "there is no such transactional id";
    FetchSessionTopicIdError 106 yes "the fetch session mixes names and ids of topics";
    IneligibleReplica 107 no "the replica may not be in step";
    NewLeaderElected 108 no "the partition has just got a new leader";
    OffsetMovedToTieredStorage 109 no "the records have moved to tiered storage";
    FencedMemberEpoch 110 no "the member is at an older epoch than the group lets in";
    UnreleasedInstanceId 111 no "the instance id still belongs to another member";
    UnsupportedAssignor 112 no "the server knows no such assignor";
    StaleMemberEpoch 113 no "the epoch of the member is not the newest";
    MismatchedEndpointType 114 no "the request came to the wrong kind of endpoint";
    UnsupportedEndpointType 115 no "the server knows no such kind of endpoint";
    UnknownControllerId 116 no "there is no such controller";
    UnknownSubscriptionId 117 no "there is no such telemetry subscription";
    TelemetryTooLarge 118 no "the telemetry takes too much room";
    InvalidRegistration 119 no "the registration of the broker is not allowed";
    TransactionAbortable 120 no "the transaction has to be aborted";
    InvalidRecordState 121 no "the state of the record does not allow it";
    ShareSessionNotFound 122 yes "there is no such share session";
    InvalidShareSessionEpoch 123 yes "the share session is at another epoch";
    FencedStateEpoch 124 no "the state is at a newer epoch";
    InvalidVoterKey 125 no "the voter has another key";
    DuplicateVoter 126 no "the voter is there already";
    VoterNotFound 127 no "there is no such voter";
    InvalidRegularExpression 128 no "the regular expression makes no sense";
    RebootstrapRequired 129 no "the client has to start again from its bootstrap servers";
    StreamsInvalidTopology 130 no "the topology of the streams is not allowed";
    StreamsInvalidTopologyEpoch 131 no "the epoch of the topology is not allowed";
    StreamsTopologyFenced 132 no "the member knows an older topology than the group";
    ShareSessionLimitReached 133 yes "there are as many share sessions as there may be";
}
