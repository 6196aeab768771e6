//! The coordinator under a simulated clock, and after every step a look at what must always hold.

mod admin;
mod codec;
mod expiry;
mod joining;
mod leaving;
mod offsets;
mod random;
mod restart;
mod rig;
mod static_members;
mod syncing;
mod timeouts;
mod transactions;
