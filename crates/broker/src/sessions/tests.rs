//! Sessions from the first fetch to the last.

use bytes::Bytes;

use super::*;
use crate::wire::Records;
use crate::wire::messages::fetch::{FetchForgottenTopic, FetchedTopic};

fn asks(session_id: i32, session_epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    let asked = partitions.iter().map(|(partition, fetch_offset)| FetchPartition {
        partition: *partition,
        fetch_offset: *fetch_offset,
        ..FetchPartition::default()
    });
    let partitions: Vec<_> = asked.collect();
    let topics = vec![FetchTopic { topic: "t".to_owned(), partitions, ..FetchTopic::default() }];
    let topics = topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect();
    FetchRequest { session_id, session_epoch, topics, ..FetchRequest::default() }
}

fn forgets(mut request: FetchRequest, partitions: &[i32]) -> FetchRequest {
    let partitions = partitions.to_vec();
    request.forgotten_topics_data =
        vec![FetchForgottenTopic { topic: "t".to_owned(), partitions, ..FetchForgottenTopic::default() }];
    request
}

/// The id of the session, and which partitions are answered: number, error, bytes of records.
type Answered = (i32, Vec<(i32, i16, usize)>);

/// Sessions, and a log whose partitions end where it says.
struct Rig {
    sessions: FetchSessions,
    ends: HashMap<i32, i64>,
    now: Instant,
}

impl Rig {
    fn new(ends: &[(i32, i64)]) -> Self {
        Self { sessions: FetchSessions::default(), ends: ends.iter().copied().collect(), now: Instant::now() }
    }

    fn fetch(&self, mut request: FetchRequest) -> Result<Answered, ErrorCode> {
        let turn = self.sessions.begin(&mut request, false, self.now)?;
        let responses = request.topics.iter().map(|topic| {
            let found = topic.partitions.iter().map(|asked| match self.ends.get(&asked.partition) {
                None => FetchedPartition { partition_index: asked.partition, error_code: 3, ..Default::default() },
                Some(end) => {
                    let bytes = usize::try_from(end - asked.fetch_offset).unwrap_or(0);
                    FetchedPartition {
                        partition_index: asked.partition,
                        high_watermark: *end,
                        records: Records(vec![Bytes::from(vec![0; bytes]).into()]),
                        ..Default::default()
                    }
                }
            });
            FetchedTopic { topic: topic.topic.clone(), topic_id: topic.topic_id, partitions: found.collect() }
        });
        let mut response = FetchResponse { responses: responses.collect(), ..FetchResponse::default() };
        self.sessions.finish(&turn, request, false, &mut response, self.now);
        let found = response.responses.iter().flat_map(|topic| &topic.partitions);
        let found = found.map(|found| (found.partition_index, found.error_code, found.records.bytes())).collect();
        Ok((response.session_id, found))
    }
}

#[test]
fn only_what_is_new_is_answered() {
    let mut rig = Rig::new(&[(0, 5), (1, 0)]);
    let (id, found) = rig.fetch(asks(0, 0, &[(0, 5), (1, 0), (2, 0)])).expect("it begins");
    assert!(id > 0);
    assert_eq!(found, [(0, 0, 0), (1, 0, 0), (2, 3, 0)], "the first answer is whole");
    assert_eq!(rig.fetch(asks(id, 1, &[])), Ok((id, vec![(2, 3, 0)])), "an error is always told");
    rig.ends.insert(1, 3);
    rig.ends.insert(2, 0);
    assert_eq!(rig.fetch(asks(id, 2, &[])), Ok((id, vec![(1, 0, 3), (2, 0, 0)])), "records, and an error that is over");
    assert_eq!(rig.fetch(asks(id, 3, &[(1, 3)])), Ok((id, vec![])));
    assert_eq!(rig.fetch(asks(id, 4, &[(0, 4)])), Ok((id, vec![(0, 0, 1)])), "who goes back gets it again");
}

#[test]
fn partitions_come_and_go() {
    let rig = Rig::new(&[(0, 1), (1, 1), (7, 1)]);
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 1), (1, 1)])).expect("it begins");
    assert_eq!(rig.fetch(forgets(asks(id, 1, &[(7, 0)]), &[0])), Ok((id, vec![(7, 0, 1)])));
    let session = &rig.sessions.by_id()[&id];
    assert_eq!(session.order.iter().map(|key| key.2).collect::<Vec<_>>(), [1, 7]);
}

#[test]
fn a_session_that_fetches_nothing_is_over() {
    let rig = Rig::new(&[(0, 1)]);
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 1)])).expect("it begins");
    assert_eq!(rig.fetch(forgets(asks(id, 1, &[]), &[0])), Ok((0, vec![])));
    assert_eq!(rig.fetch(asks(id, 2, &[])), Err(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn who_got_records_waits_for_the_others() {
    let rig = Rig::new(&[(0, 9), (1, 9), (2, 9)]);
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 9), (1, 0), (2, 9)])).expect("it begins");
    rig.fetch(asks(id, 1, &[])).expect("it goes on");
    let order: Vec<i32> = rig.sessions.by_id()[&id].order.iter().map(|key| key.2).collect();
    assert_eq!(order, [0, 2, 1]);
}

#[test]
fn requests_that_do_not_fit_are_refused_and_change_nothing() {
    let rig = Rig::new(&[(0, 1)]);
    assert_eq!(rig.fetch(asks(5, 1, &[(0, 1)])), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(rig.fetch(asks(0, 1, &[(0, 1)])), Err(ErrorCode::FetchSessionIdNotFound));
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 1)])).expect("it begins");
    for epoch in [2, -2, i32::MAX] {
        assert_eq!(rig.fetch(asks(id, epoch, &[(1, 0)])), Err(ErrorCode::InvalidFetchSessionEpoch));
    }
    let by_ids = rig.sessions.begin(&mut asks(id, 1, &[]), true, rig.now);
    assert_eq!(by_ids, Err(ErrorCode::FetchSessionTopicIdError));
    assert_eq!(rig.fetch(asks(id, 1, &[])), Ok((id, vec![])));
}

#[test]
fn a_full_fetch_ends_the_session_it_names() {
    let rig = Rig::new(&[(0, 1)]);
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 1)])).expect("it begins");
    let (next, _) = rig.fetch(asks(id, 0, &[(0, 1)])).expect("it begins anew");
    assert_ne!(id, next);
    assert_eq!(rig.fetch(asks(next, -1, &[(0, 1)])), Ok((0, vec![(0, 0, 0)])));
    assert!(rig.sessions.by_id().is_empty());
    assert_eq!(rig.fetch(asks(0, -1, &[(0, 1)])), Ok((0, vec![(0, 0, 0)])), "old clients know of no sessions");
}

#[test]
fn epochs_go_round() {
    let rig = Rig::new(&[(0, 1)]);
    let (id, _) = rig.fetch(asks(0, 0, &[(0, 1)])).expect("it begins");
    rig.sessions.by_id().get_mut(&id).expect("it is there").epoch = i32::MAX;
    assert_eq!(rig.fetch(asks(id, i32::MAX, &[])), Ok((id, vec![])));
    assert_eq!(rig.fetch(asks(id, 1, &[])), Ok((id, vec![])));
}

#[test]
fn there_are_only_so_many_and_only_idle_ones_make_room() {
    let mut rig = Rig::new(&[(0, 1)]);
    let first = rig.fetch(asks(0, 0, &[(0, 1)])).expect("it begins").0;
    for _ in 1..SESSIONS_MAX {
        assert_ne!(rig.fetch(asks(0, 0, &[(0, 1)])).expect("there is room").0, 0);
    }
    assert_eq!(
        rig.fetch(asks(0, 0, &[(0, 1)])),
        Ok((0, vec![(0, 0, 0)])),
        "without a session it is served all the same"
    );
    rig.now += IDLE;
    rig.fetch(asks(first, 1, &[])).expect("it is there");
    assert_ne!(rig.fetch(asks(0, 0, &[(0, 1)])).expect("there is room").0, 0);
    assert_eq!(rig.sessions.by_id().len(), SESSIONS_MAX);
    assert!(rig.fetch(asks(first, 2, &[])).is_ok(), "who was heard of stays");
}

#[test]
fn a_session_has_only_so_many_partitions() {
    let rig = Rig::new(&[]);
    let all: Vec<(i32, i64)> = (0..).map(|partition| (partition, 0)).take(PARTITIONS_MAX + 1).collect();
    assert_eq!(rig.fetch(asks(0, 0, &all)).expect("it is served").0, 0);
    let (id, _) = rig.fetch(asks(0, 0, &all[1..])).expect("it begins");
    assert_ne!(id, 0);
    assert_eq!(rig.fetch(asks(id, 1, &all[..1])), Err(ErrorCode::FetchSessionIdNotFound));
    assert!(rig.sessions.by_id().is_empty());
}
