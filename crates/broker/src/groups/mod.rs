//! Consumer groups: who is in a group, who works on what, and where each group stands in its partitions.
//!
//! A deterministic state machine. It has no clock, no network, no disk and no randomness: every call is given the time and
//! answers with an [`Outcome`], replies to send and records to write. The caller
//! 1. writes the records, in order, and sends the replies only when these and all earlier records are durable;
//! 2. calls [`Coordinator::tick`] when [`Coordinator::next_deadline`] has come; should that be late, the next request does what was
//!    due before it;
//! 3. calls [`Coordinator::cancel`] when the connection of a waiting request is gone;
//! 4. after a restart gives every record to [`Coordinator::replay`], then calls [`Coordinator::start`];
//! 5. now and then replaces its file by [`Coordinator::snapshot`];
//! 6. when records cannot be written goes on with [`Coordinator::begun_anew`], as after a restart: the replies are not sent, and
//!    what they would have told of has not happened.
//!
//! Replies to reads go the same way as all others, since they may tell of what is not durable yet.
//!
//! Glossary: a **member** is a client in a group, named by an id that the coordinator gives. A **static member** has a name of
//! its own, the instance id, and keeps its place over restarts. A **generation** is a set of members with one assignment; a
//! **rebalance** leads to the next: members *join*, the **leader** assigns, members *sync*. A **pending** member was given an
//! id and has not joined; a **pending** offset waits for its transaction to end.
//!
//! Invariants:
//! - a request has one answer, unless it is cancelled; of two joins or syncs of one member the earlier is refused;
//! - the generation of a group never falls while it exists and the process lives;
//! - the leader is a member;
//! - replaying all records, or a snapshot, gives the same coordinator.
//!
//! Groups of the newer protocol (KIP-848), whose coordinator assigns itself, are in the folder `consumer`; offsets are the same for
//! both.
//!
//! Not here: checks of producers and of access rights, the wire.

mod admin;
mod assignors;
mod codec;
mod commit;
mod config;
mod consumer;
mod coordinator;
mod error;
mod fetch;
mod group;
mod heartbeat;
mod join;
mod leave;
mod members;
mod offsets;
mod overview;
mod rebalance;
mod record;
mod removal;
mod step;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod timers;
mod types;

pub use codec::BadRecord;
pub use config::GroupConfig;
pub use coordinator::Coordinator;
pub use error::GroupError;
pub use overview::{GroupOverview, MemberOverview};
pub use record::{Committed, ConsumerGroupImage, ConsumerMemberImage, GroupImage, MemberImage, OffsetKey, Record};
pub use types::*;
