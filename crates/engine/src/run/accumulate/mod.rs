//! Aggregates by group: state that can be read without being drained, saved in parts and restored.
//!
//! Counts, sums, least, greatest and mean values and exact distinct counts have vectors of their own; every other aggregate
//! goes through DataFusion's accumulator for it ([`generic`]).

mod distinct;
mod extreme_by;
mod generic;
mod native;
mod text;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit, *};

use super::error::EngineError;
use crate::plan::AggregateCall;

/// The state of one aggregate call over all groups.
///
/// A group that was never updated is empty: `count` 0, everything else NULL.
pub(super) trait Accumulate: Send + Sync {
    /// Makes room for groups below `capacity`.
    fn resize(&mut self, capacity: usize);

    /// Takes rows in: row `i` of `arguments` belongs to group `groups[i]`, or to none if that is
    /// [`SKIP`](super::groups::SKIP).
    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError>;

    /// The results of these groups, which stay as they are.
    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError>;

    /// The state of these groups as columns: all of it if `whole`, else at least what changed since the last save.
    fn save(&mut self, groups: &[u32], whole: bool) -> Result<Vec<ArrayRef>, EngineError>;

    /// Takes back what [`Accumulate::save`] gave. Restoring the saves of a group in their order gives its state.
    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError>;

    /// Number of columns that [`Accumulate::save`] gives.
    fn saved_columns(&self) -> usize;

    /// Empties a group.
    fn clear(&mut self, group: u32);

    /// Bytes held, about.
    fn memory_bytes(&self) -> usize;
}

/// The state for a call.
pub(super) fn accumulator_for(call: &AggregateCall, input: &Schema) -> Result<Box<dyn Accumulate>, EngineError> {
    let arguments = call.function.expressions();
    let types = arguments.iter().map(|argument| argument.data_type(input)).collect::<Result<Vec<_>, _>>()?;
    let result = call.function.field().data_type().clone();
    if let Some(native) = native_for(call, &types, &result)? {
        return Ok(native);
    }
    Ok(Box::new(generic::Generic::new(call.function.clone())?))
}

fn native_for(
    call: &AggregateCall,
    types: &[DataType],
    result: &DataType,
) -> Result<Option<Box<dyn Accumulate>>, EngineError> {
    let name = call.function.fun().name();
    if let ([value, order], "min_by" | "max_by") = (types, name)
        && extreme_by::ExtremeBy::takes(value)
        && extreme_by::ExtremeBy::takes(order)
    {
        return Ok(Some(Box::new(extreme_by::ExtremeBy::new(value, order, name == "max_by")?)));
    }
    let [argument] = types else { return Ok(None) };
    if call.function.is_distinct() {
        let counts = name == "count" && *result == DataType::Int64;
        return Ok(if counts { Some(Box::new(distinct::CountDistinct::new(argument)?)) } else { None });
    }
    Ok(match name {
        "count" => Some(Box::new(native::Count::default())),
        "sum" => sum_of(argument, result),
        "min" if argument == result => extreme_of(argument, false),
        "max" if argument == result => extreme_of(argument, true),
        "avg" if *argument == DataType::Float64 => Some(Box::new(native::Mean::default())),
        _ => None,
    })
}

fn sum_of(argument: &DataType, result: &DataType) -> Option<Box<dyn Accumulate>> {
    match (argument, result) {
        (DataType::Int64, DataType::Int64) => Some(Box::new(native::Sum::<Int64Type>::new(result))),
        (DataType::Float64, DataType::Float64) => Some(Box::new(native::Sum::<Float64Type>::new(result))),
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) if from == to => {
            Some(Box::new(native::Sum::<Decimal128Type>::new(result)))
        }
        _ => None,
    }
}

fn extreme_of(data_type: &DataType, greatest: bool) -> Option<Box<dyn Accumulate>> {
    Some(match data_type {
        DataType::Int32 => Box::new(native::Extreme::<Int32Type>::new(data_type, greatest)),
        DataType::Int64 => Box::new(native::Extreme::<Int64Type>::new(data_type, greatest)),
        DataType::Float64 => Box::new(native::Extreme::<Float64Type>::new(data_type, greatest)),
        DataType::Date32 => Box::new(native::Extreme::<Date32Type>::new(data_type, greatest)),
        DataType::Decimal128(_, _) => Box::new(native::Extreme::<Decimal128Type>::new(data_type, greatest)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            Box::new(native::Extreme::<TimestampMicrosecondType>::new(data_type, greatest))
        }
        DataType::Utf8 | DataType::Utf8View => Box::new(text::TextExtreme::new(data_type, greatest)),
        _ => return None,
    })
}
