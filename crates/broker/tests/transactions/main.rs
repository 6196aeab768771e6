//! Transactions from outside, over the port.

mod client;
mod faulty;
mod killed;
mod offline;
mod python;
mod random;
mod refused;
mod served;
mod wire;
