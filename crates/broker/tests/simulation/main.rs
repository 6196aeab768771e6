//! Power cuts under transactions, simulated: whatever a disk leaves of what was not synced, a transaction whose commit was
//! acknowledged is seen whole, with its offsets; one that may have committed is seen whole or not at all; nothing is seen twice,
//! and nothing of what was aborted, fenced, out of time or never ended.
//!
//! One seed is one run, as in the simulation of the log, whose disk this is. `MILLRACE_TEST_POWER_CUTS` says how many cuts there
//! are (400 unless told), `MILLRACE_TEST_SEED` which is the first seed; a failure names its own.

#[path = "../../../log/tests/simulation/bugs.rs"]
#[expect(dead_code, reason = "the simulation of the log plants the rest")]
mod bugs;
#[path = "../../../log/tests/simulation/chance.rs"]
mod chance;
#[path = "../transactions/client.rs"]
#[expect(dead_code, reason = "the other tests of transactions use the rest")]
mod client;
#[path = "../../../log/tests/simulation/cut.rs"]
mod cut;
mod ledger;
mod records;
mod shop;
#[path = "../../../log/tests/simulation/span.rs"]
mod span;
#[path = "../../../log/tests/simulation/trace.rs"]
mod trace;

use std::path::Path;

use tempfile::TempDir;

use crate::bugs::Bug;
use crate::chance::Chance;
use crate::shop::{Shop, prepare};

/// Generations of a run.
const GENERATIONS: u64 = 4;
/// Cuts that are looked at in each.
const CUTS: u64 = 25;
/// What is asked of the broker in a generation, at most.
const STEPS_MAX: u64 = 40;
/// Seeds within which a planted bug has to be found.
const BUG_SEEDS: u64 = 40;
/// Bugs that take from transactions what they promise.
const BUGS: [Bug; 5] = [
    Bug::AckBeforeSync,
    Bug::RenameBeforeSync,
    Bug::JournalWithoutSync,
    Bug::JournalWithoutFolder,
    Bug::CompactedWithoutSync,
];

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
fn run(seed: u64, bug: Option<Bug>) -> Result<u64, String> {
    let mut chance = Chance::new(seed);
    let mut dir = folder();
    prepare(dir.path());
    let mut shop = Shop::open(dir.path(), bug, 0, None)?;
    let mut cuts = 0;
    for generation in 1..=GENERATIONS {
        for _ in 0..chance.below(STEPS_MAX) {
            shop.step(&mut chance)?;
        }
        let (ledger, changes) = (shop.ledger(), shop.disk().now());
        let mut cut = |chance: &mut Chance| {
            cuts += 1;
            let at = chance.below(changes as u64 + 1) as usize;
            let into = folder();
            shop.disk().with_trace(|trace| cut::cut_power(trace, at, into.path(), chance));
            let opened = Shop::open(into.path(), bug, generation, Some((ledger.clone(), at)));
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

#[test]
fn transactions_survive_power_cuts_whole_or_not_at_all() {
    let (first, wanted) = (setting("MILLRACE_TEST_SEED", 1), setting("MILLRACE_TEST_POWER_CUTS", 400));
    let (mut seed, mut cuts) = (first, 0);
    while cuts < wanted {
        cuts += run(seed, None).unwrap_or_else(|error| panic!("MILLRACE_TEST_SEED={seed}: {error}"));
        seed += 1;
    }
    println!(
        "{cuts} power cuts, seeds {first} to {}: nothing lost, nothing doubled, nothing aborted was read",
        seed - 1
    );
}

#[test]
fn planted_bugs_are_found() {
    for bug in BUGS {
        let found = (1..=BUG_SEEDS).find_map(|seed| run(seed, Some(bug)).err());
        println!("{bug:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{bug:?} is not found");
    }
}
