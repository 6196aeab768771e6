//! Room for records in memory on their way to clients, over all connections. What goes from a file to a socket takes none.
//!
//! Whoever reads takes room first, and holds it until the client has taken its answer: clients that are slow to take theirs
//! make others wait, or have smaller answers, but never take more memory than there is. The first to wait is the first to
//! be served. Nobody waits with room in hand, and whoever takes nothing of its answer for long loses its connection, so room comes
//! back. A single batch is answered whole even if it is larger than the room taken for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a permit stands for.
const PERMIT_BYTES: usize = 4 << 10;
/// An answer gets this part of the room that is left: a few slow readers must not take all of it.
const SHARE: usize = 8;
/// However little is left, an answer waits until it can have this much.
const SHARE_BYTES_MIN: usize = 1 << 20;

/// All the room there is.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    permits: Arc<Semaphore>,
    all: u32,
}

/// Room that somebody has; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken(OwnedSemaphorePermit);

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).clamp(1, 1 << 28)
}

impl Room {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let all = permits(bytes);
        Self { permits: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for room for `bytes`, or for as much as there is for one answer.
    pub(crate) async fn take(&self, bytes: usize) -> Taken {
        let left = self.permits.available_permits() * PERMIT_BYTES;
        let share = bytes.min((left / SHARE).max(SHARE_BYTES_MIN));
        let taken = self.permits.clone().acquire_many_owned(permits(share).min(self.all)).await;
        Taken(taken.expect("it is never closed"))
    }
}

impl Taken {
    /// How many bytes there is room for.
    pub(crate) fn bytes(&self) -> usize {
        self.0.num_permits() * PERMIT_BYTES
    }

    /// Gives back what is more than `bytes` need.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.0.num_permits().saturating_sub(permits(bytes) as usize);
        drop(self.0.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const MIB: usize = 1 << 20;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn take(room: &Room, bytes: usize) -> Taken {
        let Poll::Ready(taken) = poll(pin!(room.take(bytes))) else { panic!("there is room") };
        taken
    }

    #[test]
    fn the_less_there_is_the_smaller_are_answers() {
        let room = Room::new(64 * MIB);
        let mut held = vec![take(&room, 50 * MIB), take(&room, 50 * MIB)];
        assert_eq!((held[0].bytes(), held[1].bytes()), (8 * MIB, 7 * MIB));
        assert_eq!(take(&room, 5_000).bytes(), 8 << 10, "who asks for little gets it");
        held[0].shrink_to(3 * MIB);
        assert_eq!((held[0].bytes(), room.permits.available_permits() * PERMIT_BYTES), (3 * MIB, 54 * MIB));
        held[0].shrink_to(4 * MIB);
        assert_eq!(held[0].bytes(), 3 * MIB);
        while room.permits.available_permits() * PERMIT_BYTES >= MIB {
            held.push(take(&room, 50 * MIB));
        }
        assert_eq!(held.last().map(Taken::bytes), Some(MIB), "down to the least");
        assert!(held.iter().map(Taken::bytes).sum::<usize>() > 63 * MIB, "all but what is too little");
        assert!(poll(pin!(room.take(50 * MIB))).is_pending());
    }

    #[test]
    fn who_waits_first_is_served_first_and_more_than_there_is_can_be_had() {
        let room = Room::new(MIB / 2);
        let all = take(&room, 50 * MIB);
        assert_eq!(all.bytes(), MIB / 2);
        let (mut large, mut small) = (pin!(room.take(MIB)), pin!(room.take(1)));
        assert!(poll(large.as_mut()).is_pending() && poll(small.as_mut()).is_pending());
        drop(all);
        assert!(poll(small.as_mut()).is_pending(), "the large one came first");
        let Poll::Ready(large) = poll(large.as_mut()) else { panic!("all of it is free") };
        drop(large);
        assert!(poll(small.as_mut()).is_ready());
    }
}
