//! Encoder and decoder against each other and against `arrow-avro`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{
    AvroSchema, Fingerprint, FingerprintAlgorithm, FingerprintStrategy, SCHEMA_METADATA_KEY, SchemaStore,
};
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroSoeFormat;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

const ID: u32 = 0x0102_0304;

/// One row of every column type.
type Row = (
    (Option<String>, Option<i32>, Option<i64>, Option<f64>, Option<f32>),
    (Option<bool>, Option<i32>, Option<i64>, Option<i128>, Option<i128>),
    (String, i64),
);

fn any_row() -> impl Strategy<Value = Row> {
    let small = -999_999_999_999_i128..=999_999_999_999;
    let large = -(10_i128.pow(38) - 1)..=10_i128.pow(38) - 1;
    (
        (
            option::of(any::<String>()),
            option::of(any::<i32>()),
            option::of(any::<i64>()),
            option::of(any::<f64>()),
            option::of(any::<f32>()),
        ),
        (
            option::of(any::<bool>()),
            option::of(any::<i32>()),
            option::of(any::<i64>()),
            option::of(small),
            option::of(large),
        ),
        (".{0,20}", any::<i64>()),
    )
}

fn rich_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("int", DataType::Int32, true),
        Field::new("long", DataType::Int64, true),
        Field::new("double", DataType::Float64, true),
        Field::new("float", DataType::Float32, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("money", DataType::Decimal128(12, 3), true),
        Field::new("wide", DataType::Decimal128(38, 10), true),
        Field::new("required", DataType::Utf8, false),
        Field::new("number", DataType::Int64, false),
    ]))
}

fn rich_batch(rows: &[Row]) -> RecordBatch {
    fn column<T, A: FromIterator<T> + Array + 'static>(rows: &[Row], of: impl Fn(&Row) -> T) -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<A>())
    }
    let decimal = |of: fn(&Row) -> Option<i128>, precision, scale| -> ArrayRef {
        let array: Decimal128Array = rows.iter().map(of).collect();
        Arc::new(array.with_precision_and_scale(precision, scale).expect("a column type"))
    };
    let columns = vec![
        column::<_, StringArray>(rows, |row| row.0.0.clone()),
        column::<_, Int32Array>(rows, |row| row.0.1),
        column::<_, Int64Array>(rows, |row| row.0.2),
        column::<_, Float64Array>(rows, |row| row.0.3),
        column::<_, Float32Array>(rows, |row| row.0.4),
        column::<_, BooleanArray>(rows, |row| row.1.0),
        column::<_, Date32Array>(rows, |row| row.1.1),
        column::<_, TimestampMicrosecondArray>(rows, |row| row.1.2),
        decimal(|row| row.1.3, 12, 3),
        decimal(|row| row.1.4, 38, 10),
        column::<_, StringArray>(rows, |row| Some(row.2.0.clone())),
        column::<_, Int64Array>(rows, |row| Some(row.2.1)),
    ];
    RecordBatch::try_new(rich_schema(), columns).expect("columns of the schema")
}

fn encode(batch: &RecordBatch) -> Values {
    let mut values = Values::default();
    let encoder = Encoder::new(ID, batch.schema_ref()).expect("column types");
    encoder.encode(batch, &mut values).expect("a batch of the schema");
    values
}

fn decoder(schema: &SchemaRef) -> Decoder {
    let json = avro_json("rich", schema).expect("column types");
    Decoder::new(ID, &json, schema.clone()).expect("the writer's schema")
}

fn encode_by_reference(batch: &RecordBatch) -> Vec<Vec<u8>> {
    let json = avro_json("rich", batch.schema_ref()).expect("column types");
    let metadata = HashMap::from([(SCHEMA_METADATA_KEY.to_owned(), json)]);
    let schema = batch.schema_ref().as_ref().clone().with_metadata(metadata);
    let batch = batch.clone().with_schema(Arc::new(schema.clone())).expect("only the metadata differs");
    let builder = WriterBuilder::new(schema).with_fingerprint_strategy(FingerprintStrategy::Id(ID));
    let mut encoder = builder.build_encoder::<AvroSoeFormat>().expect("an encoder");
    encoder.encode(&batch).expect("a batch of the schema");
    encoder.flush().iter().map(|value| value.to_vec()).collect()
}

fn decode_by_reference(schema: &SchemaRef, values: &Values) -> RecordBatch {
    let json = avro_json("rich", schema).expect("column types");
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(ID), AvroSchema::new(json)).expect("a schema");
    let mut decoder = ReaderBuilder::new()
        .with_writer_schema_store(store)
        .with_batch_size(values.len().max(1))
        .build_decoder()
        .expect("a decoder");
    for value in values.iter() {
        assert_eq!(decoder.decode(value).expect("a value"), value.len());
    }
    decoder.flush().expect("good values").expect("at least one row")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn writes_what_the_reference_writes_and_both_read_it(rows in vec(any_row(), 1..40)) {
        let batch = rich_batch(&rows);
        let values = encode(&batch);
        prop_assert_eq!(values.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), encode_by_reference(&batch));
        let again = decoder(&batch.schema()).decode(values.iter()).expect("own values");
        prop_assert_eq!(&again, &batch);
        let by_reference = decode_by_reference(&batch.schema(), &values);
        for (ours, theirs) in batch.columns().iter().zip(by_reference.columns()) {
            prop_assert_eq!(ours.to_data(), theirs.to_data());
        }
    }

    #[test]
    fn a_cut_or_longer_record_is_refused_by_its_number(rows in vec(any_row(), 3), cut in any::<prop::sample::Index>()) {
        let batch = rich_batch(&rows);
        let values = encode(&batch);
        let mut decoder = decoder(&batch.schema());
        let bad = &values.get(1)[..cut.index(values.get(1).len())];
        let error = decoder.decode([values.get(0), bad, values.get(2)]).expect_err("it is cut").to_string();
        prop_assert!(error.contains("record 1 "), "{}", error);
        let longer = [values.get(1), &[0]].concat();
        let error = decoder.decode([values.get(0), &longer]).expect_err("it is longer").to_string();
        prop_assert!(error.contains("record 1 ") && error.contains("left over"), "{}", error);
        prop_assert_eq!(decoder.decode(values.iter()).expect("a failure leaves nothing behind"), batch);
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(body in vec(any::<u8>(), 0..200)) {
        let mut value = vec![MAGIC];
        value.extend(ID.to_be_bytes());
        value.extend(body);
        if let Ok(batch) = decoder(&rich_schema()).decode([value.as_slice()]) {
            prop_assert_eq!(batch.num_rows(), 1);
        }
    }
}

#[test]
fn a_reader_may_have_more_columns_and_fewer() {
    let written = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("gone", DataType::Decimal128(9, 2), true),
        Field::new("b", DataType::Int32, false),
    ]));
    let money = Decimal128Array::from(vec![Some(5), None]).with_precision_and_scale(9, 2).expect("a decimal");
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["x", "y"])), Arc::new(money), Arc::new(Int32Array::from(vec![1, 2]))];
    let batch = RecordBatch::try_new(written.clone(), columns).expect("a batch");
    let read = Arc::new(Schema::new(vec![
        Field::new("b", DataType::Int32, false),
        Field::new("added", DataType::Boolean, true),
        Field::new("a", DataType::Utf8, true),
    ]));
    let json = avro_json("t", &written).expect("column types");
    let mut decoder = Decoder::new(ID, &json, read).expect("compatible");
    let rows = decoder.decode(encode(&batch).iter()).expect("own values");
    assert_eq!(rows.column(0), batch.column(2));
    assert_eq!(rows.column(1).null_count(), 2);
    assert_eq!(rows.column(2), batch.column(0));

    let refuse = |field| Decoder::new(ID, &json, Arc::new(Schema::new(vec![field]))).expect_err("it does not fit");
    assert!(refuse(Field::new("new", DataType::Int32, false)).to_string().contains("`new`"));
    assert!(refuse(Field::new("b", DataType::Int64, false)).to_string().contains("written as INT"));
}

#[test]
fn a_tombstone_is_a_row_of_nulls() {
    let rows = vec![(
        (Some("x".to_owned()), Some(1), None, None, None),
        (None, None, None, Some(1), None),
        ("y".to_owned(), 1),
    )];
    let batch = rich_batch(&rows);
    let values = encode(&batch);
    let decoded = decoder(&batch.schema()).decode_optional([None, Some(values.get(0))]).expect("a value and none");
    assert_eq!(decoded.slice(1, 1), batch);
    for (column, field) in decoded.columns().iter().zip(rich_schema().fields()) {
        assert_eq!(column.is_null(0), field.is_nullable());
    }
}

#[test]
fn names_that_avro_refuses_come_back() {
    let schema = Schema::new(vec![
        Field::new("count(*)", DataType::Int64, false),
        Field::new("count(_)", DataType::Int64, true),
        Field::new("1st größe", DataType::Utf8, true),
    ]);
    let json = avro_json("my-topic.v1", &schema).expect("column types");
    assert_eq!(arrow_schema(&json).expect("own schema"), schema);
    assert!(!json.contains("\"name\":\"count(*)\"") && json.contains("\"name\":\"my_topic_v1\""), "{json}");
}

#[test]
fn foreign_schemas_with_null_behind_are_read() {
    let json = r#"{"type":"record","name":"r","fields":[{"name":"a","type":["long","null"]}]}"#;
    let schema = Arc::new(arrow_schema(json).expect("a flat record"));
    let mut decoder = Decoder::new(1, json, schema).expect("its own schema");
    let rows = decoder.decode([&[0, 0, 0, 0, 1, 0, 6][..], &[0, 0, 0, 0, 1, 2][..]]).expect("two values");
    assert_eq!(rows.column(0).as_ref(), &Int64Array::from(vec![Some(3), None]) as &dyn Array);
    for bad in
        ["[]", "{", r#"{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"map","values":"int"}}]}"#]
    {
        assert!(arrow_schema(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_null_where_none_may_be_is_refused() {
    let nullable = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, true)]));
    let strict = Schema::new(vec![Field::new("a", DataType::Int32, false)]);
    let batch = RecordBatch::try_new(nullable, vec![Arc::new(Int32Array::from(vec![Some(1), None]))]).expect("a batch");
    let encoder = Encoder::new(ID, &strict).expect("column types");
    let error = encoder.encode(&batch, &mut Values::default()).expect_err("row 1 is null").to_string();
    assert!(error.contains("row 1"), "{error}");
}

#[test]
fn the_frame_names_its_schema() {
    assert_eq!(schema_id(&[0, 0, 0, 1, 2, 9]), Some(258));
    assert_eq!(schema_id(&[1, 0, 0, 1, 2]), None);
    assert_eq!(schema_id(&[0, 0, 0]), None);
}
