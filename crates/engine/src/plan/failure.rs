//! What the planner behind us complains of, in words for people.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span as TokenSpan};

use super::complaint::{Complaint, Spot};
use super::type_names::in_plain_types;
use super::words::translate;
use crate::sql::{did_you_mean, span_of};

/// What `error` says, and about which part of the text.
pub(crate) fn complaint_of(error: &DataFusionError) -> Complaint {
    let root = error.find_root();
    if let DataFusionError::External(own) = root {
        // What is no complaint is somebody else's error, in his words.
        let complaint = own.downcast_ref::<Complaint>().cloned();
        return complaint.unwrap_or_else(|| of_message(&own.to_string(), || None));
    }
    let diagnostic = error.diagnostic();
    let place = diagnostic.and_then(|diagnostic| diagnostic.span).map(|span| {
        let at = |place: datafusion::common::Location| Location::new(place.line, place.column);
        Spot::At(span_of(TokenSpan::new(at(span.start), at(span.end))))
    });
    let mut complaint = match root {
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::ArrowError(error, _) if matches!(**error, ArrowError::DivideByZero) => division_by_zero(error),
        _ => of_message(&root.strip_backtrace(), || {
            let help = diagnostic.and_then(|diagnostic| diagnostic.helps.first());
            help.map(|help| plain_words(&help.message))
        }),
    };
    // Two columns of one name are shown where the second is named.
    if let (Some(place), false) = (place, matches!(complaint.spot, Spot::Twice(_))) {
        complaint.spot = place;
    }
    complaint
}

/// What is wrong, in one line: the reason that a row is given to go to the dead letters.
pub(crate) fn reason_of(error: &DataFusionError) -> String {
    complaint_of(error).message
}

/// The same of an error of the columns' own.
pub(crate) fn reason_of_arrow(error: &ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => division_by_zero(error).message,
        other => of_message(&other.to_string(), || None).message,
    }
}

fn division_by_zero(_: &ArrowError) -> Complaint {
    let cure = "divide by nullif(x, 0), or with try_divide(a, b): both give NULL then";
    Complaint::new("a division by zero", cure, Spot::Division)
}

fn of_message(message: &str, help: impl FnOnce() -> Option<String>) -> Complaint {
    // What follows lists all ways to call a function, in the planner's types.
    let message = message.split(". No function matches").next().unwrap_or_default();
    if let Some(complaint) = translate(without_layers(message)) {
        return complaint;
    }
    let message = plain_words(message);
    if message.starts_with("projections require unique expression names") {
        let name = message.rsplit(" AS ").next().unwrap_or_default();
        let name = name.chars().take_while(|c| *c == '_' || c.is_alphanumeric()).collect();
        return Complaint::new("two columns have the same name", "rename one of them with AS", Spot::Twice(name));
    }
    Complaint { message, cure: help(), spot: Spot::Nowhere }
}

fn of_schema(error: &SchemaError) -> Complaint {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            let all = || Some(format!("the columns here are {}", names.join(", "))).filter(|_| !names.is_empty());
            let cure = did_you_mean(&field.name, names.iter().copied(), all);
            let message = format!("column `{}` does not exist here", field.flat_name());
            Complaint { message, cure, spot: Spot::Nowhere }
        }
        SchemaError::AmbiguousReference { field } => Complaint::new(
            format!("`{}` could be the column of more than one table", field.name),
            "write the table's name before it: table.column",
            Spot::Twice(field.name.clone()),
        ),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            let message = format!("two columns are called `{name}`");
            Complaint::new(message, "rename one of them with AS", Spot::Twice(name.clone()))
        }
    }
}

/// A message without the layers it came through.
fn without_layers(message: &str) -> &str {
    // A function's own words about its arguments come within words about functions.
    let own = message.split_once("coercion failed with: ").map(|(_, own)| own);
    let mut message = own.unwrap_or(message).trim();
    for layer in [
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Internal error: ",
        "Optimizer rule ",
        "Arrow error: ",
        "Invalid or Unsupported Configuration: ",
    ] {
        message = message.strip_prefix(layer).unwrap_or(message);
    }
    message
}

/// The first line of a message that nobody has said better, in plain types and without what is for programmers.
fn plain_words(message: &str) -> String {
    let message = without_layers(message).lines().next().unwrap_or_default();
    // What follows repeats the columns and the groups in the planner's words.
    let message = message.split(": While expanding wildcard").next().unwrap_or_default().trim_end_matches('.');
    let message = in_plain_types(without_dump(message));
    let mut letters = message.chars();
    let Some(first) = letters.next() else { return String::new() };
    // `UNION …` keeps its capitals.
    if letters.clone().next().is_some_and(char::is_uppercase) {
        return message;
    }
    first.to_lowercase().chain(letters).collect()
}

/// A message up to the first value in it that is written as the program itself writes it: `Name { field: … }`.
fn without_dump(message: &str) -> &str {
    let dump = message.match_indices(" {").map(|(at, _)| &message[..at]).find_map(|before| {
        let word = before.rsplit(' ').next()?;
        let is_type = word.len() > 1 && word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
        is_type.then(|| before[..before.len() - word.len()].trim_end())
    });
    dump.unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_said_without_dumps_and_types() {
        let said = |message: &str| of_message(message, || None).message;
        assert_eq!(said("Error during planning: Strange thing Foo { bar: 1 } here"), "strange thing");
        assert_eq!(
            said("Error during planning: No way from Utf8 to Int64. No function matches"),
            "no way from STRING to BIGINT"
        );
        assert_eq!(said("UNION of what"), "UNION of what");
    }
}
