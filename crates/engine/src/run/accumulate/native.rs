//! Aggregates whose state is a number or two a group, kept in vectors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, Float64Array, Int64Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type};

use super::super::error::EngineError;
use super::super::groups::SKIP;
use super::Accumulate;

/// Calls `take` with each row that takes part and is not null, and its group.
fn for_each_valid(column: &dyn Array, groups: &[u32], mut take: impl FnMut(usize, usize)) {
    match column.nulls() {
        None => {
            for (row, group) in groups.iter().enumerate() {
                if *group != SKIP {
                    take(row, *group as usize);
                }
            }
        }
        Some(nulls) => {
            for (row, group) in groups.iter().enumerate() {
                if *group != SKIP && nulls.is_valid(row) {
                    take(row, *group as usize);
                }
            }
        }
    }
}

/// `count(x)`: rows where `x` is not null.
#[derive(Default)]
pub(super) struct Count {
    counts: Vec<i64>,
}

impl Accumulate for Count {
    fn resize(&mut self, capacity: usize) {
        self.counts.resize(capacity, 0);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        for_each_valid(arguments[0].as_ref(), groups, |_, group| self.counts[group] += 1);
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        Ok(Arc::new(groups.iter().map(|group| self.counts[*group as usize]).collect::<Int64Array>()))
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        Ok(vec![self.evaluate(groups)?])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let counts = columns[0].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            self.counts[*group as usize] = counts.value(row);
        }
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        1
    }

    fn clear(&mut self, group: u32) {
        self.counts[group as usize] = 0;
    }

    fn memory_bytes(&self) -> usize {
        self.counts.len() * size_of::<i64>()
    }
}

/// One value a group, absent until a value that is not null came.
struct Values<T: ArrowPrimitiveType> {
    data_type: DataType,
    values: Vec<T::Native>,
    present: Vec<bool>,
}

impl<T: ArrowPrimitiveType> Values<T> {
    fn new(data_type: &DataType) -> Self {
        Self { data_type: data_type.clone(), values: Vec::new(), present: Vec::new() }
    }

    fn resize(&mut self, capacity: usize) {
        self.values.resize(capacity, T::default_value());
        self.present.resize(capacity, false);
    }

    fn column(&self, groups: &[u32]) -> ArrayRef {
        let value = |group: &u32| self.present[*group as usize].then(|| self.values[*group as usize]);
        let column: PrimitiveArray<T> = groups.iter().map(value).collect();
        Arc::new(column.with_data_type(self.data_type.clone()))
    }

    fn restore(&mut self, column: &ArrayRef, groups: &[u32]) {
        let column = column.as_primitive::<T>();
        for (row, group) in groups.iter().enumerate() {
            self.present[*group as usize] = column.is_valid(row);
            self.values[*group as usize] = column.value(row);
        }
    }

    fn clear(&mut self, group: u32) {
        self.values[group as usize] = T::default_value();
        self.present[group as usize] = false;
    }

    fn memory_bytes(&self) -> usize {
        self.values.len() * (size_of::<T::Native>() + 1)
    }
}

/// `sum(x)` of 64-bit integers, doubles or decimals. One that its type cannot hold is an error.
pub(super) struct Sum<T: ArrowPrimitiveType> {
    sums: Values<T>,
}

impl<T: ArrowPrimitiveType> Sum<T> {
    /// `result` is the type of the sum.
    pub(super) fn new(result: &DataType) -> Self {
        Self { sums: Values::new(result) }
    }
}

impl<T: ArrowPrimitiveType> Accumulate for Sum<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn resize(&mut self, capacity: usize) {
        self.sums.resize(capacity);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let column = arguments[0].as_primitive::<T>();
        let input = column.values();
        let (sums, present) = (&mut self.sums.values, &mut self.sums.present);
        let mut fits = true;
        for_each_valid(column, groups, |row, group| {
            match sums[group].add_checked(input[row]) {
                Ok(sum) => sums[group] = sum,
                Err(_) => fits = false,
            }
            present[group] = true;
        });
        if fits { Ok(()) } else { Err(EngineError::SumTooLarge { data_type: self.sums.data_type.clone() }) }
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        Ok(self.sums.column(groups))
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        Ok(vec![self.sums.column(groups)])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        self.sums.restore(&columns[0], groups);
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        1
    }

    fn clear(&mut self, group: u32) {
        self.sums.clear(group);
    }

    fn memory_bytes(&self) -> usize {
        self.sums.memory_bytes()
    }
}

/// `min(x)` or `max(x)` of a type with fixed width.
pub(super) struct Extreme<T: ArrowPrimitiveType> {
    extremes: Values<T>,
    greatest: bool,
}

impl<T: ArrowPrimitiveType> Extreme<T> {
    /// The greatest value if `greatest`, else the least.
    pub(super) fn new(data_type: &DataType, greatest: bool) -> Self {
        Self { extremes: Values::new(data_type), greatest }
    }
}

impl<T: ArrowPrimitiveType> Accumulate for Extreme<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn resize(&mut self, capacity: usize) {
        self.extremes.resize(capacity);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let column = arguments[0].as_primitive::<T>();
        let input = column.values();
        let greatest = self.greatest;
        let (extremes, present) = (&mut self.extremes.values, &mut self.extremes.present);
        for_each_valid(column, groups, |row, group| {
            let value = input[row];
            let beyond = if greatest { value.is_gt(extremes[group]) } else { value.is_lt(extremes[group]) };
            if beyond || !present[group] {
                extremes[group] = value;
                present[group] = true;
            }
        });
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        Ok(self.extremes.column(groups))
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        Ok(vec![self.extremes.column(groups)])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        self.extremes.restore(&columns[0], groups);
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        1
    }

    fn clear(&mut self, group: u32) {
        self.extremes.clear(group);
    }

    fn memory_bytes(&self) -> usize {
        self.extremes.memory_bytes()
    }
}

/// `avg(x)` of doubles.
#[derive(Default)]
pub(super) struct Mean {
    sums: Vec<f64>,
    counts: Vec<i64>,
}

impl Accumulate for Mean {
    fn resize(&mut self, capacity: usize) {
        self.sums.resize(capacity, 0.0);
        self.counts.resize(capacity, 0);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let column = arguments[0].as_primitive::<Float64Type>();
        for_each_valid(column, groups, |row, group| {
            self.sums[group] += column.value(row);
            self.counts[group] += 1;
        });
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let mean = |group: &u32| {
            let count = self.counts[*group as usize];
            (count > 0).then(|| self.sums[*group as usize] / count as f64)
        };
        Ok(Arc::new(groups.iter().map(mean).collect::<Float64Array>()))
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        let sums: Float64Array = groups.iter().map(|group| Some(self.sums[*group as usize])).collect();
        let counts: Int64Array = groups.iter().map(|group| self.counts[*group as usize]).collect();
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let (sums, counts) = (columns[0].as_primitive::<Float64Type>(), columns[1].as_primitive::<Int64Type>());
        for (row, group) in groups.iter().enumerate() {
            self.sums[*group as usize] = sums.value(row);
            self.counts[*group as usize] = counts.value(row);
        }
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        2
    }

    fn clear(&mut self, group: u32) {
        self.sums[group as usize] = 0.0;
        self.counts[group as usize] = 0;
    }

    fn memory_bytes(&self) -> usize {
        self.sums.len() * (size_of::<f64>() + size_of::<i64>())
    }
}
