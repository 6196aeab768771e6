//! The warehouse as its users see it: rows in, rows out, nothing lost, nothing twice.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use millrace_flow::{Batch, ErrorKind, Fetched, Offset, PartitionId, Sink, SinkInput, TopicKind};
use tempfile::TempDir;

use super::*;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("country", DataType::Utf8, true),
        Field::new("revenue", DataType::Decimal128(38, 3), true),
        Field::new("orders", DataType::Int64, true),
        Field::new("seen", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("day", DataType::Date32, true),
        Field::new("ratio", DataType::Float64, true),
        Field::new("big", DataType::Boolean, true),
        Field::new("lines", DataType::Int32, true),
    ]))
}

fn view(kind: TopicKind, partitions: u32) -> ViewTable {
    ViewTable {
        name: "revenue by \"country\"".to_owned(),
        schema: schema(),
        kind,
        key: vec!["country".to_owned()],
        topic: "revenue".to_owned(),
        partitions,
    }
}

const NAME: &str = "revenue by \"country\"";

/// A row: key, revenue in thousandths, orders; `None` takes the key away.
type Row<'a> = (&'a str, Option<(i128, i64)>);

fn batch(rows: &[Row<'_>]) -> Batch {
    let value = |row: &Row<'_>| row.1;
    let revenue = Decimal128Array::from_iter(rows.iter().map(|row| value(row).map(|value| value.0)));
    let revenue = revenue.with_precision_and_scale(38, 3).expect("38 digits hold it");
    let orders = Int64Array::from_iter(rows.iter().map(|row| value(row).map(|value| value.1)));
    let seen = orders.iter().map(|n| n.map(|n| 1_291_191_960_000_000 + n * 500_000));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(rows.iter().map(|row| value(row).map(|_| row.0)))),
        Arc::new(revenue),
        Arc::new(orders.clone()),
        Arc::new(TimestampMicrosecondArray::from_iter(seen)),
        Arc::new(Date32Array::from_iter(orders.iter().map(|n| n.map(|n| i32::try_from(n).expect("small"))))),
        Arc::new(Float64Array::from_iter(
            orders.iter().map(|n| n.map(|n| if n == 0 { f64::NAN } else { n as f64 / 4.0 })),
        )),
        Arc::new(BooleanArray::from_iter(orders.iter().map(|n| n.map(|n| n > 1)))),
        Arc::new(Int32Array::from_iter(orders.iter().map(|n| n.map(|n| -i32::try_from(n).expect("small"))))),
    ];
    let values = RecordBatch::try_new(schema(), columns).expect("the columns fit");
    let keys = BinaryArray::from_iter_values(rows.iter().map(|row| row.0.as_bytes()));
    let gone = BooleanArray::from_iter(rows.iter().map(|row| Some(row.1.is_none())));
    Batch::new(values, Int64Array::from_value(0, rows.len())).with_keys(keys).with_tombstones(gone)
}

fn input(partition: u32, base: i64, rows: &[Row<'_>]) -> SinkInput {
    let records = vec![Fetched { base: Offset(base), batch: batch(rows) }];
    let offsets = Offset(base)..records[0].end();
    SinkInput { partition: PartitionId(partition), offsets, records }
}

struct Fixture {
    _folder: TempDir,
    path: PathBuf,
    warehouse: Arc<Warehouse>,
}

fn fixture() -> Fixture {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("warehouse.db");
    let warehouse = Warehouse::open(&path).expect("a new warehouse opens");
    Fixture { _folder: folder, path, warehouse }
}

fn filled(rows: &[Row<'_>]) -> Fixture {
    let fixture = fixture();
    let mut sink = fixture.warehouse.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    sink.write(vec![input(0, 0, rows)]).expect("the rows fit");
    fixture
}

fn countries(warehouse: &Warehouse, query: &RowsQuery) -> Vec<String> {
    let query = RowsQuery { columns: Some(vec!["_key".to_owned()]), ..query.clone() };
    let page = warehouse.rows(NAME, &query).expect("the question fits");
    page.batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

fn ask(warehouse: &Warehouse, filters: &[&str], order: &str) -> Vec<String> {
    let filters = filters.iter().map(|filter| filter.parse().expect("the condition reads")).collect();
    countries(warehouse, &RowsQuery { filters, order: OrderBy::parse_list(order), ..RowsQuery::default() })
}

#[test]
fn the_last_record_of_a_key_stays_and_a_tombstone_takes_it_away() {
    let Fixture { _folder, warehouse, .. } = fixture();
    let mut sink = warehouse.sink(&view(TopicKind::Upserts, 2)).expect("the view fits");
    assert_eq!(sink.progress().expect("it reads"), [Offset(0), Offset(0)]);
    let rows = [("fr", Some((1, 1))), ("de", Some((2, 1))), ("fr", Some((3, 2))), ("de", None), ("it", Some((4, 1)))];
    let stored = sink.write(vec![input(0, 0, &rows), input(1, 0, &[("gb", Some((5, 5)))])]).expect("the rows fit");
    assert_eq!(stored, Some(vec![Offset(5), Offset(1)]));
    assert_eq!(ask(&warehouse, &[], "country"), ["fr", "gb", "it"]);
    sink.write(vec![input(0, 5, &[("it", None), ("fr", None), ("fr", Some((-15_300, 7)))])]).expect("the rows fit");
    assert_eq!(ask(&warehouse, &[], ""), ["fr", "gb"]);
    let page = warehouse.rows(NAME, &RowsQuery::default()).expect("the question fits");
    assert_eq!(page.batch.schema(), schema());
    assert_eq!(page.batch.slice(0, 1), batch(&[("fr", Some((-15_300, 7)))]).values);
    assert_eq!(warehouse.count(NAME).expect("it counts"), 2);
}

#[test]
fn records_that_were_written_are_skipped() {
    let Fixture { _folder, warehouse, .. } = fixture();
    let mut sink = warehouse.sink(&view(TopicKind::Rows, 1)).expect("the view fits");
    let rows = [("a", Some((1, 1))), ("b", Some((2, 2))), ("c", Some((3, 3)))];
    sink.write(vec![input(0, 0, &rows[..2])]).expect("the rows fit");
    sink.write(vec![input(0, 0, &rows)]).expect("the rows fit");
    sink.write(vec![input(0, 1, &rows[1..])]).expect("the rows fit");
    assert_eq!(ask(&warehouse, &[], ""), ["0:0", "0:1", "0:2"]);
}

#[test]
fn a_write_that_fails_moves_neither_rows_nor_offsets() {
    let Fixture { _folder, warehouse, .. } = fixture();
    let mut sink = warehouse.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    sink.write(vec![input(0, 0, &[("fr", Some((1, 1)))])]).expect("the rows fit");
    let mut broken = input(0, 2, &[("it", Some((1, 1)))]);
    broken.records[0].batch.keys = Some(Arc::new(BinaryArray::from_iter_values([b"\xff\xfe"])));
    let error = sink.write(vec![input(0, 1, &[("fr", Some((9, 9)))]), broken]).expect_err("the key is no text");
    assert!(error.to_string().contains("record 2 of partition 0"), "{error}");
    assert_eq!(sink.progress().expect("it reads"), [Offset(1)]);

    // A full disk, or anything else that breaks SQLite between two rows.
    let refuse = "CREATE TEMP TRIGGER full BEFORE INSERT ON main.\"revenue by \"\"country\"\"\" WHEN NEW.orders = 13
                  BEGIN SELECT RAISE(ABORT, 'no room'); END";
    warehouse.lock_writer().expect("it is open").execute_batch(refuse).expect("a trigger");
    let rows = [("fr", Some((9, 9))), ("it", Some((1, 13)))];
    assert!(sink.write(vec![input(0, 1, &rows)]).is_err());
    assert_eq!(sink.progress().expect("it reads"), [Offset(1)]);
    assert_eq!(ask(&warehouse, &["orders:eq:1"], ""), ["fr"]);
    warehouse.lock_writer().expect("it is open").execute_batch("DROP TRIGGER full").expect("the trigger goes");
    sink.write(vec![input(0, 1, &rows)]).expect("the rows fit");
    assert_eq!(ask(&warehouse, &[], ""), ["fr", "it"]);
}

#[test]
fn a_warehouse_that_is_opened_again_goes_on() {
    let Fixture { _folder, path, warehouse } = filled(&[("fr", Some((1, 1)))]);
    drop(warehouse);
    let warehouse = Warehouse::open(&path).expect("it opens again");
    assert_eq!(warehouse.tables(), [view(TopicKind::Upserts, 1)]);
    let mut sink = warehouse.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    assert_eq!(sink.progress().expect("it reads"), [Offset(1)]);
    sink.write(vec![input(0, 1, &[("it", Some((1, 1)))])]).expect("the rows fit");
    let reader = Warehouse::open_read_only(&path).expect("it opens for reading");
    assert_eq!(ask(&reader, &[], ""), ["fr", "it"]);
    assert_eq!(reader.count(NAME).expect("it counts"), 2);
    sink.write(vec![input(0, 2, &[("gb", Some((1, 1)))])]).expect("the rows fit");
    assert_eq!(reader.count(NAME).expect("it counts"), 3);
    assert!(matches!(reader.sink(&view(TopicKind::Upserts, 1)), Err(SinkError::ReadOnly { .. })));
    assert!(Warehouse::open_read_only(path.with_extension("missing")).is_err());
}

#[test]
fn a_writer_that_was_replaced_moves_nothing() {
    let Fixture { _folder, path, warehouse } = filled(&[]);
    let mut zombie = warehouse.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    zombie.write(vec![input(0, 0, &[("fr", Some((1, 1)))])]).expect("it is the writer");
    let other = Warehouse::open(&path).expect("it opens twice");
    let mut writer = other.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    let error = zombie.write(vec![input(0, 1, &[("it", Some((1, 1)))])]).expect_err("it has been replaced");
    assert!(!error.retry() && error.to_string().contains("newer writer"), "{error}");
    assert!(zombie.progress().is_err());
    writer.write(vec![input(0, 1, &[("gb", Some((1, 1)))])]).expect("it is the writer");
    assert_eq!(ask(&warehouse, &[], ""), ["fr", "gb"]);
}

#[test]
fn another_view_of_the_same_name_begins_anew() {
    let Fixture { _folder, warehouse, .. } = filled(&[("fr", Some((1, 1)))]);
    let mut wider = view(TopicKind::Upserts, 1);
    let mut fields = wider.schema.fields().to_vec();
    fields.push(Arc::new(Field::new("more", DataType::Utf8, true)));
    wider.schema = Arc::new(Schema::new(fields));
    let mut sink = warehouse.sink(&wider).expect("the view fits");
    assert_eq!(sink.progress().expect("it reads"), [Offset(0)]);
    assert_eq!(warehouse.count(NAME).expect("it counts"), 0);
    assert_eq!(warehouse.tables()[0].schema, wider.schema);
    let mut fewer = warehouse.sink(&view(TopicKind::Upserts, 3)).expect("the view fits");
    assert_eq!(fewer.progress().expect("it reads").len(), 3);
    let mut fewer = warehouse.sink(&view(TopicKind::Upserts, 2)).expect("the view fits");
    assert_eq!(fewer.progress().expect("it reads").len(), 2);
    warehouse.retain(&[]).expect("it drops");
    assert!(warehouse.tables().is_empty());
    assert!(matches!(warehouse.count(NAME), Err(SinkError::NoView { .. })));
    assert!(fewer.progress().is_err(), "the writer of a dropped table is replaced");
}

#[test]
fn a_cut_forgets_what_the_topic_has_lost() {
    let Fixture { _folder, warehouse, .. } = filled(&[("fr", Some((1, 1))), ("it", Some((1, 1)))]);
    let mut sink = warehouse.sink(&view(TopicKind::Upserts, 1)).expect("the view fits");
    sink.cut(&[Offset(1)]).expect("it cuts");
    assert_eq!(sink.progress().expect("it reads"), [Offset(0)]);
    assert_eq!(warehouse.count(NAME).expect("it counts"), 0);

    let mut sink = warehouse.sink(&view(TopicKind::Rows, 2)).expect("the view fits");
    let rows: Vec<Row<'_>> = (0..12).map(|n| ("x", Some((n, 1)))).collect();
    sink.write(vec![input(0, 0, &rows), input(1, 0, &rows[..3])]).expect("the rows fit");
    sink.cut(&[Offset(10), Offset(7)]).expect("it cuts");
    assert_eq!(sink.progress().expect("it reads"), [Offset(10), Offset(3)]);
    assert_eq!(warehouse.count(NAME).expect("it counts"), 13);
}

#[test]
fn decimals_are_exact_and_ordered_by_value() {
    let widest = 10_i128.pow(38) - 1;
    let values = [0, 5, -5, 999, 1_000, -1_000, 10_000, -99_999, widest, -widest, widest - 1];
    let names: Vec<String> = (0..values.len()).map(|i| format!("{i:02}")).collect();
    let rows: Vec<Row<'_>> = names.iter().zip(values).map(|(name, value)| (name.as_str(), Some((value, 1)))).collect();
    let Fixture { _folder, warehouse, .. } = filled(&rows);
    let query = RowsQuery { order: OrderBy::parse_list("revenue"), ..RowsQuery::default() };
    let page = warehouse.rows(NAME, &query).expect("the question fits");
    let mut ascending = values.to_vec();
    ascending.sort_unstable();
    assert_eq!(page.batch.column(1).as_primitive::<Decimal128Type>().values().to_vec(), ascending);
    assert_eq!(ask(&warehouse, &["revenue:eq:1"], ""), ["04"]);
    assert_eq!(ask(&warehouse, &["revenue:eq:01.0000"], ""), ["04"]);
    assert_eq!(ask(&warehouse, &["revenue:gt:0.9985", "revenue:lte:10"], "-revenue"), ["06", "04", "03"]);
    assert_eq!(ask(&warehouse, &["revenue:lt:-0.9999"], "revenue"), ["09", "07", "05"]);
}

#[test]
fn every_type_can_be_asked_for() {
    let mut rows: Vec<Row<'_>> =
        vec![("a", Some((1, 0))), ("b", Some((2, 1))), ("c", Some((3, 2))), ("d", Some((4, 4)))];
    let Fixture { _folder, warehouse, .. } = filled(&rows);
    for (filters, expected) in [
        (vec!["country:eq:a"], "a"),
        (vec!["country:ne:a", "country:lt:d"], "bc"),
        (vec!["country:like:%C%"], "c"),
        (vec!["orders:gte:2"], "cd"),
        (vec!["lines:lt:-1"], "cd"),
        (vec!["ratio:gt:0.3", "ratio:lt:NaN"], "cd"),
        (vec!["ratio:eq:NaN"], "a"),
        (vec!["ratio:eq:0.25"], "b"),
        (vec!["big:eq:true"], "cd"),
        (vec!["day:gte:1970-01-03"], "cd"),
        (vec!["day:like:%-01-02"], "b"),
        (vec!["day:gte:1970-01-02T00:00:00", "day:lt:1970-01-05T00:00:00"], "bc"),
        (vec!["day:gte:1970-01-02T00:00:01", "day:lt:1970-01-05T00:00:01"], "cd"),
        (vec!["day:gt:1970-01-02T12:00:00", "day:lte:1970-01-03T23:59:59"], "c"),
        (vec!["day:eq:1970-01-03T00:00:00"], "c"),
        (vec!["seen:eq:2010-12-01T08:26:00"], "a"),
        (vec!["seen:gt:2010-12-01 08:26:00", "seen:lte:2010-12-01T08:26:01"], "bc"),
        (vec!["seen:gt:2010-12-01T08:26:00.5"], "cd"),
        (vec!["country:isnull"], ""),
        (vec!["country:notnull"], "abcd"),
        (vec!["country:eq:' OR 1=1 --"], ""),
    ] {
        assert_eq!(ask(&warehouse, &filters, "country").concat(), expected, "{filters:?}");
    }
    rows.reverse();
    assert_eq!(ask(&warehouse, &[], "ratio").concat(), "bcda");
    assert_eq!(ask(&warehouse, &[], "-big,-seen").concat(), "dcba");
}

#[test]
fn pages_have_a_total() {
    let names: Vec<String> = (0..25).map(|i| format!("{i:02}")).collect();
    let rows: Vec<Row<'_>> = names.iter().map(|name| (name.as_str(), Some((1, name.len() as i64)))).collect();
    let Fixture { _folder, warehouse, .. } = filled(&rows);
    for (limit, offset, expected) in
        [(Some(10), 0, 10), (Some(10), 20, 5), (None, 3, 22), (Some(5), 90, 0), (Some(0), 0, 0)]
    {
        let page = warehouse.rows(NAME, &RowsQuery { limit, offset, ..RowsQuery::default() }).expect("it fits");
        assert_eq!((page.batch.num_rows(), page.total), (expected, 25), "{limit:?} {offset}");
    }
    let filters = vec!["country:lt:12".parse().expect("it reads")];
    let page = warehouse.rows(NAME, &RowsQuery { filters, limit: Some(5), ..RowsQuery::default() }).expect("it fits");
    assert_eq!((page.batch.num_rows(), page.total), (5, 12));
}

#[test]
fn summaries_are_exact() {
    let widest = 10_i128.pow(37);
    let rows =
        [("fr1", Some((widest, 1))), ("fr2", Some((-widest + 1, 2))), ("fr3", Some((2, 2))), ("de", Some((5, 4)))];
    let Fixture { _folder, warehouse, .. } = filled(&rows);
    let query =
        SummaryQuery { sum: vec!["revenue".into(), "orders".into(), "ratio".into()], ..SummaryQuery::default() };
    let all = warehouse.summary(NAME, &query).expect("the question fits");
    assert_eq!(all.column(0).as_primitive::<Decimal128Type>().values().to_vec(), [8]);
    assert_eq!(all.column(1).as_primitive::<Int64Type>().values().to_vec(), [9]);
    assert!((all.column(2).as_primitive::<Float64Type>().value(0) - 2.25).abs() < 1e-12);
    assert_eq!(all.schema().field(0).data_type(), &DataType::Decimal128(38, 3));
    let query = SummaryQuery {
        sum: vec!["revenue".into()],
        group: vec!["orders".into()],
        order: OrderBy::parse_list("-revenue"),
        limit: Some(2),
        filters: vec!["orders:gt:1".parse().expect("it reads")],
    };
    let grouped = warehouse.summary(NAME, &query).expect("the question fits");
    assert_eq!(grouped.column(0).as_primitive::<Int64Type>().values().to_vec(), [4, 2]);
    assert_eq!(grouped.column(1).as_primitive::<Decimal128Type>().values().to_vec(), [5, -widest + 3]);
    let none = SummaryQuery {
        sum: vec!["revenue".into()],
        filters: vec!["orders:gt:99".parse().expect("it reads")],
        ..SummaryQuery::default()
    };
    assert!(warehouse.summary(NAME, &none).expect("it fits").column(0).is_null(0));
    let filled_up = filled(&[("a", Some((10_i128.pow(38) - 1, 1))), ("b", Some((1, 1)))]);
    let query = SummaryQuery { sum: vec!["revenue".into()], ..SummaryQuery::default() };
    let error = filled_up.warehouse.summary(NAME, &query).expect_err("39 digits");
    assert!(error.to_string().contains("38 digits"), "{error}");
}

#[test]
fn wrong_questions_are_the_users() {
    let Fixture { _folder, warehouse, .. } = filled(&[("a", Some((1, 1)))]);
    let wrong = |query: &RowsQuery| warehouse.rows(NAME, query).expect_err("the question is wrong");
    let filter = |text: &str| RowsQuery { filters: vec![text.parse().expect("it reads")], ..RowsQuery::default() };
    let unknown = wrong(&filter("county:eq:France"));
    assert_eq!(unknown.kind(), ErrorKind::User);
    assert!(unknown.to_string().contains("it has country, revenue"), "{unknown}");
    for text in [
        "orders:eq:many",
        "orders:eq:1.5",
        "revenue:lt:1e3",
        "seen:gt:yesterday",
        "big:eq:maybe",
        "day:eq:2010-02-30",
        "day:eq:2010-02-01T01:00:00",
    ] {
        assert_eq!(wrong(&filter(text)).kind(), ErrorKind::User, "{text}");
    }
    assert!("country".parse::<Filter>().is_err());
    assert!("country:almost:x".parse::<Filter>().is_err());
    assert!("country:eq".parse::<Filter>().is_err());
    let order = RowsQuery { order: OrderBy::parse_list("-nothing"), ..RowsQuery::default() };
    assert!(matches!(wrong(&order), SinkError::NoColumn { .. }));
    let text_sum = SummaryQuery { sum: vec!["country".into()], ..SummaryQuery::default() };
    assert_eq!(warehouse.summary(NAME, &text_sum).expect_err("text has no sum").kind(), ErrorKind::User);
}

#[test]
fn names_and_types_that_cannot_be_are_refused() {
    let Fixture { _folder, warehouse, .. } = fixture();
    let with = |name: &str, column: &str, data_type: DataType| {
        let schema =
            Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new(column, data_type, true)]));
        warehouse.sink(&ViewTable { name: name.to_owned(), schema, ..view(TopicKind::Upserts, 1) })
    };
    assert!(matches!(with("_progress", "b", DataType::Utf8), Err(SinkError::Name { .. })));
    let key = with("v", "_KEY", DataType::Utf8).expect_err("the key has that name").to_string();
    assert!(key.starts_with("`_KEY` cannot name a column of the warehouse: the warehouse keeps the key"), "{key}");
    assert!(matches!(with("v", "A", DataType::Utf8), Err(SinkError::Name { .. })));
    assert!(matches!(with("v", "b", DataType::UInt64), Err(SinkError::Type { .. })));
    assert!(with("v\"; DROP TABLE _views; --", "b\" TEXT); --", DataType::Utf8).is_ok());
    assert_eq!(warehouse.tables().len(), 1);
}

#[test]
fn all_names_that_cannot_be_are_told_at_once() {
    let columns = ["a", "_key", "A", "_offset", ""].map(|name| Field::new(name, DataType::Utf8, true));
    let refused = super::refused_names("SQLite_x", &Schema::new(columns.to_vec()));
    let columns: Vec<Option<usize>> = refused.iter().map(|refused| refused.column).collect();
    assert_eq!(columns, [None, Some(1), Some(2), Some(4)]);
    assert!(super::refused_names("sqlite", &schema()).is_empty());
}

#[test]
fn a_table_is_scanned_in_batches() {
    let names: Vec<String> = (0..20_000).map(|i| format!("{i:05}")).collect();
    let rows: Vec<Row<'_>> = names.iter().map(|name| (name.as_str(), Some((7, 3)))).collect();
    let Fixture { _folder, warehouse, .. } = filled(&rows);
    let table = warehouse.table(NAME).expect("the table is there");
    assert_eq!(table.schema(), schema());
    let batches: Vec<_> =
        table.scan(Some(&[2, 0]), Some(10_000)).expect("it scans").map(|batch| batch.expect("it reads")).collect();
    let all = concat_batches(&batches[0].schema(), &batches).expect("one schema");
    assert_eq!(all.num_rows(), 10_000);
    assert_eq!(all.schema().field(0).name(), "orders");
    assert_eq!(all.column(1).as_string::<i32>().value(9_999), "09999");
    let rows: usize =
        table.scan(Some(&[]), None).expect("it scans").map(|batch| batch.expect("it reads").num_rows()).sum();
    assert_eq!(rows, 20_000);
    // Whoever stops listening ends the reading.
    drop(table.scan(None, None).expect("it scans").next());
    assert!(warehouse.table("nothing").is_none());
}
