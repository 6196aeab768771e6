//! The Kafka protocol over the embedded log: what every Kafka client takes for a broker.
//!
//! ```text
//! connection ── frame ──▶ wire ── request ──▶ access ── what is allowed ──▶ answers ──▶ the log, groups, transactions
//!     ◀── frame ── wire ◀── response ─────────────────────────────────────────┘
//! ```
//!
//! Glossary: a **frame** is a length and as many bytes, one request or one answer. A **call** is one request on its way: its
//! header, and who sent it. The **high watermark** of a partition is the offset after the last record that may be read; here
//! it is the log's committed end.
//!
//! Invariants:
//! - answers of one connection leave in the order of their requests, and the next request is looked at when the answer to
//!   the last one is out;
//! - where there is a login, it comes before everything else, and every request is looked over by `access`;
//! - nothing that arrives is trusted: lengths are compared with the bytes there are, and frames with a bound, before memory
//!   is taken for them;
//! - what is acknowledged is in the log, as safely as its flush mode says;
//! - only what works is advertised.
//!
//! There is one broker, which leads every partition and coordinates every group and every transaction.
//!
//! Not here: replication, delegation tokens, the end of a session before that of its connection.

mod access;
mod answers;
mod broker;
mod connection;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod group_desk;
mod group_service;
pub mod groups;
mod options;
mod outgoing;
mod producer_ids;
mod room;
mod security;
mod server;
mod sessions;
mod settings;
mod stored_groups;
mod throttle;
mod transaction_service;
pub mod transactions;
pub mod wire;

pub use broker::Broker;
pub use failure::BrokerError;
pub use group_desk::GroupChange;
pub use options::BrokerOptions;
pub use security::users::StoppedUsers;
pub use security::{Mechanism, SecurityOptions, TlsFiles};
pub use server::serve;
pub use stored_groups::StoredGroups;
pub use wire::Secret;
