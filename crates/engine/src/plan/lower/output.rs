//! What a query writes: columns, kind, keys, event time; and the query as a whole.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::physical_expr::expressions::Column;
use millrace_flow::TopicKind;

use super::expression::{Physical, as_column, as_field, before_steps, project, schema_after, truncates};
use super::rows::{Rows, Stream};
use super::{Place, Refusal, Request, Result};
use crate::plan::fingerprint::fingerprint;
use crate::plan::type_names::in_plain_types;
use crate::plan::{Aggregate, Emit, Group, Input, Output, Query, RowStep};

/// Puts a query together.
pub(super) fn finish(
    request: Request,
    mut rows: Rows,
    aggregate: Option<Aggregate>,
    mut steps: Vec<RowStep>,
) -> Result<Query> {
    steps.append(&mut rows.after);
    let before = aggregate.as_ref().map_or_else(|| rows.stepped(), |aggregate| aggregate.schema.clone());
    let schema = output_schema(&request, &schema_after(&steps, &before))?;
    // Without an aggregate or a dedup everything is done at the inputs, where the work is shared.
    if aggregate.is_none() && rows.dedup.is_none() {
        for stream in &mut rows.streams {
            name_columns(&mut stream.steps, &stream.source.schema, &schema)?;
        }
    } else {
        name_columns(&mut steps, &before, &schema)?;
    }
    let output = describe(&request, &rows, aggregate.as_ref(), &steps, schema)?;
    let inputs: Vec<Input> = rows.streams.into_iter().map(input_of).collect();
    let allowed_lateness_us = request.allowed_lateness_us.unwrap_or(0);
    let (fingerprint, fingerprint_text) =
        fingerprint(&inputs, rows.dedup.as_ref(), aggregate.as_ref(), &steps, allowed_lateness_us);
    Ok(Query {
        name: request.name,
        sql: request.sql,
        inputs,
        dedup: rows.dedup,
        aggregate,
        steps,
        emit: request.emit,
        allowed_lateness_us,
        output,
        fingerprint,
        fingerprint_text,
    })
}

fn input_of(stream: Stream) -> Input {
    let Stream { source, steps } = stream;
    Input { topic: source.topic, schema: source.schema, kind: source.kind, watermark: source.watermark, steps }
}

/// The columns as they are spelled; only types that a topic and a table can hold.
fn output_schema(request: &Request, schema: &SchemaRef) -> Result<SchemaRef> {
    let mut fields = Vec::new();
    for (field, name) in schema.fields().iter().zip(&request.columns) {
        if !is_stored(field.data_type()) {
            let cure = match field.data_type() {
                DataType::Struct(_) => {
                    "select its fields instead: window.start AS window_start, window.end AS window_end"
                }
                DataType::List(_) => "use count(DISTINCT …), max_by or string_agg instead of a list",
                DataType::Interval(_) | DataType::Duration(_) => "cast it: CAST(date_part('epoch', …) AS BIGINT)",
                _ => "cast it to a type that a source can have",
            };
            let what = match field.data_type() {
                DataType::Struct(_) => "window or another struct".to_owned(),
                DataType::List(_) => "list".to_owned(),
                DataType::Interval(_) | DataType::Duration(_) => "length of time".to_owned(),
                other => in_plain_types(&other.to_string()),
            };
            let message = format!("column `{name}` is a {what}, which a view cannot hold");
            return Err(Refusal::new(Place::Output(field.name().clone()), message, cure));
        }
        fields.push(Field::new(name, field.data_type().clone(), true));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn is_stored(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Boolean
            | DataType::Date32
            | DataType::Decimal128(_, _)
            | DataType::Timestamp(TimeUnit::Microsecond, None)
    )
}

/// Makes the last columns be called as in `schema`.
fn name_columns(steps: &mut Vec<RowStep>, before: &SchemaRef, schema: &SchemaRef) -> Result<()> {
    let present = schema_after(steps, before);
    if present == *schema {
        return Ok(());
    }
    if let Some(RowStep::Project { schema: last, .. }) = steps.last_mut() {
        *last = schema.clone();
        return Ok(());
    }
    let column = |(index, field): (usize, &Arc<Field>)| Arc::new(Column::new(field.name(), index)) as Physical;
    let columns = present.fields().iter().enumerate().map(column).collect();
    steps.push(project(columns, schema.fields().iter().map(|field| field.name().clone()), &present)?);
    Ok(())
}

fn describe(
    request: &Request,
    rows: &Rows,
    aggregate: Option<&Aggregate>,
    steps: &[RowStep],
    schema: SchemaRef,
) -> Result<Output> {
    let origins = (0..schema.fields().len()).map(|index| {
        let column: Physical = Arc::new(Column::new(schema.field(index).name(), index));
        before_steps(&column, steps)
    });
    let origins = origins.collect::<Result<Vec<_>>>()?;
    let (kind, key_columns, event_time) = match aggregate {
        Some(aggregate) => {
            let kind = if request.emit == Emit::OnWindowClose { TopicKind::Rows } else { TopicKind::Upserts };
            (kind, key_columns(aggregate, &origins), group_time(rows, aggregate, &origins)?)
        }
        None => {
            let changing = rows.streams.iter().any(|stream| stream.source.kind == TopicKind::Upserts);
            let kind = if changing { TopicKind::Upserts } else { TopicKind::Rows };
            (kind, passed_keys(rows, &origins)?, passed_time(rows, &origins)?)
        }
    };
    let is_time = |index: &usize| *schema.field(*index).data_type() == DataType::Timestamp(TimeUnit::Microsecond, None);
    Ok(Output { event_time: event_time.filter(is_time), schema, kind, partitions: 1, key_columns })
}

/// For each group the first output column that carries it: a window's is its start.
fn key_columns(aggregate: &Aggregate, origins: &[Physical]) -> Vec<usize> {
    let carries = |index: usize, group: &Group, origin: &Physical| match group {
        Group::Window(_) => {
            as_field(uncast(origin)).is_some_and(|(whole, bound)| bound == "start" && as_column(whole) == Some(index))
        }
        Group::Key(_) => as_column(origin) == Some(index),
    };
    let column = |(index, group): (usize, &Group)| origins.iter().position(|origin| carries(index, group, origin));
    aggregate.groups.iter().enumerate().filter_map(column).collect()
}

fn uncast(expr: &Physical) -> &Physical {
    match expr.downcast_ref::<datafusion::physical_expr::expressions::CastExpr>() {
        Some(cast) => uncast(cast.expr()),
        None => expr,
    }
}

/// The output column with the time of a group: the window's start, or a group that is the event time or cuts it to a unit
/// of the calendar.
fn group_time(rows: &Rows, aggregate: &Aggregate, origins: &[Physical]) -> Result<Option<usize>> {
    for (index, group) in aggregate.groups.iter().enumerate() {
        let found = match group {
            Group::Window(_) => origins.iter().position(|origin| {
                as_field(uncast(origin))
                    .is_some_and(|(whole, bound)| bound == "start" && as_column(whole) == Some(index))
            }),
            Group::Key(key) if is_time_of_all(rows, key)? => {
                origins.iter().position(|origin| as_column(origin) == Some(index))
            }
            Group::Key(_) => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Whether `key` is the event time or a unit of the calendar that it is in, whatever the topic.
fn is_time_of_all(rows: &Rows, key: &Physical) -> Result<bool> {
    for stream in &rows.streams {
        let Some(time) = stream.source.time else { return Ok(false) };
        let origin = before_steps(key, &stream.steps)?;
        if as_column(&origin) != Some(time) && truncates(&origin, time).is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The keys of rows that replace one another, where they are all passed on.
fn passed_keys(rows: &Rows, origins: &[Physical]) -> Result<Vec<usize>> {
    let [stream] = rows.streams.as_slice() else { return Ok(Vec::new()) };
    let mut columns = Vec::new();
    for key in &stream.source.key {
        for (index, origin) in origins.iter().enumerate() {
            if as_column(&before_steps(origin, &stream.steps)?) == Some(*key) {
                columns.push(index);
                break;
            }
        }
    }
    if columns.len() < stream.source.key.len() {
        columns.clear();
    }
    Ok(columns)
}

/// The output column that is the event time of the rows.
fn passed_time(rows: &Rows, origins: &[Physical]) -> Result<Option<usize>> {
    for (index, origin) in origins.iter().enumerate() {
        let is_time = |all: bool, stream: &Stream| Ok::<_, Refusal>(all && stream.is_time(origin)?);
        if rows.streams.iter().try_fold(true, is_time)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Column for the time axis of charts, and the length of what one row covers, for a query that is put together.
pub(crate) fn time_axis(query: &Query) -> (Option<usize>, Option<i64>) {
    let Some(aggregate) = &query.aggregate else { return (query.output.event_time, None) };
    let origin_of = |index: usize| {
        let column: Physical = Arc::new(Column::new("", index));
        before_steps(&column, &query.steps).ok()
    };
    for (index, group) in aggregate.groups.iter().enumerate() {
        let carried = |output: &usize| origin_of(*output).is_some_and(|origin| as_column(&origin) == Some(index));
        match group {
            Group::Window(window) => return (query.output.event_time, Some(window.size_us / 1_000)),
            Group::Key(key) => {
                let times = query.inputs.iter().map(|input| {
                    let time = input.watermark.map(|watermark| watermark.column)?;
                    truncates(&before_steps(key, &input.steps).ok()?, time)
                });
                let mut lengths = times.map(|truncated| truncated.map(|truncated| truncated.length_ms));
                if let Some(Some(length_ms)) = lengths.next() {
                    let column = (0..query.output.schema.fields().len()).find(carried);
                    return (column.or(query.output.event_time), length_ms);
                }
            }
        }
    }
    (query.output.event_time, None)
}
