//! Regular expressions in Spark's clothes: `regexp_replace` and `regexp_extract`.
//!
//! The syntax is that of the `regex` crate, which runs in linear time: no look-around and no back-references.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::simple;

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::{Int64, Utf8};
    vec![
        simple("regexp_replace", vec![Utf8, Utf8, Utf8], Utf8, replace),
        simple("regexp_extract", vec![Utf8, Utf8, Int64], Utf8, extract),
    ]
}

/// Patterns that a thread keeps compiled. They are constants of SELECTs nearly always; a column of patterns pays for each.
const COMPILED_MAX: usize = 64;

/// The pattern of the row before, compiled: patterns are nearly always the same in every row.
#[derive(Default)]
struct Compiled(Option<(String, Regex)>);

impl Compiled {
    fn get(&mut self, pattern: &str) -> Result<&Regex> {
        if self.0.as_ref().is_none_or(|(known, _)| known != pattern) {
            self.0 = Some((pattern.to_owned(), compiled(pattern)?));
        }
        Ok(&self.0.as_ref().expect("it was just put there").1)
    }
}

/// A pattern, compiled before if it was: one that fails for some row is asked for again and again, for ever fewer rows.
fn compiled(pattern: &str) -> Result<Regex> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(pattern).cloned()) {
        return Ok(known);
    }
    let wrong = |error: regex::Error| -> DataFusionError {
        // The lines before the last show the pattern and where in it; ours are a line each.
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        exec_datafusion_err!("`{pattern}` is no regular expression: {reason}")
    };
    let regex = Regex::new(pattern).map_err(wrong)?;
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= COMPILED_MAX {
            known.clear();
        }
        known.insert(pattern.to_owned(), regex.clone());
    });
    Ok(regex)
}

fn replace(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, patterns, replacements] = [0, 1, 2].map(|index| arguments[index].as_string::<i32>());
    let mut compiled = Compiled::default();
    let mut replaced = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        if texts.is_null(row) || patterns.is_null(row) || replacements.is_null(row) {
            replaced.push(None);
            continue;
        }
        let replacement = braced_groups(replacements.value(row));
        let regex = compiled.get(patterns.value(row))?;
        replaced.push(Some(regex.replace_all(texts.value(row), replacement.as_str()).into_owned()));
    }
    Ok(Arc::new(StringArray::from(replaced)))
}

/// `$1x` means group 1 and an `x` to Spark, the group `1x` to the crate.
fn braced_groups(replacement: &str) -> String {
    let mut braced = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        braced.push_str(before);
        match &after[..digits] {
            "" => braced.push('$'),
            group => braced.push_str(&format!("${{{group}}}")),
        }
        rest = &after[digits..];
    }
    braced.push_str(rest);
    braced
}

fn extract(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, patterns] = [0, 1].map(|index| arguments[index].as_string::<i32>());
    let groups = arguments[2].as_primitive::<Int64Type>();
    let mut compiled = Compiled::default();
    let mut extracted = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        if texts.is_null(row) || patterns.is_null(row) || groups.is_null(row) {
            extracted.push(None);
            continue;
        }
        let (pattern, group) = (patterns.value(row), groups.value(row));
        let regex = compiled.get(pattern)?;
        let group = usize::try_from(group).ok().filter(|group| *group < regex.captures_len());
        let group = group.ok_or_else(|| exec_datafusion_err!("`{pattern}` has no group {}", groups.value(row)))?;
        let captures = regex.captures(texts.value(row));
        let found = captures.and_then(|captures| captures.get(group).map(|found| found.as_str().to_owned()));
        extracted.push(Some(found.unwrap_or_default()));
    }
    Ok(Arc::new(StringArray::from(extracted)))
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn groups_are_put_in_and_taken_out() {
        let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let replaced = replace(&[text("a-17 b-4"), text(r"([a-z])-(\d+)"), text("$2x$1")]).expect("a good pattern");
        assert_eq!(replaced.as_string::<i32>().value(0), "17xa 4xb");
        assert!(replace(&[text("a"), text("("), text("")]).is_err());
        let group = |pattern: &str, group: i64| {
            extract(&[text("a-17"), text(pattern), Arc::new(Int64Array::from(vec![group]))])
                .map(|found| found.as_string::<i32>().value(0).to_owned())
        };
        assert_eq!(group(r"([a-z])-(\d+)", 2).expect("two groups"), "17");
        assert_eq!(group("[a-z]-", 0).expect("the whole match"), "a-");
        assert_eq!(group("(x)?-", 1).expect("a group that matches nothing"), "");
        assert!(group("[a-z]-", 1).is_err() && group("(a)", -1).is_err());
    }
}
