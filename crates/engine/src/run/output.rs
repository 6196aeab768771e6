//! From rows of the aggregate to records of the output topic.
//!
//! The key of a record is the group as a compact JSON object, so that any tool can read it:
//! `{"window_start":"2010-12-01T08:25:00","country":"France"}`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, UInt32Array, new_null_array};
use arrow::datatypes::{DataType, Schema, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_flow::{Batch, LogWriter, TopicPartition, partition_for_key};

use super::error::EngineError;
use super::state::AggregateState;
use super::steps::run_steps;
use crate::plan::{Aggregate, Group, Output, Query};

/// How times are written in keys.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// What changed groups come to.
pub(super) struct Changed {
    /// The records that bring the output topic up to date.
    pub(super) batches: Vec<Batch>,
    /// The groups that an expression failed on, by their places among the groups, and why.
    pub(super) failed: Vec<(usize, String)>,
    /// The groups and what was aggregated of them, before anything was computed of that.
    pub(super) evaluated: RecordBatch,
}

/// The records that bring the output topic up to date for `groups`.
pub(super) fn changed_rows(
    query: &Query,
    state: &mut AggregateState,
    groups: &[u32],
    now_ms: i64,
) -> Result<Changed, EngineError> {
    if groups.is_empty() {
        let evaluated = RecordBatch::new_empty(Arc::new(Schema::empty()));
        return Ok(Changed { batches: Vec::new(), failed: Vec::new(), evaluated });
    }
    let aggregate = query.aggregate.as_ref().expect("only a query with an aggregate has changed groups");
    let evaluated = state.evaluate(groups)?;
    let stepped = run_steps(&evaluated, &query.steps)?;
    let mut is_out = vec![false; groups.len()];
    for row in 0..stepped.batch.num_rows() {
        is_out[stepped.origin(row)] = true;
    }
    let gone: Vec<u32> = (0..groups.len())
        .filter(|row| !is_out[*row] && state.is_emitted(groups[*row]))
        .map(|row| u32::try_from(row).expect("an epoch changes fewer than 2^32 groups"))
        .collect();
    for (row, group) in groups.iter().enumerate() {
        state.set_emitted(*group, is_out[row]);
    }
    let names = key_names(aggregate, &query.output);
    let mut batches = Vec::new();
    if stepped.batch.num_rows() > 0 {
        let keyed = match &stepped.kept {
            Some(kept) => arrow::compute::take_record_batch(&evaluated, kept)?,
            None => evaluated.clone(),
        };
        let keys = encode_keys(&names, &keyed)?;
        let times_ms = record_times(&query.output, &stepped.batch, now_ms);
        let values = RecordBatch::try_new(query.output.schema.clone(), stepped.batch.columns().to_vec())?;
        batches.push(Batch::new(values, times_ms).with_keys(keys));
    }
    if !gone.is_empty() {
        let keyed = arrow::compute::take_record_batch(&evaluated, &UInt32Array::from(gone))?;
        batches.push(tombstones(&query.output, encode_keys(&names, &keyed)?, now_ms));
    }
    Ok(Changed { batches, failed: stepped.failed, evaluated })
}

/// The record keys of these groups.
pub(super) fn keys_of(query: &Query, state: &mut AggregateState, groups: &[u32]) -> Result<BinaryArray, EngineError> {
    let aggregate = query.aggregate.as_ref().expect("only a query with an aggregate has groups");
    encode_keys(&key_names(aggregate, &query.output), &state.evaluate(groups)?)
}

/// Records that take rows away.
pub(super) fn tombstones(output: &Output, keys: BinaryArray, now_ms: i64) -> Batch {
    let rows = keys.len();
    let column = |field: &Arc<arrow::datatypes::Field>| new_null_array(field.data_type(), rows);
    let columns: Vec<ArrayRef> = output.schema.fields().iter().map(column).collect();
    let values = RecordBatch::try_new(output.schema.clone(), columns).expect("nulls fit every column of a view");
    Batch::new(values, Int64Array::from(vec![now_ms; rows]))
        .with_keys(keys)
        .with_tombstones(BooleanArray::from(vec![true; rows]))
}

/// Timestamps of output records: the event time where there is one.
pub(super) fn record_times(output: &Output, batch: &RecordBatch, otherwise_ms: i64) -> Int64Array {
    let times =
        output.event_time.and_then(|column| batch.column(column).as_primitive_opt::<TimestampMicrosecondType>());
    match times {
        Some(times) => times.iter().map(|time| time.map_or(otherwise_ms, |time| time.div_euclid(1_000))).collect(),
        None => Int64Array::from(vec![otherwise_ms; batch.num_rows()]),
    }
}

/// Appends records to the output topic, each to the partition of its key.
pub(super) fn append(
    writer: &mut dyn LogWriter,
    output: &Output,
    topic: &str,
    batch: Batch,
) -> Result<(), EngineError> {
    let Some(keys) = batch.keys.as_ref().filter(|_| output.partitions > 1) else {
        writer.append(&TopicPartition::new(topic, 0), batch)?;
        return Ok(());
    };
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); output.partitions as usize];
    for row in 0..batch.num_rows() {
        let key = if keys.is_null(row) { &[][..] } else { keys.value(row) };
        let partition = partition_for_key(key, output.partitions);
        rows[partition.index()].push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
    }
    for (partition, rows) in (0..).zip(rows) {
        if !rows.is_empty() {
            writer.append(&TopicPartition::new(topic, partition), batch.take(&UInt32Array::from(rows))?)?;
        }
    }
    Ok(())
}

/// The name of each group in record keys: that of the output column which carries it, else its own.
fn key_names(aggregate: &Aggregate, output: &Output) -> Vec<String> {
    let carried = output.key_columns.len() == aggregate.groups.len();
    let name = |(index, group): (usize, &Group)| match group {
        _ if carried => output.schema.field(output.key_columns[index]).name().clone(),
        Group::Window(_) => "window_start".to_owned(),
        Group::Key(_) => aggregate.schema.field(index).name().clone(),
    };
    aggregate.groups.iter().enumerate().map(name).collect()
}

/// The leading columns of `groups` as JSON objects; a window stands for its start.
fn encode_keys(names: &[String], groups: &RecordBatch) -> Result<BinaryArray, EngineError> {
    let columns: Vec<ArrayRef> = groups.columns()[..names.len()].iter().map(key_column).collect();
    let options =
        FormatOptions::default().with_timestamp_format(Some(TIME_FORMAT)).with_datetime_format(Some(TIME_FORMAT));
    let cells = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let prefixes: Vec<String> = names.iter().map(|name| format!("{}:", quoted(name))).collect();
    let mut keys = Vec::with_capacity(groups.num_rows());
    for row in 0..groups.num_rows() {
        let mut key = String::from("{");
        for (index, prefix) in prefixes.iter().enumerate() {
            key.push_str(if index > 0 { "," } else { "" });
            key.push_str(prefix);
            if columns[index].is_null(row) {
                key.push_str("null");
            } else if is_bare(columns[index].data_type()) {
                write!(key, "{}", cells[index].value(row)).expect("a string takes everything");
            } else {
                key.push_str(&quoted(&cells[index].value(row).to_string()));
            }
        }
        key.push('}');
        keys.push(key);
    }
    Ok(BinaryArray::from_iter_values(keys))
}

fn key_column(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().column(0).clone(),
        _ => column.clone(),
    }
}

fn is_bare(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Boolean) || data_type.is_integer()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("every string can be quoted")
}
