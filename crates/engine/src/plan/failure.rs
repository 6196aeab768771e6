//! What the planner behind us complains of, in words for people.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span as TokenSpan};
use millrace_flow::Span;

use crate::sql::{Problem, did_you_mean, span_of};

/// The problem behind `error`; at `otherwise` if the error does not say where.
pub(crate) fn problem_of(error: &DataFusionError, otherwise: Span) -> Problem {
    let root = error.find_root();
    let diagnostic = error.diagnostic();
    let place = diagnostic.and_then(|diagnostic| diagnostic.span).map(|span| {
        let at = |place: datafusion::common::Location| Location::new(place.line, place.column);
        span_of(TokenSpan::new(at(span.start), at(span.end)))
    });
    let span = place.unwrap_or(otherwise);
    if let DataFusionError::SchemaError(schema, _) = root {
        return schema_problem(schema, span);
    }
    if let DataFusionError::ArrowError(error, _) = root
        && matches!(**error, ArrowError::DivideByZero)
    {
        return Problem::new(span, reason_of_arrow(error))
            .cure("divide by nullif(x, 0), or with try_divide(a, b): both give NULL then");
    }
    let message = plain_words(&root.strip_backtrace());
    if message.starts_with("projections require unique expression names") {
        return Problem::new(span, "two columns have the same name").cure("rename one of them with AS");
    }
    let help = diagnostic.and_then(|diagnostic| diagnostic.helps.first().map(|help| help.message.clone()));
    Problem::new(span, message).maybe_cure(help.map(|help| plain_words(&help)))
}

/// What is wrong, in one line: the reason that a row is given to go to the dead letters.
pub(crate) fn reason_of(error: &DataFusionError) -> String {
    problem_of(error, Span::default()).message
}

/// The same of an error of the columns' own.
pub(crate) fn reason_of_arrow(error: &ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => "a division by zero".to_owned(),
        other => plain_words(&other.to_string()),
    }
}

fn schema_problem(error: &SchemaError, span: Span) -> Problem {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            let all = || Some(format!("the columns here are {}", names.join(", "))).filter(|_| !names.is_empty());
            let cure = did_you_mean(&field.name, names.iter().copied(), all);
            Problem::new(span, format!("column `{}` does not exist here", field.flat_name())).maybe_cure(cure)
        }
        SchemaError::AmbiguousReference { field } => {
            Problem::new(span, format!("`{}` could be the column of more than one table", field.name))
                .cure("write the table's name before it: table.column")
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Problem::new(span, format!("two columns are called `{name}`")).cure("rename one of them with AS")
        }
    }
}

/// The first line of a message, without the layers it came through.
fn plain_words(message: &str) -> String {
    // A function's own words about its arguments come within words about functions.
    let own = message.split_once("coercion failed with: ").map(|(_, own)| own.split(". No function matches").next());
    let mut message = own.flatten().unwrap_or(message).trim();
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
    let message = message.lines().next().unwrap_or_default();
    // What follows lists all ways to call a function, in the planner's types.
    let message = message.split(". No function matches").next().unwrap_or_default();
    // What follows repeats the columns and the groups in the planner's words.
    let message = message.split(": While expanding wildcard").next().unwrap_or_default().trim_end_matches('.');
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
