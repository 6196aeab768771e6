//! Division as Spark 4 does it: whole numbers divide to a double, and to divide by zero is an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::binary;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

/// `divide(a, b)` of doubles.
pub(super) fn divide_udf() -> ScalarUDF {
    let types = vec![DataType::Float64, DataType::Float64];
    super::simple("divide", types, DataType::Float64, |arguments| {
        quotient::<Float64Type>(arguments, |divisor| divisor == 0.0, |a, b| a / b)
    })
}

/// `a DIV b` of whole numbers.
pub(super) fn integer_divide() -> ScalarUDF {
    let types = vec![DataType::Int64, DataType::Int64];
    super::simple("integer_divide", types, DataType::Int64, |arguments| {
        quotient::<Int64Type>(arguments, |divisor| divisor == 0, i64::wrapping_div)
    })
}

/// The function behind `/` of numbers that are not decimals.
pub(crate) fn divide() -> Arc<ScalarUDF> {
    super::Functions::all().scalar["divide"].clone()
}

fn quotient<T: ArrowPrimitiveType>(
    arguments: &[ArrayRef],
    is_zero: fn(T::Native) -> bool,
    divide: fn(T::Native, T::Native) -> T::Native,
) -> Result<ArrayRef> {
    let (a, b) = (arguments[0].as_primitive::<T>(), arguments[1].as_primitive::<T>());
    let by_zero = (0..b.len()).any(|row| b.is_valid(row) && a.is_valid(row) && is_zero(b.value(row)));
    if by_zero {
        return Err(ArrowError::DivideByZero.into());
    }
    // What stands under a null may be a zero, which must not be divided by.
    let safe = |a, b| if is_zero(b) { T::default_value() } else { divide(a, b) };
    let result: PrimitiveArray<T> = binary(a, b, safe)?;
    Ok(Arc::new(result))
}
