//! Sums of whole numbers and decimals that fail when they overflow, as those of views do. DataFusion's own wrap.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Int64Type, UInt64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;

use crate::plan::complaint::{Complaint, Spot};
use crate::plan::in_plain_types;

/// Whether sums of that type are those of this file.
pub(super) fn is_checked(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64 | DataType::Decimal128(_, _))
}

/// The sum of one group, of a type that [`is_checked`].
pub(super) fn one_sum(data_type: &DataType) -> Box<dyn Accumulator> {
    match data_type {
        DataType::Int64 => Box::new(OneSum::<Int64Type>::new(data_type)),
        DataType::UInt64 => Box::new(OneSum::<UInt64Type>::new(data_type)),
        _ => Box::new(OneSum::<Decimal128Type>::new(data_type)),
    }
}

/// The sums of many groups, of a type that [`is_checked`].
pub(super) fn many_sums(data_type: &DataType) -> Box<dyn GroupsAccumulator> {
    match data_type {
        DataType::Int64 => Box::new(ManySums::<Int64Type>::new(data_type)),
        DataType::UInt64 => Box::new(ManySums::<UInt64Type>::new(data_type)),
        _ => Box::new(ManySums::<Decimal128Type>::new(data_type)),
    }
}

/// The sum of the different values that `inner` collects.
pub(super) fn distinct_sum(inner: Box<dyn Accumulator>, data_type: &DataType) -> Box<dyn Accumulator> {
    Box::new(DistinctSum { inner, data_type: data_type.clone() })
}

fn too_large(data_type: &DataType) -> DataFusionError {
    let message = format!("a sum is too large for {}", in_plain_types(&data_type.to_string()));
    let spot = Spot::Call { name: "sum".to_owned(), arguments: Some(1) };
    let cure = "add up less at a time, or CAST what is added to DOUBLE";
    DataFusionError::External(Box::new(Complaint::new(message, cure, spot)))
}

#[derive(Debug)]
struct OneSum<T: ArrowPrimitiveType> {
    data_type: DataType,
    sum: T::Native,
    count: u64,
}

impl<T: ArrowPrimitiveType> OneSum<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn new(data_type: &DataType) -> Self {
        Self { data_type: data_type.clone(), sum: T::default_value(), count: 0 }
    }

    fn add(&mut self, values: &ArrayRef) -> Result<u64> {
        let values = values.as_primitive::<T>();
        for value in values.iter().flatten() {
            self.sum = self.sum.add_checked(value).map_err(|_| too_large(&self.data_type))?;
        }
        Ok((values.len() - values.null_count()) as u64)
    }
}

impl<T: ArrowPrimitiveType + std::fmt::Debug> Accumulator for OneSum<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.count += self.add(&columns[0])?;
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<T>();
        for value in values.iter().flatten() {
            self.sum = self.sum.sub_checked(value).map_err(|_| too_large(&self.data_type))?;
        }
        self.count -= (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    /// The state is the sum alone: one that is NULL adds nothing.
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::new_primitive::<T>((self.count > 0).then_some(self.sum), &self.data_type)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[derive(Debug)]
struct ManySums<T: ArrowPrimitiveType> {
    data_type: DataType,
    sums: Vec<T::Native>,
    /// Whether a group has any value.
    present: Vec<bool>,
}

impl<T: ArrowPrimitiveType> ManySums<T> {
    fn new(data_type: &DataType) -> Self {
        Self { data_type: data_type.clone(), sums: Vec::new(), present: Vec::new() }
    }
}

impl<T: ArrowPrimitiveType> GroupsAccumulator for ManySums<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        capacity: usize,
    ) -> Result<()> {
        self.sums.resize(capacity, T::default_value());
        self.present.resize(capacity, false);
        let values = columns[0].as_primitive::<T>();
        let takes_part = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, group) in groups.iter().enumerate() {
            if values.is_valid(row) && takes_part(row) {
                let sum = &mut self.sums[*group];
                *sum = sum.add_checked(values.value(row)).map_err(|_| too_large(&self.data_type))?;
                self.present[*group] = true;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, present) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.present));
        let sums: PrimitiveArray<T> = sums.into_iter().zip(present).map(|(sum, has)| has.then_some(sum)).collect();
        Ok(Arc::new(sums.with_data_type(self.data_type.clone())))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], capacity: usize) -> Result<()> {
        self.update_batch(states, groups, None, capacity)
    }

    fn convert_to_state(&self, columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut sums = Self::new(&self.data_type);
        let rows = columns[0].len();
        sums.update_batch(columns, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        sums.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.present.capacity()
    }
}

#[derive(Debug)]
struct DistinctSum {
    inner: Box<dyn Accumulator>,
    data_type: DataType,
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(columns)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    /// Adds up the state, which is a list of the values.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum = one_sum(&self.data_type);
        for list in self.inner.state()? {
            if let ScalarValue::List(list) = list {
                sum.update_batch(&[list.values().clone()])?;
            }
        }
        sum.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}
