//! As even as can be, and as little moved as can be.
//!
//! Where all subscribe to the same, everybody gets the same number, or one more. Where they do not, partitions go to the
//! subscriber with the fewest, the choosiest first, and then move as long as that makes two members more equal.

use std::collections::BTreeSet;

use super::{Assignment, IdPartition, Subscriber, Topics, partitions_of};

pub(super) fn assign(subscribers: &[Subscriber<'_>], topics: &Topics) -> Vec<Assignment> {
    let Some(first) = subscribers.first() else { return Vec::new() };
    let mut shares = kept(subscribers, topics);
    if subscribers.iter().all(|subscriber| subscriber.topics == first.topics) {
        even(first, topics, &mut shares);
    } else {
        give(subscribers, topics, &mut shares);
        balance(subscribers, &mut shares);
    }
    shares
}

/// What everybody keeps at first: nothing of it belongs to two.
fn kept(subscribers: &[Subscriber<'_>], topics: &Topics) -> Vec<Assignment> {
    let mut taken = BTreeSet::new();
    let kept = subscribers.iter().map(|subscriber| {
        let kept = subscriber.kept(topics);
        kept.into_iter().filter(|partition| taken.insert(*partition)).collect()
    });
    kept.collect()
}

fn even(first: &Subscriber<'_>, topics: &Topics, shares: &mut [Assignment]) {
    let subscribed = topics.iter().filter(|(topic, _)| first.topics.contains(*topic));
    let mut left: BTreeSet<IdPartition> = subscribed.flat_map(|(topic, count)| partitions_of(*topic, *count)).collect();
    let (each, mut with_one_more) = (left.len() / shares.len(), left.len() % shares.len());
    // Whoever has more than its share lets go of what is too much.
    for share in shares.iter_mut() {
        let size = each + usize::from(share.len() > each && with_one_more > 0);
        with_one_more -= size - each;
        while share.len() > size {
            share.pop_last();
        }
        for partition in share.iter() {
            left.remove(partition);
        }
    }
    for share in shares.iter_mut() {
        let size = each + usize::from(share.len() <= each && with_one_more > 0);
        with_one_more -= size - each;
        while share.len() < size {
            let Some(partition) = left.pop_first() else { break };
            share.insert(partition);
        }
    }
}

/// Gives what nobody has to whoever has the fewest, first what the fewest may have.
fn give(subscribers: &[Subscriber<'_>], topics: &Topics, shares: &mut [Assignment]) {
    let mut by_choice: Vec<_> = topics.iter().collect();
    let takers = |topic| subscribers.iter().filter(|subscriber| subscriber.topics.contains(topic)).count();
    by_choice.sort_by_cached_key(|(topic, _)| takers(*topic));
    let taken: BTreeSet<IdPartition> = shares.iter().flatten().copied().collect();
    for (topic, count) in by_choice {
        for partition in partitions_of(*topic, *count).filter(|partition| !taken.contains(partition)) {
            if let Some(taker) = poorest(subscribers, shares, &partition) {
                shares[taker].insert(partition);
            }
        }
    }
}

/// Moves partitions from who has more to who has fewer. Each move makes the sum of squares smaller, so there is an end.
fn balance(subscribers: &[Subscriber<'_>], shares: &mut [Assignment]) {
    loop {
        let mut has_moved = false;
        for giver in 0..shares.len() {
            for partition in shares[giver].clone() {
                let taker = poorest(subscribers, shares, &partition);
                if let Some(taker) = taker.filter(|taker| shares[*taker].len() + 1 < shares[giver].len()) {
                    shares[giver].remove(&partition);
                    shares[taker].insert(partition);
                    has_moved = true;
                }
            }
        }
        if !has_moved {
            return;
        }
    }
}

/// Of those who may have a partition the first with the fewest.
fn poorest(subscribers: &[Subscriber<'_>], shares: &[Assignment], partition: &IdPartition) -> Option<usize> {
    let may = (0..shares.len()).filter(|at| subscribers[*at].topics.contains(&partition.topic));
    may.min_by_key(|at| shares[*at].len())
}
