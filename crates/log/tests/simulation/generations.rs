//! Runs of a simulation: generations of work, each ended by power cuts. Before a generation goes on from one cut it is looked at
//! from many others. The broker's simulation is run by this as well.

use std::path::Path;

use tempfile::TempDir;

use crate::chance::Chance;
use crate::cut;
use crate::trace::TracingDisk;

/// Generations of a run.
const GENERATIONS: u64 = 4;
/// Cuts that are looked at in each.
const CUTS: u64 = 25;
/// What is done in a generation, at most.
const STEPS_MAX: u64 = 40;

/// What works on a disk whose power is cut, and knows what that may cost.
pub(crate) trait Simulated: Sized {
    /// What is owed.
    type Ledger: Clone;

    /// Does one thing.
    fn step(&mut self, chance: &mut Chance) -> Result<(), String>;

    /// Is done with a generation, in order or not.
    fn finish(&mut self, _chance: &mut Chance) -> Result<(), String> {
        Ok(())
    }

    /// What is owed now.
    fn ledger(&self) -> Self::Ledger;

    /// The disk that it works on.
    fn disk(&self) -> &TracingDisk;
}

/// A new folder, in memory where there is such a place: what a disk would lose is decided here.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("there is room for a folder")
}

/// One run; the number of power cuts in it. `begin` makes the first generation; `open` one from what a cut left, which owes a
/// ledger as of so many changes of files, and looks whether it is there.
pub(crate) fn run<S: Simulated>(
    seed: u64,
    begin: impl FnOnce(&Path) -> Result<S, String>,
    open: impl Fn(&Path, u64, (S::Ledger, usize)) -> Result<S, String>,
) -> Result<u64, String> {
    let mut chance = Chance::new(seed);
    let mut dir = folder();
    let mut simulated = begin(dir.path())?;
    let mut cuts = 0;
    for generation in 1..=GENERATIONS {
        for _ in 0..chance.below(STEPS_MAX) {
            simulated.step(&mut chance)?;
        }
        simulated.finish(&mut chance)?;
        let (ledger, changes) = (simulated.ledger(), simulated.disk().now());
        let mut cut = |chance: &mut Chance| {
            cuts += 1;
            let at = chance.below(changes as u64 + 1) as usize;
            let into = folder();
            simulated.disk().with_trace(|trace| cut::cut_power(trace, at, into.path(), chance));
            let opened = open(into.path(), generation, (ledger.clone(), at));
            opened
                .map(|opened| (into, opened))
                .map_err(|error| format!("generation {generation}, cut at {at} of {changes}: {error}"))
        };
        for _ in 1..CUTS {
            cut(&mut chance)?;
        }
        let (next_dir, next) = cut(&mut chance)?;
        (dir, simulated) = (next_dir, next);
    }
    drop((simulated, dir));
    Ok(cuts)
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// How many power cuts there are to be: `MILLRACE_TEST_POWER_CUTS`.
pub(crate) fn power_cuts(otherwise: u64) -> u64 {
    setting("MILLRACE_TEST_POWER_CUTS", otherwise)
}

/// Runs seed after seed, from `MILLRACE_TEST_SEED` on, until there were as many power cuts as wanted; `told` says what of.
pub(crate) fn run_many(wanted: u64, told: &str, run: impl Fn(u64) -> Result<u64, String>) {
    let first = setting("MILLRACE_TEST_SEED", 1);
    let (mut seed, mut cuts) = (first, 0);
    while cuts < wanted {
        cuts += run(seed).unwrap_or_else(|error| panic!("MILLRACE_TEST_SEED={seed} ({told}): {error}"));
        seed += 1;
    }
    println!("{cuts} power cuts ({told}), seeds {first} to {}: nothing is missing, nothing too much", seed - 1);
}
