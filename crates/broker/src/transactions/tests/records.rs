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

/// A program from before there were any reads what owes none.
#[test]
fn markers_that_are_owed_are_kept_in_a_form_of_their_own() {
    let (mut rig, producer) = Rig::begun();
    rig.add(producer, "orders", 0).expect("it may");
    assert!(rig.journal.iter().all(|record| record.encode().starts_with(br#"{"version":1,"#)));
    rig.end(producer, true).expect("it may");
    rig.complete_owing(0);
    let record = rig.journal.last().expect("it was written");
    assert!(record.encode().starts_with(br#"{"version":2,"#));
    assert_eq!(Record::decode(&record.encode()).as_ref(), Ok(record));
}
