//! Transactions from outside, over the port.

mod client;
mod faulty;
mod killed;
mod offline;
mod owing;
mod python;
mod random;
mod refused;
mod renewing;
mod served;
mod wire;
