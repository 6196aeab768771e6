//! Messages of a topic: sought, paged and filtered.

use std::fs;
use std::sync::Arc;

use arrow::array::{BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use bytes::Bytes;
use millrace_flow::{Batch, LogWriter, Origin, TopicPartition};

use super::find;
use crate::config::Overrides;
use crate::model::{MessagesPage, MessagesQuery, Order};
use crate::stores::Stores;
use crate::{Project, Result};

const SQL: &str = "CREATE SOURCE lines (item STRING, quantity INT)
    WITH (connector = 'csv', path = 'data/*.csv', key = 'item', partitions = 2);";

/// A log whose topic `lines` has ten records: number `n` is in partition `n % 2`, at `1000 * n` ms.
struct Shop {
    _folder: tempfile::TempDir,
    stores: Stores,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.sql"), SQL).expect("written");
        let project = Project::open_with(folder.path(), &Overrides::default(), &[]).expect("a project");
        let stores = Stores::open(Arc::new(project)).expect("stores");
        for topic in stores.project.connectors.sources[0].topics() {
            stores.log.create_topic(topic).expect("a topic");
        }
        let mut writer = stores.log.writer("source:lines").expect("a writer");
        for partition in 0..2 {
            append(writer.as_mut(), partition, &stores);
        }
        writer.commit(Bytes::new(), false).expect("committed");
        drop(writer);
        Self { _folder: folder, stores }
    }

    fn ask(&self, query: MessagesQuery) -> Result<MessagesPage> {
        find(&self.stores, "lines", &query)
    }

    fn numbers(&self, query: MessagesQuery) -> Vec<i64> {
        times(&self.ask(query).expect("an answer"))
    }
}

fn append(writer: &mut dyn LogWriter, partition: u32, stores: &Stores) {
    let numbers: Vec<u32> = (0..5).map(|index| index * 2 + partition).collect();
    let items: Vec<String> = numbers.iter().map(|n| format!("Item {n}")).collect();
    let quantities = Int32Array::from_iter_values(numbers.iter().map(|n| 100 + i32::try_from(*n).expect("small")));
    let schema = stores.project.connectors.sources[0].schema.clone();
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(StringArray::from_iter_values(&items)), Arc::new(quantities)];
    let values = RecordBatch::try_new(schema, columns).expect("columns fit");
    let times = Int64Array::from_iter_values(numbers.iter().map(|n| i64::from(*n) * 1_000));
    let origin = Origin {
        file: Arc::new(UInt32Array::from(vec![0; 5])),
        line: Arc::new(UInt64Array::from_iter_values(numbers.iter().map(|n| u64::from(*n) + 2))),
    };
    let batch = Batch::new(values, times).with_keys(BinaryArray::from_iter_values(&items)).with_origin(origin);
    writer.append(&TopicPartition::new("lines", partition), batch).expect("appended");
}

fn times(page: &MessagesPage) -> Vec<i64> {
    page.messages.iter().map(|message| message.time_ms / 1_000).collect()
}

fn query(order: Order, limit: usize) -> MessagesQuery {
    MessagesQuery { order, limit, ..MessagesQuery::default() }
}

#[test]
fn the_newest_come_first_over_all_partitions() {
    let shop = Shop::new();
    let page = shop.ask(query(Order::Newest, 3)).expect("an answer");
    assert_eq!(times(&page), [9, 8, 7]);
    let message = &page.messages[0];
    assert_eq!((message.partition, message.offset, message.key.as_deref()), (1, 4, Some("Item 9")));
    let value = message.value.as_ref().expect("a value");
    assert_eq!(value.text(), r#"{"item":"Item 9","quantity":109}"#);
    assert_eq!(message.origin.as_ref().map(|origin| origin.line), Some(11));
    assert!(page.complete && page.next.is_some());
}

#[test]
fn going_on_shows_everything_once() {
    let shop = Shop::new();
    for (order, wanted) in [(Order::Newest, (0..10).rev().collect::<Vec<_>>()), (Order::Oldest, (0..10).collect())] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        for _ in 0..4 {
            let page = shop.ask(MessagesQuery { cursor, ..query(order, 3) }).expect("an answer");
            seen.extend(times(&page));
            cursor = page.next.and_then(|next| next["cursor"].as_str().map(str::to_owned));
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, wanted, "{order:?}");
        assert_eq!(cursor, None, "{order:?}: it ends");
    }
}

#[test]
fn an_offset_and_a_time_are_where_it_begins() {
    let shop = Shop::new();
    let from = |order, offset| MessagesQuery { partition: Some(1), offset: Some(offset), ..query(order, 2) };
    assert_eq!(shop.numbers(from(Order::Oldest, 2)), [5, 7]);
    assert_eq!(shop.numbers(from(Order::Newest, 2)), [5, 3]);
    assert_eq!(shop.numbers(from(Order::Newest, 99)), [9, 7]);
    let at = |order| MessagesQuery { time: Some("1970-01-01T00:00:06".to_owned()), ..query(order, 2) };
    assert_eq!(shop.numbers(at(Order::Oldest)), [6, 7]);
    assert_eq!(shop.numbers(at(Order::Newest)), [6, 5]);
}

#[test]
fn a_key_a_text_and_a_line_are_found() {
    let shop = Shop::new();
    let key = MessagesQuery { key: Some("Item 4".to_owned()), ..query(Order::Newest, 10) };
    assert_eq!(shop.numbers(key), [4]);
    let search = |text: &str| MessagesQuery { search: Some(text.to_owned()), ..query(Order::Oldest, 10) };
    assert_eq!(shop.numbers(search("iTEM 3")), [3]);
    assert_eq!(shop.numbers(search("107")), [7], "numbers are searched as they are shown");
    let page = shop.ask(search("nothing of the kind")).expect("an answer");
    assert_eq!((page.messages.len(), page.scanned, page.complete, page.next), (0, 10, true, None));
    let origin = MessagesQuery { origin: Some("0:7".to_owned()), ..query(Order::Newest, 10) };
    assert_eq!(shop.numbers(origin), [5]);
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let shop = Shop::new();
    let refused = |query: MessagesQuery| shop.ask(query).expect_err("it makes no sense").to_string();
    let plain = || query(Order::Newest, 1);
    assert!(refused(MessagesQuery { partition: Some(7), ..plain() }).contains("no partition 7"));
    assert!(refused(MessagesQuery { time: Some("noon".into()), ..plain() }).contains("no time"));
    assert!(refused(MessagesQuery { cursor: Some("1".into()), ..plain() }).contains("cursor=1"));
    assert!(refused(MessagesQuery { origin: Some("file".into()), ..plain() }).contains("FILE:LINE"));
    let unknown = find(&shop.stores, "line", &plain()).expect_err("there is none").to_string();
    assert!(unknown.contains("did you mean `lines`?"), "{unknown}");
}
