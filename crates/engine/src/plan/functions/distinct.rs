//! Several columns as one, for `count(DISTINCT a, b)`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::compute;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

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

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = arguments.args.iter().map(|column| column.to_array(arguments.number_rows));
        Ok(ColumnarValue::Array(keys(&columns.collect::<Result<Vec<_>>>()?, arguments.number_rows)?))
    }
}

/// The values as texts, each behind its length: `a,b` and `c` are not `a` and `b,c`.
fn keys(columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let texts = columns.iter().map(|column| compute::cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
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
    use arrow::array::{Int32Array, StringArray};

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
}
