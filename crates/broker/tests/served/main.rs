//! A broker over a log, asked over a connection: answers that need both.

mod batch;
mod cluster;
mod configs;
mod consumers;
mod fetching;
mod quotas;
mod rig;
mod room;
mod silence;
