//! The embedded log from outside: what goes in comes out, whatever happens in between.

mod clients;
mod compaction;
mod compaction_model;
mod crash;
mod faults;
mod fetching;
mod frames;
mod keeping;
mod model;
mod roundtrip;
mod search;
mod search_model;
mod settled;
mod shop;
mod transactions;
mod transactions_model;
