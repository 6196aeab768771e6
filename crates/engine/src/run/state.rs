//! The state of an aggregate: groups, their accumulators, the windows they belong to, and what changed in this epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::Rows;
use datafusion::physical_expr::PhysicalExpr;

use super::accumulate::{Accumulate, accumulator_for};
use super::error::EngineError;
use super::groups::{Groups, SKIP, window_starts};
use super::steps::{evaluate_all, evaluate_column};
use super::windows::assign;
use crate::plan::{Aggregate, Group, Query, Window};

/// A batch made ready for its aggregate: everything that needs no state.
pub(super) struct Prepared {
    /// The keys, window start first; `None` without any.
    keys: Option<Rows>,
    /// Window starts, and the event times they were made from.
    pub(super) windows: Option<(Int64Array, TimestampMicrosecondArray)>,
    /// The row of the batch that each prepared row stands for; `None` when they are the same.
    pub(super) rows: Option<UInt32Array>,
    arguments: Vec<Vec<ArrayRef>>,
    masks: Vec<Option<BooleanArray>>,
    length: usize,
}

/// The state of one aggregate.
pub(super) struct AggregateState {
    query: Arc<Query>,
    groups: Groups,
    calls: Vec<Box<dyn Accumulate>>,
    windows: BTreeMap<i64, Vec<u32>>,
    changed: Vec<u32>,
    is_changed: Vec<bool>,
    emitted: Vec<bool>,
}

/// The window among the groups of an aggregate, with its position.
pub(super) fn window_of(aggregate: &Aggregate) -> Option<(usize, &Window)> {
    aggregate.groups.iter().enumerate().find_map(|(index, group)| match group {
        Group::Window(window) => Some((index, window)),
        Group::Key(_) => None,
    })
}

impl AggregateState {
    /// Empty state for the aggregate of `query`.
    pub(super) fn new(query: Arc<Query>) -> Result<Self, EngineError> {
        let aggregate = query.aggregate.as_ref().expect("only a query with an aggregate has aggregate state");
        let types = key_types(aggregate)?;
        let calls =
            aggregate.calls.iter().map(|call| accumulator_for(call, &aggregate.input)).collect::<Result<_, _>>()?;
        Ok(Self {
            groups: Groups::new(&types)?,
            calls,
            windows: BTreeMap::new(),
            changed: Vec::new(),
            is_changed: Vec::new(),
            emitted: Vec::new(),
            query,
        })
    }

    fn aggregate(&self) -> &Aggregate {
        self.query.aggregate.as_ref().expect("checked when the state was made")
    }

    /// All that is computed of a row before it goes to its group.
    pub(super) fn expressions(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        let keys = self.aggregate().groups.iter().filter_map(|group| match group {
            Group::Key(key) => Some(key.clone()),
            Group::Window(_) => None,
        });
        let calls = self.aggregate().calls.iter();
        keys.chain(calls.flat_map(|call| call.function.expressions().into_iter().chain(call.filter.clone()))).collect()
    }

    /// Evaluates everything that needs no state; batches can be prepared side by side.
    pub(super) fn prepare(&self, batch: &RecordBatch) -> Result<Prepared, EngineError> {
        let aggregate = self.aggregate();
        let mut columns = Vec::with_capacity(aggregate.groups.len());
        let (mut windows, mut rows) = (None, None);
        if let Some((_, window)) = window_of(aggregate) {
            let times = window.time.evaluate(batch)?.into_array(batch.num_rows())?;
            let times = times.as_primitive::<TimestampMicrosecondType>().clone();
            let assigned = assign(window, &times);
            columns.push(Arc::new(assigned.starts.clone()) as ArrayRef);
            windows = Some((assigned.starts, times));
            rows = assigned.rows;
        }
        for group in &aggregate.groups {
            if let Group::Key(key) = group {
                columns.push(spread(evaluate_column(key.as_ref(), batch)?, rows.as_ref())?);
            }
        }
        let (arguments, masks) = self.evaluate_calls(batch, rows.as_ref())?;
        let length = rows.as_ref().map_or(batch.num_rows(), UInt32Array::len);
        let keys = if columns.is_empty() { None } else { Some(self.groups.convert(&columns)?) };
        Ok(Prepared { keys, windows, rows, arguments, masks, length })
    }

    #[expect(clippy::type_complexity, reason = "the pair is taken apart at once by the only caller")]
    fn evaluate_calls(
        &self,
        batch: &RecordBatch,
        rows: Option<&UInt32Array>,
    ) -> Result<(Vec<Vec<ArrayRef>>, Vec<Option<BooleanArray>>), EngineError> {
        let mut arguments = Vec::with_capacity(self.calls.len());
        let mut masks = Vec::with_capacity(self.calls.len());
        for call in &self.aggregate().calls {
            let columns = evaluate_all(&call.function.expressions(), batch)?;
            arguments.push(columns.into_iter().map(|column| spread(column, rows)).collect::<Result<Vec<_>, _>>()?);
            let mask = call.filter.as_ref().map(|filter| evaluate_column(filter.as_ref(), batch)).transpose()?;
            let mask = mask.map(|mask| spread(mask, rows)).transpose()?;
            masks.push(mask.map(|mask| mask.as_boolean().clone()));
        }
        Ok((arguments, masks))
    }

    /// The group of each prepared row, new ones made as needed.
    pub(super) fn intern(&mut self, prepared: &Prepared, takes_part: impl Fn(usize) -> bool) -> Vec<u32> {
        let mut created: Vec<(u32, usize)> = Vec::new();
        let groups = match &prepared.keys {
            Some(keys) => self.groups.intern(keys, takes_part, |group, row| created.push((group, row))),
            None => self.groups.intern_all(prepared.length, takes_part, |group| created.push((group, 0))),
        };
        self.make_room();
        for (group, row) in created {
            self.emitted[group as usize] = false;
            if let Some((starts, _)) = &prepared.windows {
                self.windows.entry(starts.value(row)).or_default().push(group);
            }
        }
        groups
    }

    /// Takes the prepared rows into their groups.
    pub(super) fn update(&mut self, prepared: &Prepared, groups: &[u32]) -> Result<(), EngineError> {
        for (index, call) in self.calls.iter_mut().enumerate() {
            match &prepared.masks[index] {
                Some(mask) => call.update(&prepared.arguments[index], &masked(groups, mask))?,
                None => call.update(&prepared.arguments[index], groups)?,
            }
        }
        for group in groups {
            self.mark_changed(*group);
        }
        Ok(())
    }

    /// Says that a group has to be looked at when the epoch ends.
    pub(super) fn mark_changed(&mut self, group: u32) {
        if group != SKIP && !self.is_changed[group as usize] {
            self.is_changed[group as usize] = true;
            self.changed.push(group);
        }
    }

    /// Empties the accumulators of a group, which stays.
    pub(super) fn clear(&mut self, group: u32) {
        for call in &mut self.calls {
            call.clear(group);
        }
    }

    fn make_room(&mut self) {
        let capacity = self.groups.capacity();
        if capacity > self.is_changed.len() {
            let room = capacity.next_power_of_two();
            self.is_changed.resize(room, false);
            self.emitted.resize(room, false);
            for call in &mut self.calls {
                call.resize(room);
            }
        }
    }

    /// The groups that changed in this epoch, in the order in which they first did; the next epoch begins.
    pub(super) fn take_changed(&mut self) -> Vec<u32> {
        for group in &self.changed {
            self.is_changed[*group as usize] = false;
        }
        std::mem::take(&mut self.changed)
    }

    /// The groups of windows that end, with the allowed lateness, at or before the watermark.
    pub(super) fn groups_closed_by(&self, watermark_us: i64) -> Vec<u32> {
        let Some((_, window)) = window_of(self.aggregate()) else { return Vec::new() };
        let span = window.size_us + self.query.allowed_lateness_us;
        let closed = self.windows.iter().take_while(|(start, _)| start.saturating_add(span) <= watermark_us);
        closed.flat_map(|(_, groups)| groups.iter().copied()).collect()
    }

    /// All groups, by window and then in the order in which they came.
    pub(super) fn all_groups(&self) -> Vec<u32> {
        self.windows.values().flatten().copied().collect()
    }

    /// Start of the latest window among these groups.
    pub(super) fn last_start(&self, groups: &[u32]) -> Result<Option<i64>, EngineError> {
        if groups.is_empty() {
            return Ok(None);
        }
        Ok(window_starts(&self.groups.key_columns(groups)?[0]).iter().max().copied())
    }

    /// Forgets groups.
    pub(super) fn remove(&mut self, groups: &[u32]) {
        let mut starts: Vec<i64> = Vec::new();
        if window_of(self.aggregate()).is_some()
            && let Ok(columns) = self.groups.key_columns(groups)
        {
            starts = window_starts(&columns[0]).to_vec();
        }
        for group in groups {
            self.clear(*group);
            self.groups.remove(*group);
            self.emitted[*group as usize] = false;
        }
        let gone: hashbrown::HashSet<u32> = groups.iter().copied().collect();
        starts.sort_unstable();
        starts.dedup();
        for start in starts {
            if let Some(members) = self.windows.get_mut(&start) {
                members.retain(|group| !gone.contains(group));
                if members.is_empty() {
                    self.windows.remove(&start);
                }
            }
        }
    }

    /// The rows of the aggregate for these groups.
    pub(super) fn evaluate(&mut self, groups: &[u32]) -> Result<RecordBatch, EngineError> {
        let mut keys = self.groups.key_columns(groups)?;
        let mut calls = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            calls.push(call.evaluate(groups)?);
        }
        let aggregate = self.query.aggregate.as_ref().expect("checked when the state was made");
        let mut columns = Vec::with_capacity(aggregate.schema.fields().len());
        let window = window_of(aggregate);
        let starts = window.map(|_| keys.remove(0));
        let mut keys = keys.into_iter();
        for (index, group) in aggregate.groups.iter().enumerate() {
            columns.push(match (group, &starts) {
                (Group::Window(window), Some(starts)) => window_column(window, starts, aggregate.schema.field(index))?,
                _ => keys.next().expect("the index was made with one column a key"),
            });
        }
        columns.extend(calls);
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        Ok(RecordBatch::try_new_with_options(aggregate.schema.clone(), columns, &options)?)
    }

    /// Whether a row of this group is out there.
    pub(super) fn is_emitted(&self, group: u32) -> bool {
        self.emitted[group as usize]
    }

    /// Remembers whether a row of this group is out there.
    pub(super) fn set_emitted(&mut self, group: u32, emitted: bool) {
        self.emitted[group as usize] = emitted;
    }

    /// Groups to be written into a snapshot: key columns, whether emitted, then the states.
    pub(super) fn save(&mut self, groups: &[u32], whole: bool) -> Result<RecordBatch, EngineError> {
        let mut columns = self.groups.key_columns(groups)?;
        let emitted: BooleanArray = groups.iter().map(|group| Some(self.emitted[*group as usize])).collect();
        columns.push(Arc::new(emitted));
        for call in &mut self.calls {
            columns.extend(call.save(groups, whole)?);
        }
        let field =
            |(index, column): (usize, &ArrayRef)| Field::new(format!("c{index}"), column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }

    /// Takes back what [`AggregateState::save`] gave.
    pub(super) fn restore(&mut self, saved: &RecordBatch) -> Result<(), EngineError> {
        let keys = key_types(self.aggregate())?.len();
        let expected = keys + 1 + self.calls.iter().map(|call| call.saved_columns()).sum::<usize>();
        if saved.num_columns() != expected {
            return Err(EngineError::Fingerprint { query: self.query.name.to_string() });
        }
        let columns = saved.columns();
        let windows = window_of(self.aggregate()).map(|_| {
            let starts = Int64Array::from(window_starts(&columns[0]).to_vec());
            let times = TimestampMicrosecondArray::from(vec![0; starts.len()]);
            (starts, times)
        });
        let key_rows = if keys == 0 { None } else { Some(self.groups.convert(&columns[..keys])?) };
        let length = saved.num_rows();
        let prepared = Prepared { keys: key_rows, windows, rows: None, arguments: vec![], masks: vec![], length };
        let groups = self.intern(&prepared, |_| true);
        let emitted = columns[keys].as_boolean();
        for (row, group) in groups.iter().enumerate() {
            self.emitted[*group as usize] = emitted.value(row);
        }
        let mut at = keys + 1;
        for call in &mut self.calls {
            let width = call.saved_columns();
            call.restore(&columns[at..at + width], &groups)?;
            at += width;
        }
        Ok(())
    }

    /// Every group there is, windowed or not.
    pub(super) fn live_groups(&self) -> Vec<u32> {
        self.groups.live().collect()
    }

    /// Number of groups.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Bytes held, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.groups.memory_bytes()
            + self.calls.iter().map(|call| call.memory_bytes()).sum::<usize>()
            + self.windows.len() * size_of::<(i64, Vec<u32>)>()
            + self.emitted.len() * 2
    }
}

/// Types of the key index: the window's start, then the keys.
fn key_types(aggregate: &Aggregate) -> Result<Vec<DataType>, EngineError> {
    let mut types = Vec::with_capacity(aggregate.groups.len());
    if window_of(aggregate).is_some() {
        types.push(DataType::Int64);
    }
    for group in &aggregate.groups {
        if let Group::Key(key) = group {
            types.push(key.data_type(&aggregate.input)?);
        }
    }
    Ok(types)
}

fn spread(column: ArrayRef, rows: Option<&UInt32Array>) -> Result<ArrayRef, EngineError> {
    match rows {
        Some(rows) => Ok(compute::take(&column, rows, None)?),
        None => Ok(column),
    }
}

fn masked(groups: &[u32], mask: &BooleanArray) -> Vec<u32> {
    let selected = |row: usize| mask.is_valid(row) && mask.value(row);
    groups.iter().enumerate().map(|(row, group)| if selected(row) { *group } else { SKIP }).collect()
}

fn window_column(window: &Window, starts: &ArrayRef, field: &Field) -> Result<ArrayRef, EngineError> {
    let DataType::Struct(fields) = field.data_type() else {
        unreachable!("the planner gives a window the type Struct<start, end>")
    };
    let starts = window_starts(starts);
    let ends = TimestampMicrosecondArray::from_iter_values(starts.iter().map(|start| start + window.size_us));
    let starts = TimestampMicrosecondArray::from_iter_values(starts.iter().copied());
    Ok(Arc::new(StructArray::try_new(fields.clone(), vec![Arc::new(starts), Arc::new(ends)], None)?))
}
