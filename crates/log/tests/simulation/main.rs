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
mod ledger;
mod prices;
mod shop;
mod span;
mod trace;

use std::path::Path;
use std::sync::Arc;

use millrace_log::FlushMode;
use millrace_schema::Registry;
use tempfile::TempDir;

use crate::bugs::Bug;
use crate::chance::Chance;
use crate::ledger::Ledger;
use crate::shop::{Plan, Shop};

/// Generations of a run.
const GENERATIONS: u64 = 4;
/// Cuts that are looked at in each.
const CUTS: u64 = 25;
/// What is asked of the log in a generation, at most.
const STEPS_MAX: u64 = 40;

/// A new folder, in memory where there is such a place: what a disk would lose is decided here.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("there is room for a folder")
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// One run; the number of power cuts in it.
fn run(seed: u64, flush: FlushMode, bug: Option<Bug>) -> Result<u64, String> {
    let mut chance = Chance::new(seed);
    let plan = Plan { registry: Arc::new(Registry::in_memory()), flush, bug };
    let mut dir = folder();
    let mut shop = Shop::open(dir.path(), &plan, 0, (Ledger::default(), 0))?;
    let mut cuts = 0;
    for generation in 1..=GENERATIONS {
        for _ in 0..chance.below(STEPS_MAX) {
            shop.step(&mut chance)?;
        }
        if chance.below(3) == 0 {
            shop.close()?;
        }
        let (ledger, changes) = (shop.ledger(), shop.disk().now());
        let mut cut = |chance: &mut Chance| {
            cuts += 1;
            let at = chance.below(changes as u64 + 1) as usize;
            let into = folder();
            shop.disk().with_trace(|trace| cut::cut_power(trace, at, into.path(), chance));
            let opened = Shop::open(into.path(), &plan, generation, (ledger.clone(), at));
            opened
                .map(|shop| (into, shop))
                .map_err(|error| format!("generation {generation}, cut at {at} of {changes}: {error}"))
        };
        for _ in 1..CUTS {
            cut(&mut chance)?;
        }
        let (next_dir, next) = cut(&mut chance)?;
        (dir, shop) = (next_dir, next);
    }
    drop((shop, dir));
    Ok(cuts)
}

fn run_many(flush: FlushMode) {
    let (first, wanted) = (setting("MILLRACE_TEST_SEED", 1), setting("MILLRACE_TEST_POWER_CUTS", 2_000) / 2);
    let (mut seed, mut cuts) = (first, 0);
    while cuts < wanted {
        cuts += run(seed, flush, None).unwrap_or_else(|error| panic!("MILLRACE_TEST_SEED={seed} ({flush:?}): {error}"));
        seed += 1;
    }
    println!("{cuts} power cuts, seeds {first} to {}: nothing lost, nothing doubled ({flush:?})", seed - 1);
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
