//! Clients that stop in the middle of something: each holds the only place there is, and another gets it in the end.

use std::time::Duration;

use millrace_broker::BrokerOptions;
use millrace_broker::wire::messages::api_versions::ApiVersionsRequest;
use millrace_broker::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};

use super::rig::Served;

const SHORTLY: Duration = Duration::from_millis(50);
/// Longer than the other client needs for its request, which it sends while it waits for its place.
const SOON: Duration = Duration::from_millis(500);

/// A broker for one client at a time.
fn narrow(configure: impl FnOnce(&mut BrokerOptions)) -> Served {
    Served::with(|options| {
        options.connections_max = 1;
        configure(options);
    })
}

fn another_is_served(served: &Served) {
    assert_eq!(served.client().ask(3, &ApiVersionsRequest::default()).error_code, 0);
}

#[test]
fn who_asks_for_nothing_gives_its_place_up() {
    let served = narrow(|options| options.idle_time_max = SOON);
    let _silent = served.client();
    another_is_served(&served);
    let mut begun = served.client();
    begun.write(&[0, 0]);
    another_is_served(&served);
}

#[test]
fn who_does_not_go_on_sending_gives_its_place_up() {
    let served = narrow(|options| options.stall_time_max = SHORTLY);
    let mut stalled = served.client();
    stalled.write(&(50_i32 << 20).to_be_bytes());
    stalled.write(b"not fifty megabytes");
    another_is_served(&served);
}

#[test]
fn who_does_not_take_its_answer_gives_its_place_up() {
    let served = narrow(|options| options.stall_time_max = SHORTLY);
    served.make_topic("t", 1);
    let mut deaf = served.client();
    // More than the system keeps for a connection.
    for _ in 0..40 {
        deaf.produce("t", 0, 1_000_000);
    }
    let partitions = vec![FetchPartition { partition: 0, partition_max_bytes: i32::MAX, ..Default::default() }];
    let topics = vec![FetchTopic { topic: "t".to_owned(), partitions, ..Default::default() }];
    deaf.send(11, &FetchRequest { max_bytes: i32::MAX, topics, ..Default::default() });
    another_is_served(&served);
}
