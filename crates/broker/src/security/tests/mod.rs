//! Logins and rules, without a network.

mod login;
mod rules;
mod scram;
mod tls;
