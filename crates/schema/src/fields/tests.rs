//! Fields as they are read: their spellings, their kinds, and what is not known.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::SchemaRef;

use super::*;
use crate::avro::{Encoder, Values};

fn written(scalar: Scalar<'_>) -> String {
    match scalar {
        Scalar::Text(text) => format!("`{text}`"),
        Scalar::Number(number) => number.to_owned(),
    }
}

fn fields(reader: &mut FieldReader, values: &[&[u8]], only: Option<&str>) -> (Vec<String>, bool) {
    let mut all = Vec::new();
    let is_certain = reader.read(values, only, &mut |at, name, scalar| {
        all.push(format!("{at} {name}={}", written(scalar)));
    });
    (all, is_certain)
}

fn of_json(text: &str) -> Vec<String> {
    fields(&mut FieldReader::new(Arc::new(Registry::in_memory())), &[text.as_bytes()], None).0
}

#[test]
fn a_number_has_one_spelling() {
    let plain = |text: &str| {
        let mut out = "left over".to_owned();
        plain_number(text, &mut out).then_some(out)
    };
    for (texts, spelling) in [
        (["7", "7.0", "7e0", "0007", "+7", "0.7E1", "700e-2"], "7"),
        (["-0.5", "-.5", "-5e-1", "-00.50", "-0.5e+0", "-50E-2", "-500e-3"], "-0.5"),
        (["0", "-0", "0.000", "0e7", ".0", "0.", "-0e-9"], "0"),
        (["1200", "1200.0", "1.2e3", "12e2", "0.12e4", "01200", "120000e-2"], "1200"),
    ] {
        assert_eq!(texts.map(plain), std::array::from_fn(|_| Some(spelling.to_owned())));
    }
    assert_eq!(
        plain("170141183460469231731687303715884105728.001"),
        plain("170141183460469231731687303715884105728.0010")
    );
    assert_eq!(plain("5e-324").map(|text| text.len()), Some(326));
    for text in ["", "-", ".", "e5", "1e", "1.2.3", "0x1", "1 ", "1e9999", "inf", "NaN", "\u{663}"] {
        assert_eq!(plain(text), None, "{text}");
    }
}

#[test]
fn the_outermost_members_of_an_object_are_fields() {
    let text = r#" {"a": "x\u00e4\n", "b" :7.50,"c":true, "d":null, "e":[1,{"a":2}], "f":{"a":3}, "\"q\"":"}", "":-0.0,"a":18446744073709551617} "#;
    let wanted = ["0 a=`x\u{e4}\n`", "0 b=7.5", "0 c=`true`", "0 \"q\"=`}`", "0 =0", "0 a=18446744073709551617"]
        .map(str::to_owned);
    assert_eq!(of_json(text), wanted);
    assert!(of_json("{}").is_empty() && of_json("{ }").is_empty());
    for text in ["", "{", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":1,}"#, r#"[{"a":1}]"#, "7", r#"{"a":01}"#, "{a:1}"] {
        assert!(of_json(text).is_empty(), "{text}");
    }
}

#[test]
fn the_columns_of_a_row_are_fields_and_what_is_not_known_is_told() {
    let registry = Arc::new(Registry::in_memory());
    let money = Decimal128Array::from(vec![Some(15_300), None]).with_precision_and_scale(12, 3).expect("a decimal");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("code", Arc::new(StringArray::from(vec![Some("007"), None]))),
        ("count", Arc::new(Int64Array::from(vec![Some(-7), Some(1 << 60)]))),
        ("money", Arc::new(money)),
        ("rate", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN)]))),
        ("yes", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).expect("rows");
    let schema: SchemaRef = rows.schema();
    let id = registry.id_for("a-value", &schema).expect("an id");
    let mut values = Values::default();
    Encoder::new(id, &schema).expect("flat").encode(&rows, &mut values).expect("encoded");
    let framed: Vec<Vec<u8>> = (0..2).map(|row| values.get(row).to_vec()).collect();
    let mut unknown = framed[0].clone();
    unknown[4] = 99;
    let mut reader = FieldReader::new(registry);
    let (all, is_certain) = fields(&mut reader, &[&framed[0], br#"{"count":8}"#, &framed[1]], None);
    let mut all = all;
    all.sort();
    let wanted = [
        "0 code=`007`",
        "0 count=-7",
        "0 money=15.3",
        "0 rate=0.1",
        "0 yes=`true`",
        "1 count=8",
        "2 count=1152921504606846976",
        "2 rate=`NaN`",
    ];
    assert_eq!((all, is_certain), (wanted.map(str::to_owned).to_vec(), true));
    let (only, _) = fields(&mut reader, &[&framed[0], &framed[0][..7], &framed[1]], Some("count"));
    assert_eq!(only, ["0 count=-7", "2 count=1152921504606846976"], "one is cut off");
    assert_eq!(fields(&mut reader, &[&unknown, br#"{"a":1}"#], None), (vec!["1 a=1".to_owned()], false));
}
