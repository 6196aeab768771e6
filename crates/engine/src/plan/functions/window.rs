//! `window(time, size, slide, start)`: the marker that a GROUP BY turns into windows, and what it computes for itself.
//!
//! Sizes are microseconds by now; the SELECT's text had them as intervals. A tumbling window is an ordinary function of the
//! time: `Struct<start, end>`. A hopping window gives a row several values, which no function can; a question is rewritten
//! to one `hop` per window that covers a row (see [`hop_udf`]), a continuous query has windows of its own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

/// Name of the marker.
pub(crate) const WINDOW: &str = "window";

/// What is said of a window over something that is no time; what it is comes after it.
pub(crate) const NEEDS_TIME: &str = "a window is over a TIMESTAMP";

const HOP: &str = "window_hop";

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The type of a window: a struct of its start and its end.
pub(crate) fn window_type() -> DataType {
    let bounds = vec![Field::new("start", TIME, true), Field::new("end", TIME, true)];
    DataType::Struct(Fields::from(bounds))
}

/// Where a window that begins at `start_us` ends.
fn end_us(start_us: i64, size_us: i64) -> i64 {
    start_us.saturating_add(size_us)
}

/// `window(time, size_us, slide_us, start_us)`.
pub(super) fn window() -> ScalarUDF {
    ScalarUDF::from(WindowFunction { signature: Signature::user_defined(Volatility::Immutable), hopping: false })
}

/// `window_hop(time, size_us, slide_us, start_us, back)`: the window that begins `back` slides before the last one which
/// covers the time, or NULL if that one does not cover it.
pub(super) fn hop_udf() -> ScalarUDF {
    ScalarUDF::from(WindowFunction { signature: Signature::user_defined(Volatility::Immutable), hopping: true })
}

/// The function behind [`hop_udf`], ready to be called.
pub(crate) fn hop() -> Arc<ScalarUDF> {
    super::Functions::all().scalar[HOP].clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowFunction {
    signature: Signature,
    hopping: bool,
}

impl ScalarUDFImpl for WindowFunction {
    fn name(&self) -> &str {
        if self.hopping { HOP } else { WINDOW }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(window_type())
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = if self.hopping { 5 } else { 4 };
        if arguments.len() != wanted {
            return plan_err!("window takes a time, a size, and perhaps a slide and a start");
        }
        if !matches!(arguments[0], DataType::Timestamp(_, _) | DataType::Date32 | DataType::Null) {
            let found = match &arguments[0] {
                text if text.is_string() => "text",
                number if number.is_numeric() => "numbers",
                _ => "something else",
            };
            return plan_err!("{NEEDS_TIME}, not over {found}");
        }
        let mut types = vec![DataType::Int64; wanted];
        types[0] = TIME;
        Ok(types)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = arguments.args[1..].iter().map(number).collect::<Result<Vec<_>>>()?;
        let (size, slide, start) = (numbers[0], numbers[1], numbers[2]);
        if size != slide && !self.hopping {
            return exec_err!("windows that overlap can only be used in GROUP BY");
        }
        let back = numbers.get(3).copied().unwrap_or(0);
        let times = arguments.args[0].to_array(arguments.number_rows)?;
        let windows = covering(times.as_primitive::<TimestampMicrosecondType>(), size, slide, start, back)?;
        Ok(ColumnarValue::Array(windows))
    }
}

fn number(argument: &ColumnarValue) -> Result<i64> {
    match argument {
        ColumnarValue::Scalar(ScalarValue::Int64(Some(number))) => Ok(*number),
        _ => exec_err!("the size of a window must be a constant"),
    }
}

fn covering(times: &TimestampMicrosecondArray, size: i64, slide: i64, start: i64, back: i64) -> Result<ArrayRef> {
    let start_of = |time: i64| {
        let window = time - (time - start).rem_euclid(slide) - back * slide;
        (window + size > time).then_some(window)
    };
    let starts: TimestampMicrosecondArray = times.iter().map(|time| time.and_then(start_of)).collect();
    let ends: TimestampMicrosecondArray = starts.iter().map(|start| start.map(|start| end_us(start, size))).collect();
    let DataType::Struct(fields) = window_type() else { unreachable!("a window is a struct") };
    let nulls = starts.nulls().cloned();
    Ok(Arc::new(StructArray::try_new(fields, vec![Arc::new(starts), Arc::new(ends)], nulls)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hop_covers_or_is_null() {
        let times = TimestampMicrosecondArray::from(vec![Some(12), None, Some(-1)]);
        let starts = |back| {
            let windows = covering(&times, 15, 5, 0, back).expect("the arguments fit");
            windows.as_struct().column(0).as_primitive::<TimestampMicrosecondType>().iter().collect::<Vec<_>>()
        };
        assert_eq!(starts(0), [Some(10), None, Some(-5)]);
        assert_eq!(starts(2), [Some(0), None, Some(-15)]);
        assert_eq!(starts(3), [None, None, None]);
    }
}
