//! Division as Spark 4 does it: whole numbers divide to a double, and to divide by zero is an error.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::try_binary;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

/// `divide(a, b)` of doubles.
pub(super) fn divide_udf() -> ScalarUDF {
    let types = vec![DataType::Float64, DataType::Float64];
    super::simple("divide", types, DataType::Float64, |arguments| {
        quotient::<Float64Type>(arguments, |a, b| if b == 0.0 { Err(ArrowError::DivideByZero) } else { Ok(a / b) })
    })
}

/// `a DIV b` of whole numbers.
pub(super) fn integer_divide() -> ScalarUDF {
    let types = vec![DataType::Int64, DataType::Int64];
    super::simple("integer_divide", types, DataType::Int64, |arguments| {
        quotient::<Int64Type>(arguments, |a, b| match b {
            0 => Err(ArrowError::DivideByZero),
            b => a.checked_div(b).ok_or_else(|| overflow(a, b)),
        })
    })
}

/// The least number has no counterpart above zero.
fn overflow(a: i64, b: i64) -> ArrowError {
    ArrowError::ArithmeticOverflow(format!("Overflow happened on: {a} div {b}"))
}

/// The function behind `/` of numbers that are not decimals.
pub(crate) fn divide() -> Arc<ScalarUDF> {
    super::Functions::all().scalar["divide"].clone()
}

/// Divides one number by another.
type Divide<N> = fn(N, N) -> Result<N, ArrowError>;

fn quotient<T: ArrowPrimitiveType>(arguments: &[ArrayRef], divide: Divide<T::Native>) -> Result<ArrayRef> {
    let (a, b) = (arguments[0].as_primitive::<T>(), arguments[1].as_primitive::<T>());
    let result: PrimitiveArray<T> = try_binary(a, b, divide)?;
    Ok(Arc::new(result))
}
