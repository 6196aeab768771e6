//! The broker from outside, over its port.

mod client;
mod killed;
mod python;
mod random;
mod served;
mod transactions;
