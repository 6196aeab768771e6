//! The work of one epoch over the rows that were fetched: steps, late check, duplicate removal, aggregate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, Int64Array, UInt32Array};
use arrow::compute;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType, UInt32Type};
use arrow::record_batch::RecordBatch;
use millrace_flow::{Batch, Ledger, LogWriter, TopicKind, TopicPartition};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::changes::KeyedRows;
use super::dedup::{DedupState, Marks};
use super::error::EngineError;
use super::failing::compute_apart;
use super::input::{InputState, Taken};
use super::lateness::RowClock;
use super::output;
use super::rejects::{Late, Refused, dead_letters, late_rows};
use super::runner::FileNames;
use super::state::{AggregateState, Prepared};
use super::steps::{Stepped, run_steps};
use crate::plan::Query;

/// Everything a query remembers between batches.
pub(super) struct Work {
    pub(super) query: Arc<Query>,
    late_schema: SchemaRef,
    file_names: FileNames,
    /// Event times further ahead of the clock do not move a watermark.
    ahead_us_max: Option<i64>,
    /// Groups whose row could not be computed when they changed last.
    pub(super) failing: hashbrown::HashSet<u32>,
    pub(super) aggregate: Option<AggregateState>,
    pub(super) dedup: Option<DedupState>,
    pub(super) keyed: Option<KeyedRows>,
    /// Windows that end at or before this are closed.
    pub(super) closed_us: i64,
    /// Rows so far.
    pub(super) ledger: Ledger,
    /// Records written so far.
    pub(super) rows_out: u64,
}

/// What can be computed of fetched records without any state.
struct Ready {
    stepped: Stepped,
    prepared: Option<Prepared>,
    marks: Option<Marks>,
}

impl Work {
    /// A query that has seen nothing.
    pub(super) fn new(
        query: Arc<Query>,
        late_schema: SchemaRef,
        file_names: FileNames,
        ahead_max: Option<Duration>,
    ) -> Result<Self, EngineError> {
        let stepped = query.stepped_schema();
        let replaces = query.inputs.iter().any(|input| input.kind == TopicKind::Upserts);
        let keyed = (replaces && query.aggregate.is_some()).then(|| KeyedRows::new(stepped.clone())).transpose()?;
        let aggregate = query.aggregate.is_some().then(|| AggregateState::new(query.clone())).transpose()?;
        let dedup = query.dedup.as_ref().map(|dedup| DedupState::new(dedup, &stepped)).transpose()?;
        Ok(Self {
            late_schema,
            file_names,
            ahead_us_max: ahead_max.map(|ahead| i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX)),
            failing: hashbrown::HashSet::new(),
            aggregate,
            dedup,
            keyed,
            closed_us: i64::MIN,
            ledger: Ledger::default(),
            rows_out: 0,
            query,
        })
    }

    /// Takes fetched records in; what leaves by the side doors or as rows is appended to `writer`.
    pub(super) fn take(
        &mut self,
        taken: &[Taken],
        inputs: &mut [InputState],
        writer: &mut dyn LogWriter,
        pool: &rayon::ThreadPool,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let ready: Vec<Result<Ready, EngineError>> =
            pool.install(|| taken.par_iter().map(|taken| self.make_ready(taken)).collect());
        let now = Instant::now();
        for (taken, ready) in taken.iter().zip(ready) {
            self.take_one(taken, ready?, inputs, writer, (now, now_ms))?;
        }
        Ok(())
    }

    fn make_ready(&self, taken: &Taken) -> Result<Ready, EngineError> {
        let input = &self.query.inputs[taken.input];
        let batch = &taken.fetched.batch;
        let mut stepped = run_steps(&batch.values, &input.steps)?;
        let replaces = input.kind == TopicKind::Upserts;
        let prepared = match &self.aggregate {
            Some(state) => match state.prepare(&stepped.batch) {
                Ok(prepared) => Some(prepared),
                Err(_) => {
                    stepped = without_failing(state, stepped)?;
                    Some(state.prepare(&stepped.batch)?)
                }
            },
            None => None,
        };
        let prepared = prepared.filter(|_| !replaces);
        let marks = match &self.dedup {
            Some(dedup) if !replaces => Some(dedup.marks(&stepped.batch)?),
            _ => None,
        };
        Ok(Ready { stepped, prepared, marks })
    }

    fn take_one(
        &mut self,
        taken: &Taken,
        ready: Ready,
        inputs: &mut [InputState],
        writer: &mut dyn LogWriter,
        (now, now_ms): (Instant, i64),
    ) -> Result<(), EngineError> {
        let query = self.query.clone();
        let batch = &taken.fetched.batch;
        let input = &query.inputs[taken.input];
        self.ledger.read += batch.num_rows() as u64;
        let mut refused = Refused::default();
        for (row, reason) in &ready.stepped.failed {
            refused.push(*row, reason.clone());
        }
        let times = input.watermark.map(|watermark| batch.values.column(watermark.column));
        let times = times.and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>()).cloned();
        let watermark = inputs[taken.input].watermark_mut(taken.partition);
        let before = watermark.clone();
        let limit_us = self.ahead_us_max.map_or(i64::MAX, |ahead_us| (now_ms * 1_000).saturating_add(ahead_us));
        if let Some(times) = &times {
            watermark.observe_all(times, limit_us, now);
        }
        if input.kind == TopicKind::Upserts {
            self.take_changes(batch, &ready.stepped, refused.len(), writer, now_ms)?;
        } else {
            let clock = RowClock::new(before, watermark.watermark_us(), times.as_ref(), limit_us);
            let mut late = Late::default();
            self.take_rows(batch, ready, clock, &mut late, &mut refused, writer, now_ms)?;
            self.ledger.late += late.len() as u64;
            if late.len() > 0 {
                let rows = late_rows(&self.late_schema, self.late_source(batch, taken.input, &late)?, &late)?;
                writer.append(&TopicPartition::new(format!("{}.late", query.name), 0), rows)?;
            }
        }
        self.ledger.rejected += refused.len() as u64;
        if refused.len() > 0 {
            let file_name = |file| (self.file_names)(&input.topic, file);
            self.refuse(batch, &refused, file_name, writer, now_ms)?;
        }
        Ok(())
    }

    /// Appends refused rows of `batch` to the dead-letter topic.
    fn refuse(
        &self,
        batch: &Batch,
        refused: &Refused,
        file_name: impl Fn(u32) -> Option<String>,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let stage = format!("query:{}", self.query.name);
        let rows = dead_letters(&stage, batch, refused, file_name, now_ms)?;
        writer.append(&TopicPartition::new(format!("{}.dlq", self.query.name), 0), rows)?;
        Ok(())
    }

    /// Forgets which of these groups could not be computed.
    pub(super) fn forget_failing(&mut self, groups: &[u32]) {
        if !self.failing.is_empty() {
            groups.iter().for_each(|group| {
                self.failing.remove(group);
            });
        }
    }

    /// The records that bring the output topic up to date for `groups`. A group whose row cannot be computed goes, as it
    /// stands, to the dead-letter topic when that begins: it has no row in the view until its row can be computed again.
    pub(super) fn changed_rows(
        &mut self,
        groups: &[u32],
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<Vec<Batch>, EngineError> {
        let state = self.aggregate.as_mut().expect("only a query with an aggregate has groups");
        let changed = output::changed_rows(&self.query, state, groups, now_ms)?;
        let failing: hashbrown::HashSet<u32> = changed.failed.iter().map(|(row, _)| groups[*row]).collect();
        let mut refused = Refused::default();
        for (row, reason) in changed.failed {
            if !self.failing.contains(&groups[row]) {
                refused.push(row, reason);
            }
        }
        self.forget_failing(groups);
        self.failing.extend(failing);
        if refused.len() > 0 {
            let times_ms = Int64Array::from(vec![now_ms; changed.evaluated.num_rows()]);
            self.refuse(&Batch::new(changed.evaluated, times_ms), &refused, |_| None, writer, now_ms)?;
        }
        Ok(changed.batches)
    }

    /// The late rows as their topic wants them: as they came, or, where several topics differ, as they are after the steps.
    fn late_source(&self, batch: &Batch, input: usize, late: &Late) -> Result<Batch, EngineError> {
        let mut rows = batch.take(&UInt32Array::from(late.rows().to_vec()))?;
        let input = &self.query.inputs[input];
        if self.query.late_source_schema() != input.schema {
            // A late row went through the filters already, and through the projections without failing.
            let projects = input.steps.iter().filter(|step| matches!(step, crate::plan::RowStep::Project { .. }));
            rows.values = run_steps(&rows.values, &projects.cloned().collect::<Vec<_>>())?.batch;
        }
        Ok(rows)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one batch on their way, taken apart by the caller")]
    fn take_rows(
        &mut self,
        batch: &Batch,
        ready: Ready,
        mut clock: RowClock<'_>,
        late: &mut Late,
        refused: &mut Refused,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let Ready { stepped, prepared, marks } = ready;
        let rows = stepped.batch.num_rows();
        let mut keep = vec![true; rows];
        let mut dropped = 0;
        let mut open = None;
        if let Some(prepared) = prepared.as_ref().filter(|prepared| prepared.windows.is_some()) {
            open = self.check_windows(&stepped, prepared, &mut clock, &mut keep, late, refused);
            dropped += keep.iter().filter(|keep| !**keep).count();
        } else if let Some(times) = marks.as_ref().and_then(|marks| marks.times.as_ref()) {
            dropped += self.check_times(&stepped, times, &mut clock, &mut keep, late);
        }
        if let (Some(dedup), Some(marks)) = (&mut self.dedup, &marks) {
            for (row, keep) in keep.iter_mut().enumerate() {
                if *keep && !dedup.is_first(marks, row) {
                    *keep = false;
                    dropped += 1;
                    self.ledger.duplicate += 1;
                }
            }
        }
        // A row that a filter left out took part: the query has looked at it and decided.
        let failed = stepped.failed.len();
        self.ledger.used += (batch.num_rows() - failed - dropped) as u64;
        match (&mut self.aggregate, prepared) {
            (Some(state), Some(prepared)) => {
                let spread = prepared.rows.clone();
                let row_of = |row: usize| spread.as_ref().map_or(row, |rows| rows.value(row) as usize);
                let is_open = |row: usize| open.as_ref().is_none_or(|open| open[row]);
                let groups = state.intern(&prepared, |row| keep[row_of(row)] && is_open(row));
                state.update(&prepared, &groups)
            }
            _ => self.append_rows(batch, &stepped, &keep, dropped, writer, now_ms),
        }
    }

    fn take_changes(
        &mut self,
        batch: &Batch,
        stepped: &Stepped,
        refused: usize,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        self.ledger.used += (batch.num_rows() - refused) as u64;
        if let (Some(keyed), Some(state)) = (&mut self.keyed, &mut self.aggregate) {
            return keyed.replace(state, batch, stepped);
        }
        self.pass_changes(batch, stepped, writer, now_ms)
    }

    /// Rows that replace one another, without an aggregate: a row that the steps leave out takes its predecessor away. Of
    /// records with one key only the last is passed on, as rows and those that go leave in two batches.
    fn pass_changes(
        &mut self,
        batch: &Batch,
        stepped: &Stepped,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let keys = batch.keys.clone().expect("records that replace one another have keys");
        let is_last = last_of_each_key(&keys);
        let mut stays = vec![false; batch.num_rows()];
        let mut present = Vec::new();
        for row in 0..stepped.batch.num_rows() {
            let origin = stepped.origin(row);
            if is_last[origin] && !batch.is_tombstone(origin) {
                stays[origin] = true;
                present.push(u32::try_from(row).expect("a batch has fewer than 2^32 rows"));
            }
        }
        let query = self.query.clone();
        let gone: BooleanArray = stays.iter().zip(&is_last).map(|(stays, is_last)| Some(*is_last && !stays)).collect();
        if gone.true_count() > 0 {
            let keys = compute::filter(keys.as_ref(), &gone)?;
            let rows = output::tombstones(&query.output, keys.as_binary::<i32>().clone(), now_ms);
            self.emit(rows, writer)?;
        }
        if present.is_empty() {
            return Ok(());
        }
        let values = compute::take_record_batch(&stepped.batch, &UInt32Array::from(present))?;
        let values = run_steps(&values, &query.steps)?.batch;
        let keys = compute::filter(keys.as_ref(), &BooleanArray::from(stays))?;
        let times_ms = output::record_times(&query.output, &values, now_ms);
        let values = RecordBatch::try_new(query.output.schema.clone(), values.columns().to_vec())?;
        self.emit(Batch::new(values, times_ms).with_keys(keys.as_binary::<i32>().clone()), writer)
    }

    /// Rows of a query without an aggregate, with the keys and origins they came with.
    fn append_rows(
        &mut self,
        batch: &Batch,
        stepped: &Stepped,
        keep: &[bool],
        dropped: usize,
        writer: &mut dyn LogWriter,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        let (mut values, mut kept) = (stepped.batch.clone(), stepped.kept.clone());
        if dropped > 0 {
            let rows: UInt32Array = (0..).zip(keep).filter(|(_, keep)| **keep).map(|(row, _)| row as u32).collect();
            values = compute::take_record_batch(&values, &rows)?;
            let origins =
                rows.values().iter().map(|row| u32::try_from(stepped.origin(*row as usize)).unwrap_or(u32::MAX));
            kept = Some(UInt32Array::from_iter_values(origins));
        }
        let query = self.query.clone();
        let last = run_steps(&values, &query.steps)?;
        if let Some(left) = &last.kept {
            let origin = |row: &u32| kept.as_ref().map_or(*row, |kept| kept.value(*row as usize));
            kept = Some(UInt32Array::from_iter_values(left.values().iter().map(origin)));
        }
        if last.batch.num_rows() == 0 {
            return Ok(());
        }
        let source = match &kept {
            Some(kept) => batch.take(kept)?,
            None => batch.clone(),
        };
        let times_ms = match query.output.event_time {
            Some(_) => Arc::new(output::record_times(&query.output, &last.batch, now_ms)),
            None => source.times_ms.clone(),
        };
        let values = RecordBatch::try_new(query.output.schema.clone(), last.batch.columns().to_vec())?;
        self.emit(Batch { values, times_ms, ..source }, writer)
    }

    /// Appends output rows.
    pub(super) fn emit(&mut self, rows: Batch, writer: &mut dyn LogWriter) -> Result<(), EngineError> {
        self.rows_out += rows.num_rows() as u64;
        output::append(writer, &self.query.output, &self.query.name, rows)
    }
}

/// Which records are the last with their key.
fn last_of_each_key(keys: &BinaryArray) -> Vec<bool> {
    let mut seen = hashbrown::HashSet::with_capacity(keys.len());
    let mut is_last: Vec<bool> = keys.iter().rev().map(|key| seen.insert(key)).collect();
    is_last.reverse();
    is_last
}

/// Moves the rows on which a key or an argument cannot be computed to those that failed.
fn without_failing(state: &AggregateState, stepped: Stepped) -> Result<Stepped, EngineError> {
    let prepares = |batch: &RecordBatch| state.prepare(batch).map(|_| Vec::new());
    let apart = compute_apart(&stepped.batch, &state.expressions(), &prepares)?;
    let mut failed = stepped.failed.clone();
    failed.extend(apart.failed.into_iter().map(|(row, reason)| (stepped.origin(row), reason)));
    failed.sort_by_key(|(row, _)| *row);
    let kept = compute::take(&stepped.kept_rows(), &apart.good, None)?.as_primitive::<UInt32Type>().clone();
    let batch = compute::take_record_batch(&stepped.batch, &apart.good)?;
    Ok(Stepped { batch, kept: Some(kept), failed })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::ArrayRef;
    use arrow::datatypes::{DataType, Int64Type};
    use arrow::error::ArrowError;
    use datafusion::common::config::ConfigOptions;
    use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
    use datafusion::physical_expr::ScalarFunctionExpr;
    use datafusion::physical_expr::expressions::Column;

    use super::*;
    use crate::plan::Group;
    use crate::sql::{Script, compile};

    /// A state whose key cannot be computed for numbers above `most`, and how often it was computed.
    fn counted(most: i64) -> (AggregateState, Arc<AtomicUsize>) {
        let text = "CREATE SOURCE s (n BIGINT) WITH (connector = 'csv');
                    CREATE MATERIALIZED VIEW v AS SELECT n, count(*) AS c FROM s GROUP BY n;";
        let mut program = compile(&[Script { file: "a.sql".into(), text: text.into() }]).expect("it is right");
        let mut query = Arc::into_inner(program.queries.remove(0)).expect("nobody else has it");
        let aggregate = query.aggregate.as_mut().expect("it counts");
        let evaluations = Arc::new(AtomicUsize::new(0));
        let count = evaluations.clone();
        let compute = move |arguments: &[ColumnarValue]| {
            count.fetch_add(1, Ordering::Relaxed);
            let numbers = arguments[0].to_array(1)?;
            let fits = numbers.as_primitive::<Int64Type>().values().iter().all(|number| *number <= most);
            if fits { Ok(arguments[0].clone()) } else { Err(ArrowError::ComputeError("too large".into()).into()) }
        };
        let types = vec![DataType::Int64];
        let function = create_udf("limited", types, DataType::Int64, Volatility::Immutable, Arc::new(compute));
        let number = Arc::new(Column::new("n", 0));
        let options = Arc::new(ConfigOptions::new());
        let key = ScalarFunctionExpr::try_new(Arc::new(function), vec![number], &aggregate.input, options);
        aggregate.groups = vec![Group::Key(Arc::new(key.expect("it takes a number")))];
        (AggregateState::new(Arc::new(query)).expect("every type can be a key"), evaluations)
    }

    /// Halves are not halved once more within each.
    #[test]
    fn rows_whose_key_fails_cost_little_more_than_one_evaluation_each() {
        let (state, evaluations) = counted(387);
        let numbers = Arc::new(Int64Array::from_iter_values((0..1_024).map(|row| row * 37 % 1_024))) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", numbers)]).expect("one column");
        let stepped = Stepped { batch, kept: None, failed: Vec::new() };
        let apart = without_failing(&state, stepped).expect("rows can be told apart");
        assert_eq!((apart.batch.num_rows(), apart.failed.len()), (388, 636));
        let evaluations = evaluations.load(Ordering::Relaxed);
        assert!(evaluations < 1_024 + 1_024 / 3, "{evaluations} evaluations for 1,024 rows");
    }
}
