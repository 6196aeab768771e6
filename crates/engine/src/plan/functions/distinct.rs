//! Several columns as one, for `count(DISTINCT a, b)`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringBuilder};
use arrow::compute;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::plan::complaint::{Complaint, Spot};
use crate::plan::in_plain_types;

/// Name of the function: SQL has no use for it.
pub(crate) const DISTINCT_KEY: &str = "distinct_key";

/// `distinct_key(a, b, …)`: a text that is the same for the same values only, and NULL where one of them is.
pub(super) fn distinct_key() -> ScalarUDF {
    ScalarUDF::from(DistinctKey { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DistinctKey {
    signature: Signature,
}

impl ScalarUDFImpl for DistinctKey {
    fn name(&self) -> &str {
        DISTINCT_KEY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.iter().find(|data_type| !has_text(data_type)) {
            None => Ok(DataType::Utf8),
            Some(data_type) => Err(DataFusionError::External(Box::new(no_text(data_type)))),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = arguments.args.iter().map(|column| column.to_array(arguments.number_rows));
        Ok(ColumnarValue::Array(keys(&columns.collect::<Result<Vec<_>>>()?, arguments.number_rows)?))
    }
}

/// A window has a text by its start and its end.
fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().all(|field| has_text(field.data_type())),
        plain => compute::can_cast_types(plain, &DataType::Utf8) && !plain.is_nested(),
    }
}

fn no_text(data_type: &DataType) -> Complaint {
    let message =
        format!("`count(DISTINCT …)` of several columns does not take {}", in_plain_types(&data_type.to_string()));
    let spot = Spot::Call { name: "count".to_owned(), arguments: None };
    Complaint::new(message, "count what it is made of", spot)
}

/// The columns as texts; one for each bound of a window, and NULL where the window is.
fn texts_of(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let mut texts = Vec::new();
    for column in columns {
        match column.as_struct_opt() {
            Some(parts) => {
                let of_parts = parts.columns().iter().map(|part| match parts.nulls() {
                    Some(nulls) => Ok(compute::nullif(part, &BooleanArray::new(!nulls.inner(), None))?),
                    None => Ok(part.clone()),
                });
                texts.extend(texts_of(&of_parts.collect::<Result<Vec<_>>>()?)?);
            }
            None => texts.push(compute::cast(column, &DataType::Utf8)?),
        }
    }
    Ok(texts)
}

/// The values as texts, each behind its length: `a,b` and `c` are not `a` and `b,c`.
fn keys(columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let texts = texts_of(columns)?;
    let texts: Vec<_> = texts.iter().map(|text| text.as_string::<i32>()).collect();
    let mut keys = StringBuilder::new();
    for row in 0..rows {
        if texts.iter().any(|text| text.is_null(row)) {
            keys.append_null();
            continue;
        }
        for text in &texts {
            let value = text.value(row);
            // Writing to memory does not fail.
            let _ = write!(keys, "{},{value}", value.len());
        }
        keys.append_value("");
    }
    Ok(Arc::new(keys.finish()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, StringArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::{Field, Fields};

    use super::*;

    #[test]
    fn keys_are_as_different_as_their_values() {
        let text = |cells: Vec<Option<&str>>| Arc::new(StringArray::from(cells)) as ArrayRef;
        let a = text(vec![Some("x"), Some("x1,"), Some("x"), None, Some("x")]);
        let b = text(vec![Some("1,y"), Some("y"), Some("1,y"), Some("y"), None]);
        let n: ArrayRef = Arc::new(Int32Array::from(vec![1; 5]));
        let keys = keys(&[a, b, n], 5).expect("every type here has a text");
        let keys = keys.as_string::<i32>();
        assert_ne!(keys.value(0), keys.value(1));
        assert_eq!(keys.value(0), keys.value(2));
        assert!(keys.is_null(3) && keys.is_null(4));
    }

    #[test]
    fn a_window_is_a_key_by_its_bounds() {
        let bounds = |bounds: Vec<i32>| Arc::new(Int32Array::from(bounds)) as ArrayRef;
        let fields = Fields::from(["start", "end"].map(|name| Field::new(name, DataType::Int32, true)).to_vec());
        let nulls = NullBuffer::from(vec![true, true, true, false]);
        let columns = vec![bounds(vec![0, 0, 5, 0]), bounds(vec![5, 5, 9, 5])];
        let windows: ArrayRef = Arc::new(StructArray::new(fields, columns, Some(nulls)));
        let n: ArrayRef = Arc::new(Int32Array::from(vec![1; 4]));
        assert!(has_text(windows.data_type()));
        let list = DataType::new_list(DataType::Utf8, true);
        let refused = distinct_key().inner().return_type(&[DataType::Utf8, list]).expect_err("a list has no text");
        assert!(refused.to_string().contains("of several columns does not take list"), "{refused}");
        let keys = keys(&[windows, n], 4).expect("its bounds have texts");
        let keys = keys.as_string::<i32>();
        assert_eq!(keys.value(0), keys.value(1));
        assert_ne!(keys.value(0), keys.value(2));
        assert!(keys.is_null(3));
    }
}
