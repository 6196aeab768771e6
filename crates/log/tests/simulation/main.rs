//! Power cuts, simulated: whatever a disk leaves of what was not synced, nothing acknowledged is lost, nothing is there twice,
//! and nothing is there that nobody sent.
//!
//! One seed is one run: some generations of work, each ended by a power cut at any change of any file, the recovery after it
//! included. Before a generation goes on from one cut it is looked at from many others. `MILLRACE_TEST_POWER_CUTS` says how many
//! cuts there are in all (2,000 unless told), `MILLRACE_TEST_SEED` which is the first seed; a failure names its own.

mod bugs;
mod chance;
mod cut;
#[path = "../log/frames.rs"]
#[expect(dead_code, reason = "the other tests of the log use the rest")]
mod frames;
mod generations;
mod ledger;
mod prices;
mod shop;
mod span;
mod trace;

use std::sync::Arc;

use millrace_log::FlushMode;
use millrace_schema::Registry;

use crate::bugs::Bug;
use crate::ledger::Ledger;
use crate::shop::{Plan, Shop};

/// One run; the number of power cuts in it.
fn run(seed: u64, flush: FlushMode, bug: Option<Bug>) -> Result<u64, String> {
    let plan = Plan { registry: Arc::new(Registry::in_memory()), flush, bug };
    generations::run(
        seed,
        |dir| Shop::open(dir, &plan, 0, (Ledger::default(), 0)),
        |dir, boot, owed| Shop::open(dir, &plan, boot, owed),
    )
}

fn run_many(flush: FlushMode) {
    generations::run_many(generations::power_cuts(2_000) / 2, &format!("{flush:?}"), |seed| run(seed, flush, None));
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    run_many(FlushMode::Commit);
}

#[test]
fn what_was_closed_survives_power_cuts() {
    run_many(FlushMode::Interval);
}

#[test]
fn planted_bugs_are_found() {
    for bug in bugs::ALL {
        let found = (1..=200).find_map(|seed| {
            let failed = |flush| run(seed, flush, Some(bug)).err();
            failed(FlushMode::Commit).or_else(|| failed(FlushMode::Interval))
        });
        println!("{bug:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{bug:?} is not found");
    }
}
