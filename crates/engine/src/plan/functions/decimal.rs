//! Division of decimals, rounded half up as Spark does it; arrow's own cuts the rest off.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, i256};
use arrow::error::ArrowError;
use datafusion::common::{Result, plan_err};
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

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] => Ok(quotient_type((*p1, *s1), (*p2, *s2))),
            _ => plan_err!("a decimal is divided by a decimal only"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        Ok(ColumnarValue::Array(quotient(&columns[0], &columns[1], arguments.return_field.data_type())?))
    }
}

/// Digits behind the point that a quotient keeps, where there is room.
const SCALE_MIN: i32 = 6;

/// The type of a quotient of decimals with these precisions and scales, as Spark has it: all digits before the point, and as many
/// behind it as the divisor can make, but no more than 38 together. Of those behind the point six stay in any case.
fn quotient_type((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> DataType {
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let scale = SCALE_MIN.max(s1 + p2 + 1);
    let whole = p1 - s1 + s2;
    let max = i32::from(DECIMAL128_MAX_PRECISION);
    let (precision, scale) = match whole + scale <= max {
        true => (whole + scale, scale),
        false => (max, (max - whole).max(scale.min(SCALE_MIN))),
    };
    DataType::Decimal128(u8::try_from(precision).unwrap_or(1), i8::try_from(scale).unwrap_or(0))
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
    fn quotients_have_the_digits_that_spark_gives_them() {
        for (a, b, quotient) in [
            ((2, 1), (1, 0), (7, 6)),
            ((10, 2), (1, 0), (14, 6)),
            ((12, 3), (12, 3), (28, 16)),
            ((25, 1), (20, 0), (38, 14)),
            ((38, 0), (38, 38), (38, 6)),
            ((38, 18), (10, 0), (38, 18)),
        ] {
            assert_eq!(quotient_type(a, b), DataType::Decimal128(quotient.0, quotient.1), "{a:?} / {b:?}");
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
