//! What a turn may take: so many bytes a second, and so many keys in memory. Compaction is never in a hurry; readers and writers
//! are.

use std::time::{Duration, Instant};

use millrace_flow::Stop;

use super::turn::Interruption;

/// Bytes that are read and written a second at most: a fraction of what a disk of today does, and a gigabyte in 8 seconds.
const BYTES_PER_SECOND_MAX: u64 = 128 << 20;
/// Keys that a turn remembers at most. The table has 2²¹ places of 25 bytes then, 52 MiB, and while it grows to that the half
/// beside it.
const KEYS_MAX: usize = 1_800_000;
/// Bytes after which a turn looks up from its work.
const PIECE_BYTES: u64 = 1 << 20;

/// What turns may take.
pub(crate) struct Budget<'a> {
    pub(super) stop: &'a Stop,
    pub(super) bytes_per_second_max: u64,
    /// Keys that a turn remembers at most.
    pub(super) keys_max: usize,
    pub(super) began: Instant,
    pub(super) bytes: u64,
    /// Bytes at the last look.
    pub(super) seen_bytes: u64,
}

impl<'a> Budget<'a> {
    /// What is left beside other work, until somebody asks to stop.
    pub(crate) fn slow(stop: &'a Stop) -> Self {
        Self {
            stop,
            bytes_per_second_max: BYTES_PER_SECOND_MAX,
            keys_max: KEYS_MAX,
            began: Instant::now(),
            bytes: 0,
            seen_bytes: 0,
        }
    }

    /// The same, as fast as it goes.
    pub(crate) fn fast(stop: &'a Stop) -> Self {
        Self { bytes_per_second_max: u64::MAX, ..Self::slow(stop) }
    }

    /// Takes note of bytes read or written, and waits if there were too many.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Interruption> {
        self.bytes += bytes as u64;
        if self.bytes - self.seen_bytes < PIECE_BYTES {
            return Ok(());
        }
        self.seen_bytes = self.bytes;
        let due = Duration::from_secs_f64(self.bytes as f64 / self.bytes_per_second_max as f64);
        let is_stopped =
            if due > self.began.elapsed() { self.stop.wait_until(self.began + due) } else { self.stop.is_stopped() };
        if is_stopped { Err(Interruption::Stopped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_as_long_as_its_bytes_may() {
        let stop = Stop::default();
        let mut budget = Budget::slow(&stop);
        let bytes = BYTES_PER_SECOND_MAX as usize / 50;
        budget.spend(bytes).expect("nobody stops it");
        assert!(budget.began.elapsed() >= Duration::from_millis(20));
        stop.stop();
        assert!(matches!(budget.spend(bytes), Err(Interruption::Stopped)));
    }
}
