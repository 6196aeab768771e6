//! Records that are damaged.

use std::sync::Arc;

use bytes::Bytes;

use super::super::*;
use super::consumer_rig::*;
use super::rig::{GROUP, Rig, named};

fn samples() -> Vec<Record> {
    let of = OffsetKey { group: "g".to_owned(), topic: "tøpic".to_owned(), partition: 3 };
    let committed = Committed {
        offset: i64::MAX,
        leader_epoch: Some(-1),
        metadata: "m".to_owned(),
        commit_time_ms: -1,
        expire_time_ms: Some(9),
        sequence: u64::MAX,
    };
    let plain = Committed { leader_epoch: None, expire_time_ms: None, metadata: String::new(), ..committed.clone() };
    let mut rig = Rig::eager();
    let token = rig.enter(named("i"));
    rig.sync_all(&[token]);
    let mut switched = Rig::new();
    switched.set_topics(&[("t", 3)]);
    Consumer::named("a", "i", &["t"]).join(&mut switched).expect("it joins");
    Consumer { regex: Some("u.*".to_owned()), ..Consumer::new("b", &["t"]) }.join(&mut switched).expect("it joins");
    rig.journal.append(&mut switched.journal);
    let mut records = rig.journal;
    records.extend([
        Record::GroupRemoved { group: String::new() },
        Record::ConsumerMemberRemoved { group: "g".to_owned(), member_id: "a".to_owned() },
        Record::Offset { of: of.clone(), committed: committed.clone() },
        Record::Offset { of: of.clone(), committed: plain },
        Record::OffsetRemoved { of: of.clone() },
        Record::PendingOffset { producer_id: 7, of, committed },
        Record::TransactionEnded { producer_id: 7, is_committed: true },
        Record::TransactionEnded { producer_id: -7, is_committed: false },
    ]);
    records
}

#[test]
fn records_come_back() {
    for record in samples() {
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }
}

#[test]
fn a_damaged_record_is_never_more_than_an_error() {
    for record in samples() {
        let bytes = record.encode();
        for cut in 0..bytes.len() {
            assert!(Record::decode(&bytes.slice(..cut)).is_err(), "{record:?} cut at {cut}");
        }
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        assert!(Record::decode(&longer).is_err());
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut spoiled = bytes.to_vec();
                spoiled[at] = value;
                if let Ok(record) = Record::decode(&Bytes::from(spoiled)) {
                    let mut coordinator = Coordinator::new(GroupConfig::default());
                    coordinator.replay(&record);
                    coordinator.start(0);
                    coordinator.tick(i64::MAX / 2);
                }
            }
        }
    }
}

#[test]
fn the_first_bytes_are_version_and_kind() {
    let bytes = Record::GroupRemoved { group: "g".to_owned() }.encode();
    assert_eq!(&bytes[..], b"\x01\x02\0\0\0\x01g");
    assert!(Record::decode(&Bytes::from_static(b"\x02\x02\0\0\0\x01g")).is_err());
    assert!(Record::decode(&Bytes::from_static(b"\x01\x09\0\0\0\x01g")).is_err());
}

#[test]
fn a_group_whose_image_makes_no_sense_comes_back_all_the_same() {
    let member = MemberImage {
        member_id: "m".to_owned(),
        instance_id: Some("i".to_owned()),
        client_id: String::new(),
        client_host: String::new(),
        rebalance_timeout_ms: i32::MIN,
        session_timeout_ms: i32::MIN,
        protocols: Vec::new(),
        assignment: Bytes::new(),
    };
    let image = GroupImage {
        group: GROUP.to_owned(),
        generation: i32::MAX,
        protocol_type: None,
        protocol: None,
        leader: Some("nobody".to_owned()),
        state_since_ms: 0,
        members: vec![member.clone(), member],
    };
    let mut rig = Rig::new();
    rig.journal.push(Record::Group(Arc::new(image)));
    rig.restart();
    assert_eq!(rig.state(), State::Stable);
    rig.pass(100_000);
    assert_eq!((rig.state(), rig.generation()), (State::Empty, 1));
}
