//! Encryption, login and rules, as clients meet them: a broker on a port of its own, and requests over sockets.

#[path = "../served/batch.rs"]
mod batch;
mod canary;
mod client;
mod login;
mod python;
mod rig;
mod rights;
mod tls;
