//! Queries in words: one line an operator, the output first.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use millrace_flow::TopicKind;

use super::lower::unguarded;
use super::{AggregateCall, Emit, Group, Input, Query, RowStep};
use crate::sql::show_micros;

impl Query {
    /// The operators as indented text, from the output down to the topics.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (depth, (kind, detail)) in self.operators().into_iter().rev().enumerate() {
            let _ = writeln!(text, "{:indent$}{kind}: {detail}", "", indent = depth * 2);
        }
        let mut inputs = self.inputs.iter();
        let depth = self.operators().len();
        for input in inputs.by_ref() {
            for (nested, (kind, detail)) in operators_of(input).into_iter().rev().enumerate() {
                let _ = writeln!(text, "{:indent$}{kind}: {detail}", "", indent = (depth + nested) * 2);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The operators from the topics to the output, as `(kind, detail)`.
    pub fn stages(&self) -> Vec<(String, String)> {
        let own = self.operators().into_iter();
        let all = self.inputs.iter().flat_map(operators_of).chain(own);
        all.map(|(kind, detail)| (kind.to_owned(), detail)).collect()
    }

    /// Everything after the inputs' own steps.
    fn operators(&self) -> Vec<(&'static str, String)> {
        let mut operators = Vec::new();
        if let Some(dedup) = &self.dedup {
            let schema = self.stepped_schema();
            let names: Vec<&str> = dedup.columns.iter().map(|column| schema.field(*column).name().as_str()).collect();
            let kept = match dedup.time {
                Some(time) => format!("remembered until the watermark passes {}", schema.field(time).name()),
                None => "remembered for ever".to_owned(),
            };
            operators.push(("dedup", format!("by {} ({kept})", names.join(", "))));
        }
        if let Some(aggregate) = &self.aggregate {
            let groups: Vec<String> = aggregate.groups.iter().map(show_group).collect();
            let calls: Vec<String> = aggregate.calls.iter().map(show_call).collect();
            let by = if groups.is_empty() { "one group for everything".to_owned() } else { groups.join(", ") };
            operators.push(("aggregate", format!("by {by}: {}", calls.join(", "))));
        }
        operators.extend(self.steps.iter().map(stage_of));
        let emit = match (self.emit, &self.aggregate) {
            (_, None) => "each row".to_owned(),
            (Emit::Changes, _) => "changes".to_owned(),
            (Emit::OnWindowClose, _) => "when a window closes".to_owned(),
        };
        let kind = if self.output.kind == TopicKind::Upserts { "upserts" } else { "rows" };
        let lateness = match self.allowed_lateness_us {
            0 => String::new(),
            lateness => format!(", {} late at most", show_micros(lateness)),
        };
        operators.push(("emit", format!("{emit} to topic {} ({kind}){lateness}", self.name)));
        operators
    }
}

fn operators_of(input: &Input) -> Vec<(&'static str, String)> {
    let watermark = input.watermark.map(|watermark| {
        let name = input.schema.field(watermark.column).name();
        match watermark.delay_us {
            0 => format!(", watermark {name}"),
            delay => format!(", watermark {name} - {}", show_micros(delay)),
        }
    });
    let mut operators = vec![("read", format!("topic {}{}", input.topic, watermark.unwrap_or_default()))];
    operators.extend(input.steps.iter().map(stage_of));
    operators
}

fn stage_of(step: &RowStep) -> (&'static str, String) {
    let kind = if matches!(step, RowStep::Filter(_)) { "filter" } else { "project" };
    (kind, show_step(step))
}

/// An expression as SQL, columns by name.
pub(super) fn show(expr: &Arc<dyn PhysicalExpr>) -> String {
    fmt_sql(unguarded(expr).as_ref()).to_string()
}

pub(super) fn show_step(step: &RowStep) -> String {
    match step {
        RowStep::Filter(predicate) => show(predicate),
        RowStep::Project { columns, schema } => {
            let column = |(expr, field): (&Arc<dyn PhysicalExpr>, &Arc<arrow::datatypes::Field>)| {
                let shown = show(expr);
                if shown == *field.name() { shown } else { format!("{shown} AS {}", field.name()) }
            };
            columns.iter().zip(schema.fields()).map(column).collect::<Vec<_>>().join(", ")
        }
    }
}

pub(super) fn show_group(group: &Group) -> String {
    match group {
        Group::Key(key) => show(key),
        Group::Window(window) => {
            let mut text = format!("window({}, {}", show(&window.time), show_micros(window.size_us));
            if window.slide_us != window.size_us {
                let _ = write!(text, " every {}", show_micros(window.slide_us));
            }
            if window.start_us != 0 {
                let _ = write!(text, " from {}", show_micros(window.start_us));
            }
            text + ")"
        }
    }
}

pub(super) fn show_call(call: &AggregateCall) -> String {
    let function = &call.function;
    let arguments: Vec<String> = function.expressions().iter().map(show).collect();
    let distinct = if function.is_distinct() { "DISTINCT " } else { "" };
    let filter = call.filter.as_ref().map(|filter| format!(" where {}", show(filter)));
    format!("{}({distinct}{}){}", function.fun().name(), arguments.join(", "), filter.unwrap_or_default())
}
