//! Dates as Spark counts them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int32Array};
use arrow::compute::binary;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::simple;

pub(super) fn functions() -> Vec<ScalarUDF> {
    const DAY: DataType = DataType::Date32;
    // A number that somebody writes is a BIGINT; an INT column becomes one without a word.
    const COUNT: DataType = DataType::Int64;
    vec![
        simple("datediff", vec![DAY, DAY], DataType::Int32, |a| {
            let days: Int32Array =
                binary(a[0].as_primitive::<Date32Type>(), a[1].as_primitive::<Date32Type>(), |end, start| end - start)?;
            Ok(Arc::new(days))
        }),
        simple("date_add", vec![DAY, COUNT], DAY, |a| moved(a, |day, days| day.checked_add(days))),
        simple("date_sub", vec![DAY, COUNT], DAY, |a| moved(a, |day, days| day.checked_sub(days))),
        simple("add_months", vec![DAY, COUNT], DAY, |a| moved(a, add_months)),
        simple("last_day", vec![DAY], DAY, |a| {
            let last = |day: i32| date(day).and_then(last_of_month).map(number);
            let days: Date32Array = a[0].as_primitive::<Date32Type>().iter().map(|day| day.and_then(last)).collect();
            Ok(Arc::new(days))
        }),
    ]
}

fn moved(arguments: &[ArrayRef], by: fn(i32, i32) -> Option<i32>) -> Result<ArrayRef> {
    let days = arguments[0].as_primitive::<Date32Type>().iter();
    let counts = arguments[1].as_primitive::<Int64Type>().iter();
    let moved: Date32Array = days.zip(counts).map(|(day, count)| by(day?, i32::try_from(count?).ok()?)).collect();
    Ok(Arc::new(moved))
}

fn add_months(day: i32, months: i32) -> Option<i32> {
    let (day, count) = (date(day)?, Months::new(months.unsigned_abs()));
    let moved = if months < 0 { day.checked_sub_months(count) } else { day.checked_add_months(count) };
    moved.map(number)
}

fn last_of_month(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))
}

fn date(day: i32) -> Option<NaiveDate> {
    Date32Type::to_naive_date_opt(day)
}

fn number(day: NaiveDate) -> i32 {
    Date32Type::from_naive_date(day)
}
