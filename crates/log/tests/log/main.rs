//! The embedded log from outside: what goes in comes out, whatever happens in between.

mod crash;
mod faults;
mod keeping;
mod model;
mod roundtrip;
mod shop;
