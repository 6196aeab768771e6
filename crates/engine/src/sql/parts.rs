//! Parts of a time, by the names that Spark has for them: `extract(dow FROM t)`, `date_part('dow', t)`.

use datafusion::sql::sqlparser::ast::{DateTimeField, Expr};
use millrace_flow::Span;

use super::nearest::did_you_mean;
use super::text::Problem;

/// The names of each part, and the words for it; `_0` is the time. Days of the week begin with Sunday as 1, those of ISO with
/// Monday.
const PARTS: [(&[&str], &str); 16] = [
    (&["year", "years", "y", "yr", "yrs"], "date_part('year', _0)"),
    (&["yearofweek", "isoyear"], "date_part('isoyear', _0)"),
    (&["quarter", "qtr"], "date_part('quarter', _0)"),
    (&["month", "months", "mon", "mons"], "date_part('month', _0)"),
    (&["week", "weeks", "w"], "date_part('week', _0)"),
    (&["day", "days", "d"], "date_part('day', _0)"),
    (&["dayofweek", "dow"], "CAST(date_part('dow', _0) + 1 AS INT)"),
    (&["dayofweek_iso", "dow_iso", "isodow"], "date_part('isodow', _0)"),
    (&["doy", "dayofyear"], "date_part('doy', _0)"),
    (&["hour", "hours", "h", "hr", "hrs"], "date_part('hour', _0)"),
    (&["minute", "minutes", "m", "min", "mins"], "date_part('minute', _0)"),
    (&["second", "seconds", "s", "sec", "secs"], "date_part('second', _0)"),
    (&["millisecond", "milliseconds"], "date_part('millisecond', _0)"),
    (&["microsecond", "microseconds"], "date_part('microsecond', _0)"),
    (&["nanosecond", "nanoseconds"], "date_part('nanosecond', _0)"),
    (&["epoch"], "date_part('epoch', _0)"),
];

/// The words for the part that is called `name`, which stands at `span`.
pub(super) fn words_for(name: &str, span: Span) -> Result<&'static str, Problem> {
    let folded = name.to_lowercase();
    let found = PARTS.iter().find(|(names, _)| names.contains(&folded.as_str()));
    found.map(|(_, words)| *words).ok_or_else(|| {
        let names = PARTS.iter().filter_map(|(names, _)| names.first().copied());
        let all = || {
            let names: Vec<&str> = names.clone().filter(|name| !name.starts_with("nano")).collect();
            Some(format!("the parts are {}", names.join(", ")))
        };
        Problem::new(span, format!("`{name}` is no part of a time")).maybe_cure(did_you_mean(
            &folded,
            names.clone(),
            all,
        ))
    })
}

/// The name of the part in `extract(part FROM …)`.
pub(super) fn name_of_field(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(name) => name.value.clone(),
        known => known.to_string(),
    }
}

/// The name of a unit in the words of `date_trunc`.
pub(super) fn unit_name(unit: &str) -> &str {
    match unit.to_ascii_lowercase().as_str() {
        "year" | "yyyy" | "yy" => "year",
        "quarter" => "quarter",
        "month" | "mon" | "mm" => "month",
        "week" => "week",
        "day" | "dd" => "day",
        "hour" => "hour",
        "minute" => "minute",
        "second" => "second",
        "millisecond" => "millisecond",
        "microsecond" => "microsecond",
        _ => unit,
    }
}

/// What is wrong with a call whose unit and time changed places, or of which one is missing. `date_trunc` begins with the unit,
/// `trunc` with the time.
pub(super) fn check_truncation(
    name: &str,
    arguments: &[Expr],
    is_unit: impl Fn(&Expr) -> bool,
    span: Span,
) -> Option<Problem> {
    let (unit, example) = match name {
        "date_trunc" => (0, "date_trunc('day', sold_at)"),
        "trunc" => (1, "trunc(sold_at, 'month')"),
        _ => return None,
    };
    let message = match arguments {
        [first, second] => {
            let (unit, time) = if unit == 0 { (first, second) } else { (second, first) };
            let is_swapped = is_unit(time) && !is_unit(unit);
            is_swapped.then(|| format!("the unit and the time of `{name}` have changed places"))
        }
        // There is a `trunc` of numbers as well.
        _ => (name == "date_trunc").then(|| format!("`{name}` takes 2 arguments, not {}", arguments.len())),
    };
    message.map(|message| Problem::new(span, message).cure(format!("write it as in {example}")))
}
