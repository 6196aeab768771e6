//! The coordinator under a simulated clock. After every step it is rebuilt from its records and must be the same.

mod ending;
mod initialising;
mod records;
mod renewing;
mod restart;
mod rig;
mod timeouts;
