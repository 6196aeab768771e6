//! Of each topic a range to each subscriber: static members first by their names, then the others by their ids.

use super::{Assignment, Subscriber, Topics, partitions_of};

pub(super) fn assign(subscribers: &[Subscriber<'_>], topics: &Topics) -> Vec<Assignment> {
    let mut order: Vec<usize> = (0..subscribers.len()).collect();
    order.sort_by_key(|at| {
        let Subscriber { id, instance_id, .. } = &subscribers[*at];
        (instance_id.is_none(), instance_id.unwrap_or(id))
    });
    let mut shares = vec![Assignment::new(); subscribers.len()];
    for (topic, count) in topics {
        let takers: Vec<usize> = order.iter().copied().filter(|at| subscribers[*at].topics.contains(topic)).collect();
        let Some(each) = (*count as usize).checked_div(takers.len()) else { continue };
        let mut left = partitions_of(*topic, *count);
        for (place, at) in takers.iter().enumerate() {
            let size = each + usize::from(place < *count as usize % takers.len());
            shares[*at].extend(left.by_ref().take(size));
        }
    }
    shares
}
