//! Transactions from outside, over the port.

mod client;
mod killed;
mod python;
mod random;
mod renewing;
mod served;
mod wire;
