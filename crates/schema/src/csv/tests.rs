//! The decoder as a whole: what fits, what does not, and that neither cuts nor hostile text change what comes out.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::SchemaError;
use crate::json::rows_to_json;

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect::<Vec<_>>()))
}

fn texts(names: &[&str]) -> SchemaRef {
    schema(&names.iter().map(|name| (*name, DataType::Utf8)).collect::<Vec<_>>())
}

fn headless() -> CsvOptions {
    CsvOptions { header: false, ..CsvOptions::default() }
}

/// What came out of a text, all of it.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    rows: RecordBatch,
    lines: Vec<u64>,
    rejects: Vec<Reject>,
    position: Position,
}

fn read_pieces(schema: &SchemaRef, options: &CsvOptions, text: &[u8], piece: usize) -> Result<Outcome, SchemaError> {
    let mut decoder = CsvDecoder::new(schema.clone(), options.clone())?;
    let (mut batches, mut lines, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
    let mut pieces = text.chunks(piece.max(1));
    loop {
        while let Some(decoded) = decoder.decode()? {
            lines.extend_from_slice(decoded.lines.values());
            batches.push(decoded.rows);
            rejects.extend(decoded.rejects);
        }
        match pieces.next() {
            Some(piece) => decoder.push(piece),
            None if decoder.is_finished() => break,
            None => decoder.finish(),
        }
    }
    let rows = concat_batches(schema, &batches).expect("batches of one schema");
    Ok(Outcome { rows, lines, rejects, position: decoder.position() })
}

fn read(schema: &SchemaRef, options: &CsvOptions, text: &[u8]) -> Outcome {
    read_pieces(schema, options, text, usize::MAX).expect("a text with the right header")
}

fn shown(rows: &RecordBatch) -> Vec<String> {
    let values = |row: serde_json::Map<String, serde_json::Value>| {
        row.values().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect::<Vec<_>>()
    };
    rows_to_json(rows, 0..rows.num_rows()).into_iter().map(|row| values(row).join("|")).collect()
}

#[test]
fn every_type_is_read_and_an_empty_field_is_null() {
    let schema = schema(&[
        ("text", DataType::Utf8),
        ("int", DataType::Int32),
        ("long", DataType::Int64),
        ("double", DataType::Float64),
        ("float", DataType::Float32),
        ("flag", DataType::Boolean),
        ("day", DataType::Date32),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("money", DataType::Decimal128(12, 3)),
    ]);
    let text = "text,int,long,double,float,flag,day,at,money\r\n\
        \"é, \"\"x\"\"\", 7 ,-8,1e3,0.5,TRUE,2010-12-01,2010-12-01 08:26:00,2.55\r\n\
        ,,,,,,,,\r\n\
        NULL,N/A,1,2,3,0,2010-12-01,2010-12-01,-11062.06";
    let null_values = vec!["NULL".to_owned(), "N/A".to_owned()];
    let outcome = read(&schema, &CsvOptions { null_values, ..CsvOptions::default() }, text.as_bytes());
    assert_eq!(outcome.rejects, []);
    assert_eq!(
        shown(&outcome.rows),
        [
            "é, \"x\"|7|-8|1000.0|0.5|true|2010-12-01|2010-12-01T08:26:00|2.550",
            "null|null|null|null|null|null|null|null|null",
            "null|null|1|2.0|3.0|false|2010-12-01|2010-12-01T00:00:00|-11062.060",
        ]
    );
    assert_eq!(outcome.lines, [2, 3, 4]);
    assert_eq!(outcome.position, Position { byte: text.len() as u64, line: 5 });
}

#[test]
fn a_row_that_does_not_fit_is_rejected_whole_with_line_column_and_reason() {
    let schema = schema(&[("id", DataType::Int32), ("price", DataType::Decimal128(6, 2)), ("note", DataType::Utf8)]);
    let text =
        b"id,price,note\n1,2.50,a\nx,y,b\n3,1.005,c\n4,12345.00,d\n5,1,\"two\nlines\",6\n6,1\n7,1,e\xff\n8,1,f\n";
    let outcome = read(&schema, &CsvOptions::default(), text);
    assert_eq!(shown(&outcome.rows), ["1|2.50|a", "8|1.00|f"]);
    assert_eq!(outcome.lines, [2, 10]);
    let rejects: Vec<_> =
        outcome.rejects.iter().map(|r| (r.line, r.column.as_deref(), r.reason.as_str(), r.row.as_str())).collect();
    assert_eq!(
        rejects,
        [
            (3, Some("id"), "`x` is not a value of type INT", "x,y,b"),
            (4, Some("price"), "`1.005` has more digits behind the point than DECIMAL(6,2) keeps", "3,1.005,c"),
            (5, Some("price"), "`12345.00` does not fit the range of DECIMAL(6,2)", "4,12345.00,d"),
            (6, None, "it has 4 fields and 3 columns are declared", "5,1,\"two\nlines\",6"),
            (8, None, "it has 2 fields and 3 columns are declared", "6,1"),
            (
                9,
                Some("note"),
                "`e\u{fffd}` is not UTF-8; set encoding = 'latin1' if the file is in Latin-1",
                "7,1,e\u{fffd}"
            ),
        ]
    );
}

#[test]
fn not_null_is_kept() {
    let schema =
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false), Field::new("b", DataType::Utf8, false)]));
    let outcome = read(&schema, &headless(), b"1,x\n,y\n2,\n");
    assert_eq!(shown(&outcome.rows), ["1|x"]);
    assert_eq!(
        outcome.rejects.iter().map(|r| (r.line, r.column.as_deref())).collect::<Vec<_>>(),
        [(2, Some("a")), (3, Some("b"))]
    );
}

#[test]
fn what_is_wrong_with_a_number_or_a_year_says_how_it_is_written() {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let schema =
        Arc::new(Schema::new(vec![field("price", DataType::Decimal128(10, 2)), field("day", DataType::Date32)]));
    let options = CsvOptions { delimiter: b';', decimal: b',', date_format: Some("%d.%m.%Y".to_owned()), ..headless() };
    let outcome = read(&schema, &options, b"12,50;01.03.2024\n1.234,50;01.03.2024\n1;01.03.24\n");
    assert_eq!(shown(&outcome.rows), ["12.50|2024-03-01"]);
    assert_eq!(
        outcome.rejects.iter().map(|reject| reject.reason.as_str()).collect::<Vec<_>>(),
        [
            "`1.234,50` is not a value of type DECIMAL(10,2) with decimal = ','; thousands are not separated",
            "`01.03.24` has a year of fewer than four digits, which `%Y` does not read; `%y` reads two",
        ]
    );
}

#[test]
fn latin1_becomes_utf8_and_a_mark_is_passed() {
    let latin1 = CsvOptions { encoding: Encoding::Latin1, ..headless() };
    let outcome = read(&texts(&["a", "b"]), &latin1, b"caf\xe9,\"\xa35 \"\"x\"\"\"\n\x80 5,\x84x\x93\n1,\xe9,\n");
    assert_eq!(shown(&outcome.rows), ["café|£5 \"x\"", "€ 5|„x“"]);
    assert_eq!(outcome.rejects[0].row, "1,é,");
    let null_values = vec!["ungültig".to_owned()];
    let outcome = read(&texts(&["a", "b"]), &CsvOptions { null_values, ..latin1 }, b"ung\xfcltig,\x80\x80\x80\x80\n");
    assert_eq!(shown(&outcome.rows), ["null|€€€€"]);
    let outcome = read(&texts(&["a"]), &CsvOptions::default(), b"\xef\xbb\xbfa\nx\n");
    assert_eq!(shown(&outcome.rows), ["x"]);
    let error = read_pieces(&texts(&["a"]), &headless(), b"\xff\xfea\0", 1).expect_err("UTF-16");
    assert!(matches!(error, SchemaError::Utf16));
}

#[test]
fn what_is_no_text_is_told_as_what_it_is() {
    for (begin, what) in [(&b"PK\x03\x04\x14"[..], "Excel"), (b"\xd0\xcf\x11\xe0", "Excel"), (b"\x1f\x8b\x08", "gzip")]
    {
        for piece in [1, 9] {
            let error = read_pieces(&texts(&["a", "b"]), &CsvOptions::default(), begin, piece).expect_err("no text");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    assert_eq!(shown(&read_pieces(&texts(&["a"]), &headless(), b"P\nPK\n", 1).expect("a text").rows), ["P", "PK"]);
}

/// The header's line is looked at as if it were a row: a file without a header is told by that.
#[test]
fn a_first_line_that_would_do_as_a_row_is_noticed() {
    let shop = schema(&[("shop", DataType::Utf8), ("sold", DataType::Int32), ("day", DataType::Date32)]);
    let notices = |columns: &SchemaRef, line: &str| {
        let mut decoder = CsvDecoder::new(columns.clone(), CsvOptions::default()).expect("columns");
        decoder.push(line.as_bytes());
        decoder.finish();
        decoder.decode().expect("the right number of columns");
        decoder.header_is_row()
    };
    assert!(notices(&shop, "north,3,2024-05-01\n") && notices(&shop, "\"north\",3,\n"));
    for line in ["shop,sold,day\n", "shop,3,day\n", "shop,,\n"] {
        assert!(!notices(&shop, line), "{line}");
    }
    let names = texts(&["order_no", "b"]);
    assert!(notices(&names, "1,2\n") && notices(&names, "b,order no\n"), "anything is text, but no name of its column");
    for line in ["\"Order No.\",2\n", "ORDER_NO,b\n", "1, B\n"] {
        assert!(!notices(&names, line), "{line}");
    }
}

/// What is left at the end of a text that may grow is a line, or more than can be told yet.
#[test]
fn what_waits_for_more_is_a_line_or_cannot_be_told() {
    let rest = |text: &str, options: CsvOptions| {
        let mut decoder = CsvDecoder::new(texts(&["a", "b"]), options).expect("columns");
        decoder.push(text.as_bytes());
        while decoder.decode().expect("a text").is_some() {}
        decoder.rest()
    };
    for (text, of) in [
        ("", None),
        ("1,x\n", None),
        ("1,x\n2", Some(Rest::Line)),
        ("1,x\n2,y\r", Some(Rest::Line)),
        ("2,\"y\"", Some(Rest::Line)),
        ("2,\"y\nz\"", Some(Rest::Line)),
        ("2,\"y", Some(Rest::Quote)),
        ("2,\"y\nz", Some(Rest::Quote)),
        ("2,\"y\nz\"q", Some(Rest::Quote)),
        ("2,\"y\nz\",3", Some(Rest::Quote)),
    ] {
        assert_eq!(rest(text, headless()), of, "{text:?}");
    }
    assert_eq!(rest("a,b", CsvOptions::default()), None, "a header is no row");
    assert_eq!(rest("a,b\n1", CsvOptions::default()), Some(Rest::Line));
    let endless = "x".repeat(RECORD_BYTES_MAX + 2);
    assert_eq!(rest(&endless, headless()), Some(Rest::Line), "a line that is too long is one all the same");
}

#[test]
fn binary_data_is_no_text() {
    for text in [&b"\x7fELF\x02\x01\0\0\r\x01,\n"[..], b"a\0,\0b\0\n\0", b"\x89PNG\r\0x"] {
        for options in [CsvOptions::default(), headless()] {
            let error = read_pieces(&texts(&["a", "b"]), &options, text, 99).expect_err("no text").to_string();
            assert!(error.contains("no text but binary data") && error.contains("UTF-16"), "{error}");
        }
    }
}

#[test]
fn a_header_with_another_count_is_an_error_that_names_both() {
    let error =
        read_pieces(&texts(&["a", "b"]), &CsvOptions::default(), b"\n\"x, y\",b,c\n1,2\n", 3).expect_err("3 for 2");
    assert_eq!(
        error.to_string(),
        "the header has 3 columns (x, y, b, c) and 2 are declared (a, b); declare one column for each, in the file's order"
    );
    let error = read_pieces(&texts(&["a", "b"]), &CsvOptions::default(), b"a;b\n1;2\n", 3).expect_err("1 for 2");
    assert_eq!(
        error.to_string(),
        "the header has 1 column (a;b) and 2 are declared (a, b); the columns look divided otherwise: set delimiter = ';'"
    );
    let error = read_pieces(&texts(&["a", "b"]), &CsvOptions::default(), b"a,b\r1,2\r3,4\r", 3).expect_err("CR alone");
    assert!(matches!(error, SchemaError::LineEnds), "{error}");
    for columns in [&["a"][..], &["a", "b"]] {
        let error = read_pieces(&texts(columns), &CsvOptions::default(), b"a\r1\r2\r3\r", 3).expect_err("CR alone");
        assert!(matches!(error, SchemaError::LineEnds), "{columns:?}: {error}");
    }
    let headless = read(&texts(&["a", "b"]), &headless(), b"a,b\r1,2\r3,4\r");
    assert!(headless.rejects[0].reason.contains("CR alone"), "{:?}", headless.rejects);
    let endless = vec![b'x'; RECORD_BYTES_MAX + 2];
    assert!(read_pieces(&texts(&["a"]), &CsvOptions::default(), &endless, 70_000).is_err());
}

#[test]
fn blank_lines_are_no_rows_and_lines_are_counted_over_quotes() {
    let text = b"\na,b\r\n\r\n\"x\ny\n\",1\n\n\n\"p\r\nq\",2\n";
    let outcome = read(&texts(&["a", "b"]), &CsvOptions::default(), text);
    assert_eq!(shown(&outcome.rows), ["x\ny\n|1", "p\r\nq|2"]);
    assert_eq!(outcome.lines, [4, 9]);
    assert_eq!(outcome.position.line, 11);
}

#[test]
fn a_stray_quote_costs_one_line() {
    let mut text = String::from("1,a\n2,\"stray\n");
    for row in 3..200_000 {
        text.push_str(&format!("{row},some text that goes on\n"));
    }
    let outcome = read(&texts(&["a", "b"]), &headless(), text.as_bytes());
    assert_eq!(outcome.rows.num_rows(), 199_998);
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!((outcome.rejects[0].line, outcome.rejects[0].row.as_str()), (2, "2,\"stray"));
    assert_eq!(outcome.lines[1], 3);

    let at_the_end = read(&texts(&["a", "b"]), &headless(), b"1,a\n2,\"stray\n3,c\n4,d");
    assert_eq!(shown(&at_the_end.rows), ["1|a", "3|c", "4|d"]);

    let before_quotes = read(&texts(&["a", "b"]), &headless(), b"1,\"stray\n2,\"x, y\"\n3,c\n");
    assert_eq!(shown(&before_quotes.rows), ["2|x, y", "3|c"]);
    assert_eq!(before_quotes.rejects[0].row, "1,\"stray");

    let before_lines = b"1,\"stray,x\n2,\"p\nq, r\",y\n3,c,d\n";
    for piece in [1, 5, 13, 100] {
        let outcome = read_pieces(&texts(&["a", "b", "c"]), &headless(), before_lines, piece).expect("rows");
        assert_eq!(shown(&outcome.rows), ["2|p\nq, r|y", "3|c|d"], "in pieces of {piece}");
        assert_eq!((outcome.rejects.len(), outcome.rejects[0].row.as_str()), (1, "1,\"stray,x"));
    }
}

/// What is wrong is told soon in a file that grows, however long it takes to grow.
#[test]
fn a_bad_record_of_several_lines_is_not_waited_with() {
    let plain = |from: usize| (from..from + 10).map(|row| format!("{row},b,c\n")).collect::<String>();
    for (bad, rows) in [("1,\"note\n\"\n", 10), ("1,\"p\n\"q,s,t\n", 10), ("1,\"stray,x\n2,\"p\nq\",y\n", 11)] {
        let mut decoder = CsvDecoder::new(texts(&["a", "b", "c"]), headless()).expect("three columns");
        decoder.push(format!("{bad}{}", plain(5)).as_bytes());
        let (mut found, mut rejects) = (0, 0);
        while let Some(decoded) = decoder.decode().expect("text").or_else(|| decoder.flush().expect("text")) {
            found += decoded.rows.num_rows();
            rejects += decoded.rejects.len();
        }
        assert_eq!((found, rejects), (rows, 1), "{bad:?}");
    }
}

#[test]
fn text_behind_a_closing_quote_is_kept() {
    let outcome = read(&texts(&["a", "b"]), &headless(), b"\"5\"\" nail\"x,y\n\"a\"b,\"c\n\"d\n");
    assert_eq!(shown(&outcome.rows), ["5\" nailx|y", "ab|c\nd"]);
}

#[test]
fn an_endless_field_is_one_reject_with_its_size_and_its_head() {
    let mut text = b"1,a\n2,".to_vec();
    text.extend(vec![b'x'; 3 * RECORD_BYTES_MAX]);
    text.extend(b"\n3,c\n");
    for piece in [1000, 100_000, usize::MAX] {
        let outcome = read_pieces(&texts(&["a", "b"]), &headless(), &text, piece).expect("no header");
        assert_eq!(shown(&outcome.rows), ["1|a", "3|c"]);
        let reject = &outcome.rejects[0];
        assert_eq!((reject.line, reject.row.len()), (2, REJECT_BYTES_MAX));
        assert!(reject.reason.contains("3145730 bytes"), "{}", reject.reason);
    }
}

#[test]
fn memory_stays_bounded_by_hostile_text() {
    // Nothing but quotes and no line end; nothing but an open quote; a million empty rejects.
    let quotes = vec![b'"'; 8 * RECORD_BYTES_MAX + 1];
    let open = [b"\"".to_vec(), vec![b'x'; 8 * RECORD_BYTES_MAX]].concat();
    let short = b"x\n".repeat(2 * RECORD_BYTES_MAX);
    for text in [quotes, open, short] {
        let mut decoder = CsvDecoder::new(texts(&["a", "b"]), headless()).expect("columns");
        for piece in text.chunks(100_000) {
            decoder.push(piece);
            while decoder.decode().expect("no header").is_some() {}
            assert!(decoder.buffered_bytes() <= BATCH_BYTES + RECORD_BYTES_MAX + 200_000);
        }
    }
}

#[test]
fn memory_stays_bounded_by_a_long_text() {
    let mut text: Box<dyn Read> = Box::new(std::io::repeat(b'x').take(0));
    for _ in 0..40 {
        text = Box::new(text.chain(std::io::Cursor::new(b"some text,1234\n".repeat(20_000))));
    }
    let mut decoder = CsvDecoder::new(texts(&["a", "b"]), headless()).expect("columns");
    let mut rows = 0;
    while decoder.fill(&mut text).expect("memory can be read") > 0 {
        while let Some(decoded) = decoder.decode().expect("no header") {
            rows += decoded.rows.num_rows();
        }
        assert!(decoder.buffered_bytes() <= BATCH_BYTES + 1_000_000, "{} bytes", decoder.buffered_bytes());
    }
    decoder.finish();
    rows += decoder.decode().expect("no header").map_or(0, |decoded| decoded.rows.num_rows());
    assert_eq!(rows, 800_000);
}

#[test]
fn a_batch_ends_by_rows_or_by_bytes() {
    let options = CsvOptions { batch_rows: 10, ..headless() };
    let mut decoder = CsvDecoder::new(texts(&["a"]), options).expect("columns");
    decoder.push(b"row\n".repeat(25).as_slice());
    let sizes: Vec<_> =
        std::iter::from_fn(|| decoder.decode().expect("no header")).map(|d| d.rows.num_rows()).collect();
    assert_eq!(sizes, [10, 10]);
    assert_eq!(decoder.flush().expect("no header").expect("five rows").rows.num_rows(), 5);
    assert!(decoder.flush().expect("no header").is_none());

    let mut decoder = CsvDecoder::new(texts(&["a"]), headless()).expect("columns");
    for _ in 0..20 {
        decoder.push(&[vec![b'x'; 500_000], b"\n".to_vec()].concat());
    }
    let first = decoder.decode().expect("no header").expect("a batch by bytes");
    assert_eq!(first.rows.num_rows(), BATCH_BYTES.div_ceil(500_001));
}

/// Text of the kind that breaks parsers, in few letters.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![
        4 => Just(b','), 3 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(b'\r'), 6 => Just(b'a'), 1 => Just(b'7'), 1 => Just(0xe9)
    ];
    proptest::collection::vec(letter, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn cuts_change_nothing(text in wild(), piece in 1..50_usize, header in any::<bool>()) {
        let schema = schema(&[("a", DataType::Utf8), ("b", DataType::Int32), ("c", DataType::Utf8)]);
        let options = CsvOptions { header, batch_rows: 3, ..CsvOptions::default() };
        let whole = read_pieces(&schema, &options, &text, usize::MAX).map_err(|error| error.to_string());
        let cut = read_pieces(&schema, &options, &text, piece).map_err(|error| error.to_string());
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn every_position_is_a_place_to_go_on_from(text in wild()) {
        let schema = texts(&["a", "b"]);
        let options = CsvOptions { batch_rows: 2, ..headless() };
        let whole = read(&schema, &options, &text);
        let mut decoder = CsvDecoder::new(schema.clone(), options.clone()).expect("columns");
        decoder.push(&text);
        decoder.finish();
        let (mut rows, mut rejects) = (0, 0);
        while let Some(decoded) = decoder.decode().expect("no header") {
            rows += decoded.rows.num_rows();
            rejects += decoded.rejects.len();
            let mut rest = CsvDecoder::resume(schema.clone(), options.clone(), decoded.position).expect("columns");
            rest.push(&text[decoded.position.byte as usize..]);
            rest.finish();
            let mut rest_lines = Vec::new();
            let mut rest_rejects = Vec::new();
            while let Some(decoded) = rest.decode().expect("no header") {
                rest_lines.extend_from_slice(decoded.lines.values());
                rest_rejects.extend(decoded.rejects);
            }
            prop_assert_eq!(&rest_lines, &whole.lines[rows..]);
            prop_assert_eq!(&rest_rejects, &whole.rejects[rejects..]);
        }
    }

    #[test]
    fn rows_are_those_of_csv_core(rows in proptest::collection::vec(("[a,\"\r\n é]{0,6}", "[a,\"\r\n é]{0,6}", any::<bool>()), 0..30)) {
        let mut text = Vec::new();
        for (a, b, crlf) in &rows {
            let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
            text.extend(format!("{},{}{}", quoted(a), quoted(b), if *crlf { "\r\n" } else { "\n" }).bytes());
        }
        let outcome = read(&texts(&["a", "b"]), &headless(), &text);
        prop_assert_eq!(&outcome.rejects, &[]);
        let mut by_reference = Vec::new();
        let (mut reader, mut input) = (csv_core::Reader::new(), text.as_slice());
        let (mut output, mut ends) = ([0; 4096], [0; 16]);
        loop {
            let (result, read, _, fields) = reader.read_record(input, &mut output, &mut ends);
            input = &input[read..];
            match result {
                csv_core::ReadRecordResult::Record => {
                    assert_eq!(fields, 2);
                    let field = |range: std::ops::Range<usize>| String::from_utf8(output[range].to_vec()).expect("UTF-8");
                    by_reference.push((field(0..ends[0]), field(ends[0]..ends[1])));
                }
                csv_core::ReadRecordResult::End => break,
                _ => {}
            }
        }
        let column = |index: usize| outcome.rows.column(index).as_string::<i32>();
        let ours: Vec<_> = (0..outcome.rows.num_rows())
            .map(|row| (column(0).value(row).to_owned(), column(1).value(row).to_owned())).collect();
        prop_assert_eq!(ours, by_reference);
    }
}
