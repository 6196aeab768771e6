//! Questions over tables in memory.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_flow::{Batches, Result, Table};

use super::{Answer, AskError, Desk, Limits};

struct Rows {
    batch: RecordBatch,
    copies: usize,
}

impl Table for Rows {
    fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }

    fn scan(&self, projection: Option<&[usize]>, _limit: Option<usize>) -> Result<Batches> {
        let batch = match projection {
            Some(projection) => self.batch.project(projection).expect("the columns are there"),
            None => self.batch.clone(),
        };
        Ok(Box::new(std::iter::repeat_n(batch, self.copies).map(Ok)))
    }
}

const MINUTE_US: i64 = 60_000_000;

fn orders(copies: usize) -> Arc<Rows> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema = Schema::new(vec![
        Field::new("Id", DataType::Utf8, true),
        Field::new("at", time, true),
        Field::new("quantity", DataType::Int32, true),
        Field::new("price", DataType::Decimal128(12, 3), true),
    ]);
    let prices = Decimal128Array::from(vec![Some(1_500), Some(2_000), None, Some(125)]);
    let batch = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from(vec!["a", "b", "a", "c"])),
            Arc::new(TimestampMicrosecondArray::from(
                vec![0, 4, 6, 12].into_iter().map(|m| m * MINUTE_US).collect::<Vec<_>>(),
            )),
            Arc::new(Int32Array::from(vec![1, 2, 3, -4])),
            Arc::new(prices.with_precision_and_scale(12, 3).expect("twelve digits are enough")),
        ],
    );
    Arc::new(Rows { batch: batch.expect("the columns fit"), copies })
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.add_table(None, "Orders", orders(1));
    desk.add_table(Some("topic"), "shop.orders", orders(1));
    desk.add_view("sales", "SELECT *, quantity * price AS Amount FROM orders WHERE quantity > 0");
    desk
}

fn ask(sql: &str) -> std::result::Result<Answer, AskError> {
    desk().ask(sql, Limits::default())
}

/// The answer as lines of cells, the column names first.
fn cells(sql: &str) -> Vec<String> {
    let answer = ask(sql).unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.cure));
    let mut lines =
        vec![answer.schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(",")];
    for batch in &answer.batches {
        let format = FormatOptions::default();
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &format).expect("it can be shown"))
            .collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(","));
        }
    }
    lines
}

#[test]
fn names_are_found_in_any_case_and_spelled_as_asked() {
    assert_eq!(cells("SELECT ID, Quantity AS Q FROM ORDERS WHERE id = 'b'"), ["ID,Q", "b,2"]);
    assert_eq!(
        cells("SELECT * FROM sales WHERE amount > 2"),
        ["Id,at,quantity,price,Amount", "b,1970-01-01T00:04:00,2,2.000,4.000"]
    );
    assert_eq!(cells("SELECT count(*) AS n FROM topic.`shop.orders`"), ["n", "4"]);
    assert_eq!(cells("SELECT count(*) FROM topic.shop.orders"), ["count(*)", "4"]);
    assert_eq!(cells("SELECT count(*) AS \"N\" FROM topic.\"shop.orders\""), ["N", "4"]);
}

#[test]
fn windows_are_the_same_as_in_views() {
    let tumbling =
        "SELECT window.start AS s, sum(quantity) AS q FROM orders GROUP BY window(at, '5 minutes') ORDER BY s";
    let lines = ["s,q", "1970-01-01T00:00:00,3", "1970-01-01T00:05:00,3", "1970-01-01T00:10:00,-4"];
    assert_eq!(cells(tumbling), lines);
    let hopping =
        "SELECT window.end AS e, count(*) AS n FROM orders GROUP BY window(at, '10 minutes', '5 minutes') ORDER BY e";
    let lines =
        ["e,n", "1970-01-01T00:05:00,2", "1970-01-01T00:10:00,3", "1970-01-01T00:15:00,2", "1970-01-01T00:20:00,1"];
    assert_eq!(cells(hopping), lines);
    let in_from =
        "SELECT window_end AS e, count(*) AS n FROM HOP(orders, at, INTERVAL '5 minutes', INTERVAL '10 minutes')
                   GROUP BY window_end ORDER BY 1";
    assert_eq!(cells(in_from), lines);
}

#[test]
fn spark_is_spoken() {
    assert_eq!(cells("SELECT 1 / 2 AS a, 7 DIV 2 AS b, if(true, 'y', \"n\") AS c"), ["a,b,c", "0.5,3,y"]);
    assert_eq!(
        cells("SELECT date_format(at, 'yyyy-MM') AS m, hour(at) AS h FROM orders LIMIT 1"),
        ["m,h", "1970-01,0"]
    );
    assert_eq!(cells("SELECT max_by(id, price) AS m, sum(quantity * price) AS s FROM orders"), ["m,s", "b,5.000"]);
    let place = |sql: &str| ask(sql).expect_err("it fails at every row").column;
    assert_eq!(place("SELECT 1 / 0 AS x"), Some(10));
    assert_eq!(place("SELECT DATE '2010-02-30' AS x FROM orders"), Some(13));
    let quoted = ask("SELECT count(*) AS n FROM orders WHERE \"id\" = 'a'").expect_err("a text, and a column");
    assert_eq!(
        (quoted.column, quoted.message.as_str()),
        (Some(40), "\"id\" is a text, and there is a column of that name")
    );
    assert!(ask("SELECT 1 / 0 AS x").is_err_and(|error| error.message.to_lowercase().contains("division by zero")));
}

#[test]
fn functions_are_those_of_spark_where_others_have_the_same_names() {
    for (expression, value) in [
        ("substring('Äpfel Öl', -3)", " Öl"),
        ("substring('Äpfel Öl', 0, 3)", "Äpf"),
        ("substring('Äpfel Öl', 3, 2)", "fe"),
        ("substring('abc', -5, 3)", "a"),
        ("substr('abcdef', -2, 1)", "e"),
        ("sum(nvl(price, 0))", "3.625"),
        ("sum(ifnull(price, 0))", "3.625"),
        ("max(nvl2(price, price, 9.5))", "9.500"),
        ("1e3", "1000.0"),
        ("1.5", "1.5"),
        ("sum(10 / quantity) FILTER (WHERE quantity > 1)", "8.333333333333334"),
    ] {
        assert_eq!(cells(&format!("SELECT {expression} AS x FROM orders"))[1], value, "{expression}");
    }
}

#[test]
fn whole_numbers_do_not_wrap() {
    for expression in
        ["9223372036854775807 + quantity", "-9223372036854775807 - quantity", "9223372036854775807 * quantity"]
    {
        let error = ask(&format!("SELECT {expression} AS x FROM orders")).expect_err("it does not fit");
        assert!(error.message.starts_with("a whole number that does not fit its type"), "{expression}: {error}");
        assert!(error.cure.is_some_and(|cure| cure.contains("DECIMAL")), "{expression}");
    }
    assert_eq!(cells("SELECT quantity + 1 AS x FROM orders WHERE quantity * 2 = 6"), ["x", "4"]);
    let grouped =
        "SELECT quantity % 2 + 1 AS odd, sum(quantity - 1) AS s FROM orders GROUP BY quantity % 2 + 1 ORDER BY odd";
    assert_eq!(cells(grouped), ["odd,s", "1,-4", "2,2"]);
}

/// Numbers at the edges of their types: BIGINT and INT, and a DECIMAL(38,0) of which the third does not fit 128 bits.
fn edges() -> Desk {
    let schema = Schema::new(vec![
        Field::new("big", DataType::Int64, true),
        Field::new("n", DataType::Int32, true),
        Field::new("price", DataType::Decimal128(38, 0), true),
    ]);
    let prices = Decimal128Array::from(vec![9 * 10_i128.pow(37), 9 * 10_i128.pow(37)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN])),
        Arc::new(Int32Array::from(vec![i32::MAX, i32::MIN])),
        Arc::new(prices.with_precision_and_scale(38, 0).expect("38 digits are enough")),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).expect("the columns fit");
    let mut desk = Desk::new();
    desk.add_table(None, "edges", Arc::new(Rows { batch, copies: 1 }));
    desk
}

#[test]
fn edges_of_whole_numbers_are_told() {
    let ask = |select: &str| edges().ask(&format!("SELECT {select} FROM edges"), Limits::default());
    for (select, said) in [
        ("-n AS x", "0 - -2147483648"),
        ("-big AS x", "0 - -9223372036854775808"),
        ("big div -1 AS x", "-9223372036854775808 div -1"),
        ("abs(n) AS x", "abs(-2147483648)"),
        ("abs(big) AS x", "abs(-9223372036854775808)"),
    ] {
        let error = ask(select).expect_err("it does not fit");
        assert_eq!(error.message, format!("a whole number that does not fit its type: {said}"), "{select}");
        assert!(error.cure.is_some_and(|cure| cure.contains("DECIMAL")), "{select}");
    }
    assert_eq!(ask("abs(n) AS x").expect_err("it does not fit").column, Some(8));
    assert!(ask("-n AS x, -big AS y, big div -1 AS z").is_err());
    let good = "sum(-n) AS a, min(-big) AS b, min(big div -1) AS c";
    let answer = edges().ask(&format!("SELECT {good} FROM edges WHERE n > 0"), Limits::default());
    assert_eq!(answer.map(|answer| answer.num_rows()), Ok(1));
}

#[test]
fn sums_do_not_wrap() {
    let ask = |sql: &str| edges().ask(sql, Limits::default());
    for (sql, data_type) in [
        ("SELECT sum(big) AS x FROM (SELECT big FROM edges WHERE n > 0 UNION ALL SELECT 1 AS big)", "BIGINT"),
        ("SELECT sum(DISTINCT big) AS x FROM (SELECT big FROM edges WHERE n > 0 UNION ALL SELECT 1 AS big)", "BIGINT"),
        ("SELECT sum(price) AS x FROM edges", "DECIMAL(38,0)"),
        ("SELECT sum(DISTINCT price - n % 2) AS x FROM edges", "DECIMAL(38,0)"),
        ("SELECT n = 0 AS k, sum(price) AS x FROM edges GROUP BY n = 0", "DECIMAL(38,0)"),
        ("SELECT sum(price) OVER (ORDER BY n) AS x FROM edges", "DECIMAL(38,0)"),
        ("SELECT sum(price) OVER (ORDER BY n ROWS 1 PRECEDING) AS x FROM edges", "DECIMAL(38,0)"),
    ] {
        let error = ask(sql).expect_err(sql);
        assert_eq!(error.message, format!("a sum is too large for {data_type}"), "{sql}");
        assert!(error.column.is_some() && error.cure.is_some(), "{sql}");
    }
    let shown = |sql: &str| {
        let answer = ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let format = FormatOptions::default().with_null("NULL");
        let batch = answer.batches.first().expect("a row");
        let cells = |row: usize| {
            let cell = |column: &ArrayRef| {
                let column = ArrayFormatter::try_new(column, &format).expect("it can be shown");
                column.value(row).to_string()
            };
            batch.columns().iter().map(cell).collect::<Vec<_>>().join(",")
        };
        (0..batch.num_rows()).map(cells).collect::<Vec<_>>()
    };
    assert_eq!(shown("SELECT sum(big) AS x, sum(n) AS y, sum(DISTINCT n) AS z FROM edges"), ["-1,-1,-1"]);
    assert_eq!(shown("SELECT sum(n) AS x, sum(price) AS y FROM edges WHERE n = 0"), ["NULL,NULL"]);
    let grouped =
        "SELECT n > 0 AS k, sum(big) AS x, sum(big) FILTER (WHERE n < 0) AS y FROM edges GROUP BY n > 0 ORDER BY k";
    let lines = ["false,-9223372036854775808,-9223372036854775808", "true,9223372036854775807,NULL"];
    assert_eq!(shown(grouped), lines);
    let sliding = "SELECT sum(n) OVER (ORDER BY n ROWS 1 PRECEDING) AS x FROM edges ORDER BY n";
    assert_eq!(shown(sliding), ["-2147483648", "-1"]);
}

#[test]
fn what_needs_rows_that_end_is_answered() {
    let joined = "SELECT o.id, s.amount FROM orders o LEFT JOIN sales s ON o.at = s.at WHERE o.quantity <> 3 ORDER BY o.id DESC LIMIT 2";
    assert_eq!(cells(joined), ["id,amount", "c,", "b,4.000"]);
    let ranked = "SELECT id, row_number() OVER (ORDER BY quantity DESC) AS rank FROM orders ORDER BY rank LIMIT 1";
    assert_eq!(cells(ranked), ["id,rank", "a,1"]);
    assert!(ask("EXPLAIN SELECT count(*) FROM sales").is_ok_and(|answer| answer.num_rows() > 0));
    assert!(ask("SELECT now() AS n").is_ok());
}

/// The same SELECTs as a view's, in `a_condition_guards_the_one_behind_it`.
#[test]
fn a_condition_guards_the_one_behind_it() {
    let mut desk = desk();
    desk.add_view("guarded", "SELECT quantity AS q FROM orders WHERE quantity <> 2 AND 10 div (quantity - 2) > 1");
    let shown = |sql: &str| {
        let answer = desk.ask(sql, Limits::default()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let values = answer.batches.iter().map(|batch| {
            let column = arrow::compute::cast(batch.column(0), &DataType::Utf8).expect("a number has a text");
            let texts = column.as_string::<i32>().iter().map(|text| text.unwrap_or("NULL").to_owned());
            texts.collect::<Vec<_>>()
        });
        values.flatten().collect::<Vec<_>>()
    };
    let filtered = |condition: &str| shown(&format!("SELECT quantity FROM orders WHERE {condition} ORDER BY 1"));
    assert_eq!(filtered("quantity <> 2 AND 10 div (quantity - 2) > 1"), ["3"]);
    assert_eq!(filtered("10 div (quantity - 2) > 1 AND quantity <> 2"), ["3"]);
    assert_eq!(filtered("quantity = 2 OR 10 / (quantity - 2) > 1"), ["2", "3"]);
    assert_eq!(filtered("NOT (quantity = 2 OR 10 / (quantity - 2) < 1)"), ["3"]);
    assert_eq!(filtered("quantity <> 2 AND (quantity = 1 OR 10 / ((quantity - 2) * (quantity - 1)) > 1)"), ["1", "3"]);
    assert_eq!(shown("SELECT q FROM guarded"), ["3"]);
    let counted = "SELECT count(*) FILTER (WHERE quantity <> 2 AND 10 / (quantity - 2) > 1) AS n FROM orders";
    assert_eq!(shown(counted), ["1"]);
    let within = "SELECT sum(CASE WHEN quantity <> 2 AND 10 div (quantity - 2) > 1 THEN 1 ELSE 0 END) AS n FROM orders";
    assert_eq!(shown(within), ["1"]);
    let selected = "SELECT price > 1.9 AND 10 / (price - 2) > 1 AS x FROM orders WHERE quantity <> 2 ORDER BY quantity";
    assert_eq!(shown(selected), ["false", "false", "NULL"]);
}

#[test]
fn sets_of_groups_may_compute_something() {
    let sums = |groups: &str| {
        let columns = "sum(quantity) AS s, count(*) AS c FROM orders WHERE id <> 'b'";
        cells(&format!("SELECT {columns} GROUP BY {groups} ORDER BY s, c"))
    };
    assert_eq!(sums("ROLLUP (id, quantity + 1)"), ["s,c", "-4,1", "-4,1", "0,3", "1,1", "3,1", "4,2"]);
    assert_eq!(sums("CUBE (quantity + 1)"), ["s,c", "-4,1", "0,3", "1,1", "3,1"]);
    assert_eq!(sums("GROUPING SETS ((quantity + 1), ())"), ["s,c", "-4,1", "0,3", "1,1", "3,1"]);
    assert_eq!(sums("GROUPING SETS ((id, quantity / 2), (-quantity))").len(), 7);
    let named = "SELECT quantity + 1 AS q, sum(quantity) AS s FROM orders GROUP BY ROLLUP (quantity + 1) ORDER BY q";
    assert_eq!(cells(named), ["q,s", ",2", "-3,-4", "2,1", "3,2", "4,3"]);
}

#[test]
fn errors_say_where_and_what_to_do() {
    let error = ask("SELECT id,\n  quantty FROM orders").expect_err("there is no such column");
    assert_eq!((error.line, error.column), (Some(2), Some(3)));
    assert_eq!(error.cure.as_deref(), Some("did you mean `quantity`?"));
    let error = ask("SELECT * FROM ordes").expect_err("there is no such table");
    assert_eq!(error.cure.as_deref(), Some("did you mean `orders`?"));
    assert!(
        ask("SELECT summ(quantity) FROM orders")
            .is_err_and(|error| error.cure.is_some_and(|cure| cure.contains("`sum`")))
    );
    let error = ask("SELECT id FROM orders\nWHERE quantity = 'abc'").expect_err("the text is no number");
    assert_eq!((error.line, error.column), (Some(2), Some(18)));
    assert_eq!(error.message, "'abc' is compared with a number and is no INT");
    let error = ask("SELECT id FROM orders WHERE quantity = NULL").expect_err("it is never true");
    assert_eq!((error.column, error.cure.as_deref()), (Some(40), Some("write quantity IS NULL")));
    let error = ask("SELECT EXISTS (SELECT 1 FROM sales) AS e FROM orders").expect_err("it stands in no SELECT list");
    assert_eq!((error.column, error.message.as_str()), (Some(8), "EXISTS stands in WHERE and HAVING only"));
    let error = ask("SELECT id IN (SELECT id FROM sales) AS e FROM orders").expect_err("it stands in no SELECT list");
    assert_eq!((error.column, error.message.as_str()), (Some(11), "IN with a SELECT stands in WHERE and HAVING only"));
    let error = ask("SELECT upper(id, id) AS u FROM orders").expect_err("one argument too many");
    assert_eq!((error.column, error.message.as_str()), (Some(8), "`upper` takes 1 argument, not 2"));
}

#[test]
fn only_questions_are_answered() {
    for sql in [
        "",
        "DROP TABLE orders",
        "INSERT INTO orders SELECT * FROM orders",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY orders TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * INTO x FROM orders",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM information_schema.tables",
        "SHOW TABLES",
        "SELECT 1; SELECT 2",
        "EXPLAIN DROP TABLE orders",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
    ] {
        assert!(ask(sql).is_err(), "{sql}");
    }
}

#[test]
fn depth_is_bounded() {
    let sum = |terms: usize| format!("SELECT {} AS s FROM orders", vec!["quantity"; terms].join(" + "));
    let answer = ask(&sum(150));
    assert!(answer.is_ok(), "{answer:?}");
    assert!(ask(&sum(2_000)).is_err_and(|error| error.message.contains("operators")));
    let nested = format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(ask(&nested).is_err_and(|error| error.message.contains("parentheses")));
    let wide = format!(
        "SELECT * FROM orders WHERE quantity IN ({})",
        (0..5_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
    );
    assert!(ask(&wide).is_ok());
}

#[test]
fn rows_time_and_memory_are_bounded() {
    let mut desk = Desk::new();
    desk.add_table(None, "many", orders(1_000));
    let limits = Limits { rows: 10, ..Limits::default() };
    let answer = desk.ask("SELECT id FROM many", limits).expect("it is a question");
    assert_eq!((answer.num_rows(), answer.truncated), (10, true));
    let answer = desk.ask("SELECT id FROM many LIMIT 10", limits).expect("it is a question");
    assert_eq!((answer.num_rows(), answer.truncated), (10, false));

    desk.add_table(None, "endless", orders(usize::MAX));
    let short = Limits { timeout: Duration::from_millis(50), ..Limits::default() };
    let error = desk.ask("SELECT sum(quantity) AS s FROM endless", short).expect_err("it never ends");
    assert!(error.message.contains("longer than"), "{error}");

    let small = Limits { memory_bytes: 1 << 20, timeout: Duration::from_secs(60), ..Limits::default() };
    let error = desk.ask("SELECT * FROM endless ORDER BY id, at DESC", small).expect_err("it does not fit");
    assert!(error.message.contains("memory"), "{error}");
}

#[test]
fn what_is_distinct_ends_before_the_next_condition() {
    let sql = "SELECT true IS DISTINCT FROM false AND false AS a, 1 IS NOT DISTINCT FROM 2 OR true AS b, \
               quantity + 1 IS NOT DISTINCT FROM 2 + 1 AS c, NOT NULL IS DISTINCT FROM 1 AS d FROM orders WHERE id = 'b'";
    assert_eq!(cells(sql), ["a,b,c,d", "false,true,true,false"]);
}

#[test]
fn the_median_of_decimals_is_not_cut() {
    let halves = "SELECT median(v) AS m, median(v) FILTER (WHERE v < 2) AS f FROM \
                  (SELECT CAST(1.01 AS DECIMAL(9,2)) AS v UNION ALL SELECT CAST(1.00 AS DECIMAL(9,2)))";
    assert_eq!(cells(halves), ["m,f", "1.005,1.005"]);
}
