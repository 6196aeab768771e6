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
        (r#"{"version":3,"later":true}"#, "newer program"),
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
        (front, text.contains("ended"), text.contains("next_id"))
    };
    let of = |number: u32, ended, next_id| (format!(r#"{{"version":{number}"#), ended, next_id);
    rig.add(producer, "orders", 0).expect("it may");
    assert_eq!(version(&rig), of(1, false, false));
    let producer = rig.renew(producer, true).expect("it may");
    assert_eq!(version(&rig), of(2, true, false));
    rig.complete();
    rig.add(producer, "orders", 0).expect("it may");
    assert_eq!(version(&rig), of(1, false, false));
    let last = rig.spend();
    rig.renew(last, true).expect("it may");
    assert_eq!(version(&rig), of(2, true, true));
    let text = r#"{"version":2,"transaction":{"transactional_id":"shop","producer":{"id":7,"epoch":32767},
        "previous":{"id":7,"epoch":32766},"ended":{"id":7,"epoch":32766},"next_id":8,"timeout_ms":60000,
        "state":"PrepareCommit","partitions":{"orders":[0]},"groups":[],"started_ms":5,"updated_ms":9}}"#;
    let Ok(Record::Transaction(found)) = Record::decode(text.as_bytes()) else { panic!("it can be read") };
    assert_eq!((found.ended, found.next_id), (Some(Producer { id: 7, epoch: 32_766 }), Some(8)));
}
