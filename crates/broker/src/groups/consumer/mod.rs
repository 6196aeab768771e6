//! Groups whose coordinator assigns the partitions (KIP-848): there is no leader, and nobody waits for anybody.
//!
//! ```text
//! members or topics change ──▶ epoch + 1 ──▶ an assignor settles the target of every member ──▶ assignment epoch = epoch
//!
//!                  must let go of something             has let go
//!        ┌ Stable ──────────────────────────▶ Letting go ──────────┐
//!  target│    ▲                                                    ▼
//!  changes    └── has everything ─── Waiting ◀── others still hold some of its target
//! ```
//!
//! A member moves by its own heartbeats from what it owns to its **target**: first it lets go of what is not in the target
//! and says so, then its epoch becomes the assignment epoch and it gets what is free, then, as others let go, the rest.
//! What a member owns, or was told to let go of and has not said so, is **held** by it.
//!
//! Invariants:
//! - a partition is held by one member at most;
//! - a member's epoch is the assignment epoch only if it has let go of everything outside its target;
//! - a member that is silent for its session timeout, or does not let go within its rebalance timeout, is gone, and what it
//!   held is free.
//!
//! Differences from Kafka: members of the classic protocol cannot join while there are members, and the other way round; a
//! member that joins again under its id takes its place anew instead of being fenced until its session ends.

mod check;
mod describe;
mod group;
mod heartbeat;
mod leave;
mod member;
mod reconcile;
mod target;

pub(super) use group::ConsumerGroup;
pub(super) use member::MemberState;
