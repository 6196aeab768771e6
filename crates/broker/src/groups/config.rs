//! Settings of the coordinator, with the defaults of Kafka.

use super::types::Timing;

/// Bounds and delays of all groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Shortest session timeout a member may ask for: `group.min.session.timeout.ms`.
    pub session_timeout_ms_min: i32,
    /// Longest session timeout a member may ask for: `group.max.session.timeout.ms`.
    pub session_timeout_ms_max: i32,
    /// Most members of a group: `group.max.size`.
    pub group_members_max: usize,
    /// Bytes of what all members of a group say under their protocols, and of what its leader assigns: they are kept in memory
    /// and written together. Kafka has a bound of one record, which is a mebibyte by default.
    pub group_bytes_max: usize,
    /// How long an empty group waits for more members after the first: `group.initial.rebalance.delay.ms`. It is extended
    /// while members keep coming, up to the rebalance timeout. With 0 the first member is answered at once.
    pub initial_rebalance_delay_ms: i32,
    /// How long the join of a member that is new may wait, since such a member sends no heartbeats yet.
    pub new_member_join_timeout_ms: i32,
    /// Longest metadata of an offset, in UTF-16 units as Kafka counts: `offset.metadata.max.bytes`.
    pub offset_metadata_max: usize,
    /// How long offsets outlive their group's last member, or their commit if there never was one:
    /// `offsets.retention.minutes`.
    pub offsets_retention_ms: i64,
    /// How often offsets are looked through for old ones: `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval_ms: i64,
    /// How members of groups of the newer protocol are timed, where nothing else is set for their group:
    /// `group.consumer.session.timeout.ms` and `group.consumer.heartbeat.interval.ms`.
    pub consumer_timing: Timing,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            session_timeout_ms_min: 6_000,
            session_timeout_ms_max: 1_800_000,
            group_members_max: usize::MAX,
            group_bytes_max: 16 << 20,
            initial_rebalance_delay_ms: 3_000,
            new_member_join_timeout_ms: 300_000,
            offset_metadata_max: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
            consumer_timing: Timing { session_timeout_ms: 45_000, heartbeat_interval_ms: 5_000 },
        }
    }
}
