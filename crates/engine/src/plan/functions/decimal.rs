//! Division of decimals, rounded half up as Spark does it; arrow's own cuts the rest off.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, new_empty_array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, i256};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// `divide_decimal(a, b)`.
pub(super) fn divide_decimal_udf() -> ScalarUDF {
    ScalarUDF::from(Division { signature: Signature::any(2, Volatility::Immutable) })
}

/// The function behind `/` of decimals.
pub(crate) fn divide_decimal() -> Arc<ScalarUDF> {
    super::Functions::all().scalar["divide_decimal"].clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Division {
    signature: Signature,
}

impl ScalarUDFImpl for Division {
    fn name(&self) -> &str {
        "divide_decimal"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// That of arrow's division.
    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let quotient = numeric::div(&new_empty_array(&arguments[0]), &new_empty_array(&arguments[1]))?;
        Ok(quotient.data_type().clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        Ok(ColumnarValue::Array(quotient(&columns[0], &columns[1], arguments.return_field.data_type())?))
    }
}

fn quotient(a: &ArrayRef, b: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    let (DataType::Decimal128(_, from), DataType::Decimal128(_, by), DataType::Decimal128(precision, scale)) =
        (a.data_type(), b.data_type(), result)
    else {
        let message = format!("cannot divide {} by {}", a.data_type(), b.data_type());
        return Err(ArrowError::InvalidArgumentError(message).into());
    };
    // a / 10^from : b / 10^by, at the scale of the result.
    let shift = i32::from(*scale) + i32::from(*by) - i32::from(*from);
    let factor = ten_to_the(shift.unsigned_abs());
    let (a, b) = (a.as_primitive::<Decimal128Type>(), b.as_primitive::<Decimal128Type>());
    let mut cells = Vec::with_capacity(a.len());
    for row in 0..a.len() {
        if a.is_null(row) || b.is_null(row) {
            cells.push(None);
            continue;
        }
        let (a, b) = (i256::from_i128(a.value(row)), i256::from_i128(b.value(row)));
        if b == i256::ZERO {
            return Err(ArrowError::DivideByZero.into());
        }
        let overflow = || ArrowError::ArithmeticOverflow(format!("a quotient has more than {precision} digits"));
        let (a, b) =
            if shift < 0 { (a, b.checked_mul(factor)) } else { (a.checked_mul(factor).ok_or_else(overflow)?, Some(b)) };
        let cell = rounded_quotient(a, b.ok_or_else(overflow)?);
        cells.push(Some(fits(cell, *precision).ok_or_else(overflow)?));
    }
    Ok(Arc::new(Decimal128Array::from(cells).with_data_type(result.clone())))
}

/// `a / b`, rounded to the nearest whole number, halves away from zero.
pub(super) fn rounded_quotient(a: i256, b: i256) -> i256 {
    let (quotient, rest) = (a.wrapping_div(b), a.wrapping_rem(b));
    // |rest| >= |b| - |rest| says 2|rest| >= |b| without a doubling that could overflow.
    if rest != i256::ZERO && rest.wrapping_abs() >= b.wrapping_abs().wrapping_sub(rest.wrapping_abs()) {
        let step = if a.is_negative() == b.is_negative() { i256::ONE } else { i256::MINUS_ONE };
        return quotient.wrapping_add(step);
    }
    quotient
}

/// The number, if it has no more digits than `precision`.
pub(super) fn fits(number: i256, precision: u8) -> Option<i128> {
    (number.wrapping_abs() < ten_to_the(u32::from(precision))).then(|| number.to_i128()).flatten()
}

/// A power of ten that 256 bits hold.
pub(super) fn ten_to_the(power: u32) -> i256 {
    i256::from_i128(10).wrapping_pow(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        let round = |a: i128, b: i128| rounded_quotient(i256::from_i128(a), i256::from_i128(b)).to_i128();
        for (a, b, rounded) in
            [(5, 2, 3), (-5, 2, -3), (5, -2, -3), (-5, -2, 3), (4, 3, 1), (-4, 3, -1), (6, 3, 2), (1, 3, 0)]
        {
            assert_eq!(round(a, b), Some(rounded), "{a} / {b}");
        }
    }

    #[test]
    fn quotients_are_rounded_and_checked() {
        let column = |cells: Vec<Option<i128>>, scale| {
            Arc::new(Decimal128Array::from(cells).with_precision_and_scale(12, scale).expect("twelve digits"))
                as ArrayRef
        };
        let (a, b) = (column(vec![Some(200), None, Some(-200)], 2), column(vec![Some(30), Some(0), Some(30)], 1));
        let result = DataType::Decimal128(18, 6);
        let cells = quotient(&a, &b, &result).expect("no zero divides");
        let cells: Vec<_> = cells.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(cells, [Some(666_667), None, Some(-666_667)]);
        assert!(quotient(&a, &column(vec![Some(1), Some(1), Some(0)], 1), &result).is_err());
        assert!(quotient(&a, &b, &DataType::Decimal128(5, 6)).is_err(), "six digits do not fit five");
    }
}
