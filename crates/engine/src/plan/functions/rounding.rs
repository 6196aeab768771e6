//! `floor` and `ceil` as in Spark: whole numbers, with room for one digit more.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

pub(super) fn functions() -> [ScalarUDF; 2] {
    [false, true].map(|up| ScalarUDF::from(Rounding { up, signature: Signature::user_defined(Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounding {
    up: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &str {
        if self.up { "ceil" } else { "floor" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [argument] = arguments else {
            return plan_err!("Function '{name}' expects 1 arguments but received {}", arguments.len());
        };
        match argument {
            DataType::Decimal128(_, _) => Ok(vec![argument.clone()]),
            DataType::Null => Ok(vec![DataType::Int64]),
            whole if whole.is_integer() => Ok(vec![DataType::Int64]),
            float if float.is_floating() => Ok(vec![DataType::Float64]),
            other => plan_err!("Function '{name}' expects Numeric but received {other}"),
        }
    }

    /// A BIGINT, or a DECIMAL without a fraction that 9.99 fits as 10.
    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match arguments {
            [DataType::Decimal128(precision, scale)] if *scale > 0 => {
                let whole = precision.saturating_sub(scale.unsigned_abs());
                DataType::Decimal128((whole + 1).min(DECIMAL128_MAX_PRECISION), 0)
            }
            [decimal @ DataType::Decimal128(_, _)] => decimal.clone(),
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(arguments.args[0], ColumnarValue::Scalar(_));
        let values = arguments.args[0].to_array(arguments.number_rows)?;
        let rounded = rounded(&values, self.up, arguments.return_field.data_type())?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&rounded, 0)?),
            false => ColumnarValue::Array(rounded),
        })
    }
}

fn rounded(values: &ArrayRef, up: bool, result: &DataType) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Decimal128(_, scale) if *scale > 0 => {
            let unit = 10_i128.pow(u32::from(scale.unsigned_abs()));
            let whole = |value: i128| value.div_euclid(unit) + i128::from(up && value.rem_euclid(unit) != 0);
            let whole: Decimal128Array = values.as_primitive::<Decimal128Type>().unary(whole);
            Ok(Arc::new(whole.with_data_type(result.clone())))
        }
        DataType::Float64 => {
            let whole = |value: f64| if up { value.ceil() } else { value.floor() } as i64;
            let whole: Int64Array = values.as_primitive::<Float64Type>().unary(whole);
            Ok(Arc::new(whole))
        }
        DataType::Decimal128(_, _) | DataType::Int64 => Ok(values.clone()),
        other => exec_err!("cannot round {other}"),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn numbers_are_whole_and_fit() {
        let cells = vec![Some(999_999_999), Some(-150), Some(300), None];
        let prices = Decimal128Array::from(cells).with_precision_and_scale(9, 2).expect("nine digits");
        let prices: ArrayRef = Arc::new(prices);
        for (up, whole) in
            [(false, [Some(9_999_999), Some(-2), Some(3), None]), (true, [Some(10_000_000), Some(-1), Some(3), None])]
        {
            let [floor, ceil] = functions();
            let function = if up { ceil } else { floor };
            let result = function.inner().return_type(&[prices.data_type().clone()]).expect("a decimal");
            assert_eq!(result, DataType::Decimal128(8, 0));
            let rounded = rounded(&prices, up, &result).expect("a decimal");
            assert_eq!(rounded.as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>(), whole);
        }
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, -1.5]));
        let up = rounded(&floats, true, &DataType::Int64).expect("a double");
        assert_eq!(up.as_primitive::<Int64Type>().values(), &[2, -1]);
    }
}
