//! The coordinator under a simulated clock, and after every step a look at what must always hold.

mod admin;
mod codec;
mod consumer_joining;
mod consumer_moving;
mod consumer_offsets;
mod consumer_restart;
mod consumer_rig;
mod consumer_sight;
mod consumer_static;
mod consumer_switch;
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
