//! Records as bytes.

use super::super::*;
use super::rig::*;

#[test]
fn records_come_back_and_bytes_that_are_none_are_told() {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "tøpic", 3).expect("it may");
    rig.add_group(producer, "a \"group\"").expect("it may");
    let mut records = rig.journal;
    records.push(Record::Removed("tränsaction".to_owned()));
    for record in &records {
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes).as_ref(), Ok(record));
        for cut in 0..bytes.len() {
            assert!(Record::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Record::decode(&[&bytes[..], b"x"].concat()).is_err());
    }
}

#[test]
fn the_form_is_kept() {
    let text = r#"{"version":1,"transaction":{"transactional_id":"shop","producer":{"id":7,"epoch":1},
        "previous":{"id":7,"epoch":0},"timeout_ms":60000,"state":"Ongoing","partitions":{"orders":[0,2]},
        "groups":["g"],"started_ms":5,"updated_ms":9}}"#;
    let Ok(Record::Transaction(found)) = Record::decode(text.as_bytes()) else { panic!("it can be read") };
    assert_eq!((found.producer, found.state), (Producer { id: 7, epoch: 1 }, State::Ongoing));
    assert!(found.has_partition("orders", 2) && !found.has_partition("orders", 1));
    assert_eq!(Record::decode(br#"{"version":1,"removed":"shop"}"#), Ok(Record::Removed("shop".to_owned())));
    for (text, why) in [
        (r#"{"version":4,"later":true}"#, "newer program"),
        (r#"{"version":1}"#, "of nothing"),
        (r#"{"version":1,"removed":"a","more":1}"#, "more"),
    ] {
        let error = Record::decode(text.as_bytes()).expect_err("it is none").to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// What earlier versions of this program can read is written as they do, and the rest says that they cannot.
#[test]
fn the_form_has_a_version() {
    let (mut rig, producer) = Rig::begun();
    let version = |rig: &Rig| {
        let text = String::from_utf8(rig.journal.last().expect("it is kept").encode().to_vec()).expect("it is text");
        let front = text.split(',').next().expect("it has a front").to_owned();
        (front, text.contains("ended"), text.contains("next_id"), text.contains("owed"))
    };
    let of = |number: u32, ended, next_id, owed| (format!(r#"{{"version":{number}"#), ended, next_id, owed);
    rig.add(producer, "orders", 0).expect("it may");
    assert_eq!(version(&rig), of(1, false, false, false));
    let producer = rig.renew(producer, true).expect("it may");
    assert_eq!(version(&rig), of(2, true, false, false));
    rig.complete();
    rig.add(producer, "orders", 0).expect("it may");
    assert_eq!(version(&rig), of(1, false, false, false));
    let last = rig.spend();
    let producer = rig.renew(last, true).expect("it may");
    assert_eq!(version(&rig), of(2, true, true, false));
    let owed = rig.complete_owing(0);
    assert_eq!(version(&rig), of(3, true, false, true));
    rig.add(producer, "orders", 1).expect("it may");
    assert_eq!(version(&rig), of(3, false, false, true), "of an earlier transaction");
    rig.keep(rig.coordinator.paid(ID, &owed));
    assert_eq!(version(&rig), of(1, false, false, false));
}

/// What each version of this program has written.
#[test]
fn earlier_forms_can_be_read() {
    let read = |text: &str| {
        let Ok(Record::Transaction(found)) = Record::decode(text.as_bytes()) else { panic!("it can be read: {text}") };
        found
    };
    let first = read(
        r#"{"version":1,"transaction":{"transactional_id":"shop","producer":{"id":7,"epoch":3},"previous":null,
        "timeout_ms":60000,"state":"Ongoing","partitions":{"orders":[0]},"groups":[],"started_ms":5,"updated_ms":9}}"#,
    );
    assert_eq!((first.ended, first.next_id, first.owed), (None, None, Vec::new()));
    let second = read(
        r#"{"version":2,"transaction":{"transactional_id":"shop","producer":{"id":7,"epoch":32767},
        "previous":{"id":7,"epoch":32766},"ended":{"id":7,"epoch":32766},"next_id":8,"timeout_ms":60000,
        "state":"PrepareCommit","partitions":{"orders":[0]},"groups":[],"started_ms":5,"updated_ms":9}}"#,
    );
    assert_eq!((second.ended, second.next_id), (Some(Producer { id: 7, epoch: 32_766 }), Some(8)));
    let third = read(
        r#"{"version":3,"transaction":{"transactional_id":"shop","producer":{"id":8,"epoch":0},"previous":null,
        "ended":{"id":7,"epoch":32766},"timeout_ms":60000,"state":"CompleteCommit","partitions":{},"groups":[],
        "started_ms":null,"updated_ms":9,"owed":[{"topic":"orders","topic_id":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],
        "partition":1,"producer":{"id":7,"epoch":32767},"is_commit":true}]}}"#,
    );
    let OwedMarker { partition, producer, is_commit, .. } = third.owed[0];
    assert_eq!((partition, producer, is_commit), (1, Producer { id: 7, epoch: 32_767 }, true));
}
