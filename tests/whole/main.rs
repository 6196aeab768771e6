//! The whole program, tested from outside: the built binary, real files, its own answers.
//!
//! Nothing in here links the crates. What is expected was computed by another program (`tests/expected`) or is computed here,
//! row by row, from the rows that a test itself wrote.

mod changed;
mod diagnostics;
mod follow;
mod groups;
mod guide;
mod kafka;
mod killed;
mod lake;
mod ledger;
mod other_shop;
mod refusals;
mod rest;
mod results;
mod search;
mod stopping;
mod support;
mod topics;
mod users;
