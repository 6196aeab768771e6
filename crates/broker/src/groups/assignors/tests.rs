//! Shares of members with equal and with different subscriptions.

use super::*;

const A: TopicId = [1; 16];
const B: TopicId = [2; 16];

fn shares(
    assignor: Assignor,
    members: &[(&str, &[TopicId], Assignment)],
    topics: &[(TopicId, i32)],
) -> Vec<Assignment> {
    let subscribers: Vec<Subscriber<'_>> = members
        .iter()
        .map(|(id, topics, before)| Subscriber {
            id,
            instance_id: id.strip_prefix('@'),
            topics: topics.iter().copied().collect(),
            before,
        })
        .collect();
    assignor.assign(&subscribers, &topics.iter().copied().collect())
}

fn of(topic: TopicId, partitions: &[i32]) -> Assignment {
    partitions.iter().map(|partition| IdPartition { topic, partition: *partition }).collect()
}

fn both(a: &[i32], b: &[i32]) -> Assignment {
    &of(A, a) | &of(B, b)
}

#[test]
fn ranges_are_whole_and_side_by_side() {
    let nothing = Assignment::new();
    let members = [("x", &[A, B][..], nothing.clone()), ("y", &[A, B], nothing.clone()), ("@z", &[A], nothing)];
    let shares = shares(Assignor::Range, &members, &[(A, 7), (B, 3)]);
    assert_eq!(shares, [both(&[3, 4], &[0, 1]), both(&[5, 6], &[2]), of(A, &[0, 1, 2])], "static members first");
}

#[test]
fn equal_subscriptions_get_equal_shares() {
    let nothing = Assignment::new();
    let members = [("x", &[A, B][..], nothing.clone()), ("y", &[A, B], nothing)];
    let sizes: Vec<usize> =
        shares(Assignor::Uniform, &members, &[(A, 4), (B, 3)]).iter().map(Assignment::len).collect();
    assert_eq!(sizes, [4, 3]);
}

#[test]
fn a_member_that_comes_takes_only_its_share() {
    let members = [("x", &[A][..], of(A, &[0, 2, 4])), ("y", &[A], of(A, &[1, 3, 5])), ("z", &[A], Assignment::new())];
    let shares = shares(Assignor::Uniform, &members, &[(A, 6)]);
    assert_eq!(shares, [of(A, &[0, 2]), of(A, &[1, 3]), of(A, &[4, 5])]);
}

#[test]
fn what_is_left_behind_is_shared_and_the_rest_stays() {
    let members = [("x", &[A][..], of(A, &[0, 3])), ("y", &[A], of(A, &[1, 4]))];
    let shares = shares(Assignor::Uniform, &members, &[(A, 6)]);
    assert_eq!(shares, [of(A, &[0, 2, 3]), of(A, &[1, 4, 5])]);
}

#[test]
fn different_subscriptions_are_balanced_as_far_as_they_go() {
    let members =
        [("x", &[A][..], of(A, &[0, 1, 2, 3])), ("y", &[A, B], Assignment::new()), ("z", &[B], Assignment::new())];
    let shares = shares(Assignor::Uniform, &members, &[(A, 4), (B, 4)]);
    let sizes: Vec<usize> = shares.iter().map(Assignment::len).collect();
    assert!(sizes.iter().all(|size| (2..=3).contains(size)), "{sizes:?}");
    assert!(shares[0].is_subset(&of(A, &[0, 1, 2, 3])) && shares[2].is_subset(&of(B, &[0, 1, 2, 3])));
}

#[test]
fn topics_that_are_gone_or_smaller_are_let_go_of() {
    let members = [("x", &[A, B][..], both(&[0, 1, 2], &[0]))];
    assert_eq!(shares(Assignor::Uniform, &members, &[(A, 2)]), [of(A, &[0, 1])]);
    assert_eq!(shares(Assignor::Range, &members, &[]), [Assignment::new()]);
    assert_eq!(shares(Assignor::Uniform, &[], &[(A, 2)]), Vec::<Assignment>::new());
}

/// Whatever the subscriptions and the past: each partition that anybody wants has one owner, who wants it.
#[test]
fn every_partition_has_one_owner_that_wants_it() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = move |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let ids: Vec<String> =
        (0..9).map(|number| format!("{}m{number}", if number % 3 == 0 { "@" } else { "" })).collect();
    for round in 0..500 {
        let topics: Topics = (0..below(5)).map(|topic| ([topic as u8; 16], below(9) as i32)).collect();
        let mut past = vec![Assignment::new(); below(9) as usize + 1];
        for partition in topics.iter().flat_map(|(topic, count)| partitions_of(*topic, count + 1)) {
            let owner = below(past.len() as u64 * 2) as usize;
            past.get_mut(owner).map(|owned| owned.insert(partition));
        }
        let subscribers: Vec<Subscriber<'_>> = past
            .iter()
            .zip(&ids)
            .map(|(before, id)| Subscriber {
                id,
                instance_id: id.strip_prefix('@'),
                topics: (0..5).filter(|_| below(3) > 0).map(|topic| [topic; 16]).collect(),
                before,
            })
            .collect();
        for assignor in Assignor::ALL {
            let shares = assignor.assign(&subscribers, &topics);
            let mut owned = Assignment::new();
            for (share, subscriber) in shares.iter().zip(&subscribers) {
                assert!(share.iter().all(|partition| subscriber.topics.contains(&partition.topic)), "round {round}");
                assert!(share.iter().all(|partition| owned.insert(*partition)), "round {round}: two owners");
            }
            let wanted = topics
                .iter()
                .filter(|(topic, _)| subscribers.iter().any(|subscriber| subscriber.topics.contains(*topic)));
            let wanted: Assignment = wanted.flat_map(|(topic, count)| partitions_of(*topic, *count)).collect();
            assert_eq!(owned, wanted, "round {round} of {}", assignor.name());
        }
    }
}
