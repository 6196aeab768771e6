//! The requests and answers, as tables of fields. Names of fields are those of the protocol.
//!
//! Versions count from 0 where a field is there from the first version that can be read on, though older ones may have
//! looked otherwise.

pub mod acls;
pub mod api_versions;
pub mod cluster;
pub mod commits;
pub mod configs;
pub mod consumer_groups;
pub mod fetch;
pub mod groups;
pub mod membership;
pub mod metadata;
pub mod offsets;
pub mod produce;
pub mod quotas;
pub mod sasl;
pub mod scram;
pub mod topics;
pub mod transactions;
