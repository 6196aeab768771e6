//! Inputs whose records replace one another by key: the topics of other views.
//!
//! The newest row of each key is kept. When a key's row changes, the groups it left and the groups it joined are computed
//! again from the rows that are in them now; so every aggregate is right over changing rows, also those that cannot take a
//! row back. The cost of a change is the size of its groups.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, UInt32Array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use hashbrown::{HashMap, HashSet};
use millrace_flow::Batch;

use super::error::EngineError;
use super::snapshot::SAVE_ROWS_MAX;
use super::state::AggregateState;
use super::steps::Stepped;

struct Held {
    key: Box<[u8]>,
    row: Box<[u8]>,
    groups: Vec<u32>,
}

/// The newest rows by key, and which groups they are in.
pub(super) struct KeyedRows {
    schema: SchemaRef,
    converter: RowConverter,
    index: HashMap<Box<[u8]>, u32>,
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    members: HashMap<u32, HashSet<u32>>,
    unsaved: HashSet<Box<[u8]>>,
    bytes: usize,
}

impl KeyedRows {
    /// No rows; `schema` is that of the rows after the input's steps.
    pub(super) fn new(schema: SchemaRef) -> Result<Self, EngineError> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        Ok(Self {
            schema,
            converter: RowConverter::new(fields)?,
            index: HashMap::new(),
            held: Vec::new(),
            free: Vec::new(),
            members: HashMap::new(),
            unsaved: HashSet::new(),
            bytes: 0,
        })
    }

    /// Takes in the records of a batch, in order; `stepped` is what the steps left of them. Answers how many rows count.
    pub(super) fn replace(
        &mut self,
        state: &mut AggregateState,
        batch: &Batch,
        stepped: &Stepped,
    ) -> Result<(), EngineError> {
        let prepared = state.prepare(&stepped.batch)?;
        let groups = state.intern(&prepared, |row| {
            let row = prepared.rows.as_ref().map_or(row, |rows| rows.value(row) as usize);
            !batch.is_tombstone(stepped.origin(row))
        });
        let rows = self.converter.convert_columns(stepped.batch.columns())?;
        let mut joined: Vec<Vec<u32>> = vec![Vec::new(); stepped.batch.num_rows()];
        for (row, group) in groups.iter().enumerate() {
            let row = prepared.rows.as_ref().map_or(row, |rows| rows.value(row) as usize);
            if *group != super::groups::SKIP {
                joined[row].push(*group);
            }
        }
        let mut row_of: Vec<Option<usize>> = vec![None; batch.num_rows()];
        for row in 0..stepped.batch.num_rows() {
            row_of[stepped.origin(row)] = Some(row);
        }
        for (record, row) in row_of.into_iter().enumerate() {
            let key = batch.keys.as_ref().map_or(&[][..], |keys| keys.value(record));
            self.take_out(state, key);
            if let Some(row) = row.filter(|_| !batch.is_tombstone(record)) {
                self.put_in(state, key, rows.row(row).as_ref(), std::mem::take(&mut joined[row]));
            }
            self.unsaved.insert(key.into());
        }
        Ok(())
    }

    fn take_out(&mut self, state: &mut AggregateState, key: &[u8]) {
        let Some(number) = self.index.remove(key) else { return };
        let held = self.held[number as usize].take().expect("the index names rows that are held");
        self.bytes -= held.key.len() * 2 + held.row.len();
        for group in held.groups {
            state.mark_changed(group);
            if let Some(members) = self.members.get_mut(&group) {
                members.remove(&number);
            }
        }
        self.free.push(number);
    }

    fn put_in(&mut self, state: &mut AggregateState, key: &[u8], row: &[u8], groups: Vec<u32>) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.held.push(None);
            u32::try_from(self.held.len() - 1).expect("the state budget ends long before 2^32 rows")
        });
        for group in &groups {
            state.mark_changed(*group);
            self.members.entry(*group).or_default().insert(number);
        }
        self.bytes += key.len() * 2 + row.len();
        self.index.insert(key.into(), number);
        self.held[number as usize] = Some(Held { key: key.into(), row: row.into(), groups });
    }

    /// Computes the groups of `changed` anew; answers those that have no rows left.
    pub(super) fn recompute(&mut self, state: &mut AggregateState, changed: &[u32]) -> Result<Vec<u32>, EngineError> {
        let mut empty = Vec::new();
        for group in changed {
            state.clear(*group);
            let mut members: Vec<u32> = self.members.get(group).into_iter().flatten().copied().collect();
            if members.is_empty() {
                self.members.remove(group);
                empty.push(*group);
                continue;
            }
            // By key, so that aggregates which depend on an order see the same one at every run.
            members.sort_by(|a, b| self.key_of(*a).cmp(self.key_of(*b)));
            let rows = self.rows(&members)?;
            let prepared = state.prepare(&rows)?;
            let groups = state.intern(&prepared, |_| true);
            let own: Vec<u32> =
                groups.iter().map(|other| if other == group { *other } else { super::groups::SKIP }).collect();
            state.update(&prepared, &own)?;
        }
        state.take_changed();
        Ok(empty)
    }

    fn key_of(&self, number: u32) -> &[u8] {
        self.held[number as usize].as_ref().map_or(&[], |held| &held.key)
    }

    fn rows(&self, numbers: &[u32]) -> Result<RecordBatch, EngineError> {
        let parser = self.converter.parser();
        let held = numbers.iter().filter_map(|number| self.held[*number as usize].as_ref());
        let columns = self.converter.convert_rows(held.map(|held| parser.parse(&held.row)))?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    /// The rows that changed since the last save (or all), in parts: key, whether it is gone, the row.
    pub(super) fn save(&mut self, whole: bool) -> Result<Vec<RecordBatch>, EngineError> {
        let unsaved = std::mem::take(&mut self.unsaved);
        let mut keys: Vec<Box<[u8]>> =
            if whole { self.index.keys().cloned().collect() } else { unsaved.into_iter().collect() };
        keys.sort_unstable();
        keys.chunks(SAVE_ROWS_MAX).map(|keys| self.save_keys(keys)).collect()
    }

    fn save_keys(&self, keys: &[Box<[u8]>]) -> Result<RecordBatch, EngineError> {
        let (present, gone): (Vec<_>, Vec<_>) = keys.iter().partition(|key| self.index.contains_key(*key));
        let numbers: Vec<u32> = present.iter().map(|key| self.index[*key]).collect();
        let rows = self.rows(&numbers)?;
        let padding = UInt32Array::from_iter((0..present.len() + gone.len()).map(|row| {
            (row < present.len()).then(|| u32::try_from(row).expect("an epoch changes fewer than 2^32 rows"))
        }));
        let is_gone: BooleanArray = (0..padding.len()).map(|row| Some(row >= present.len())).collect();
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(BinaryArray::from_iter_values(present.iter().chain(&gone))), Arc::new(is_gone)];
        for column in rows.columns() {
            columns.push(arrow::compute::take(column, &padding, None)?);
        }
        let field =
            |(index, column): (usize, &ArrayRef)| Field::new(format!("c{index}"), column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }

    /// Takes back what [`KeyedRows::save`] gave.
    pub(super) fn restore(&mut self, state: &mut AggregateState, saved: &RecordBatch) -> Result<(), EngineError> {
        let keys = saved.column(0).as_any().downcast_ref::<BinaryArray>().expect("the first column holds keys");
        let gone = saved.column(1).as_any().downcast_ref::<BooleanArray>().expect("the second column holds marks");
        let values = RecordBatch::try_new(self.schema.clone(), saved.columns()[2..].to_vec())?;
        let times = arrow::array::Int64Array::from(vec![0; saved.num_rows()]);
        let batch = Batch::new(values.clone(), times).with_keys(keys.clone()).with_tombstones(gone.clone());
        self.replace(state, &batch, &Stepped { batch: values, kept: None, failed: Vec::new() })?;
        self.unsaved.clear();
        Ok(())
    }

    /// Bytes held, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes + self.held.len() * size_of::<Option<Held>>() + self.index.len() * 24
    }
}
