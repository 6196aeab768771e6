//! Randomness that a printed seed repeats.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (xorshift64*); equal seeds give equal numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The seed of `MILLRACE_TEST_SEED`, or a new one; printed, so that a failing run can be repeated.
    pub(crate) fn of_this_run() -> Self {
        let given = std::env::var("MILLRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
            now.as_nanos() as u64 % 1_000_000_007
        });
        println!("MILLRACE_TEST_SEED={seed}");
        Self::new(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }
}
