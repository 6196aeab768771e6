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
#[path = "../../../log/tests/simulation/generations.rs"]
mod generations;
mod ledger;
mod records;
mod shop;
#[path = "../../../log/tests/simulation/span.rs"]
mod span;
#[path = "../../../log/tests/simulation/trace.rs"]
mod trace;

use crate::bugs::Bug;
use crate::shop::{Shop, prepare};

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

/// One run; the number of power cuts in it.
fn run(seed: u64, bug: Option<Bug>) -> Result<u64, String> {
    let begin = |dir: &std::path::Path| {
        prepare(dir);
        Shop::open(dir, bug, 0, None)
    };
    generations::run(seed, begin, |dir, boot, owed| Shop::open(dir, bug, boot, Some(owed)))
}

#[test]
fn transactions_survive_power_cuts_whole_or_not_at_all() {
    generations::run_many(generations::power_cuts(400), "transactions", |seed| run(seed, None));
}

#[test]
fn planted_bugs_are_found() {
    for bug in BUGS {
        let found = (1..=BUG_SEEDS).find_map(|seed| run(seed, Some(bug)).err());
        println!("{bug:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{bug:?} is not found");
    }
}
