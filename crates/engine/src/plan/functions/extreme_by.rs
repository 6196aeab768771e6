//! `max_by(value, order)` and `min_by(value, order)`: the value of the row with the greatest or least order.
//!
//! Rows whose order is NULL take no part. Of rows with the same order the one with the greater value wins, so that the
//! result does not depend on the order in which rows arrive.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

pub(super) fn functions() -> Vec<AggregateUDF> {
    let function = |greatest| ExtremeBy { greatest, signature: Signature::any(2, Volatility::Immutable) };
    vec![AggregateUDF::from(function(true)), AggregateUDF::from(function(false))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExtremeBy {
    greatest: bool,
    signature: Signature,
}

impl AggregateUDFImpl for ExtremeBy {
    fn name(&self) -> &str {
        if self.greatest { "max_by" } else { "min_by" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let value = ScalarValue::try_from(arguments.expr_fields[0].data_type())?;
        let order = ScalarValue::try_from(arguments.expr_fields[1].data_type())?;
        Ok(Box::new(Best { greatest: self.greatest, value, order }))
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |index: usize, name: &str| {
            let data_type = arguments.input_fields[index].data_type().clone();
            FieldRef::new(Field::new(format!("{}[{name}]", arguments.name), data_type, true))
        };
        Ok(vec![field(0, "value"), field(1, "order")])
    }
}

#[derive(Debug)]
struct Best {
    greatest: bool,
    value: ScalarValue,
    order: ScalarValue,
}

impl Best {
    fn is_better(&self, value: &ScalarValue, order: &ScalarValue) -> bool {
        if self.order.is_null() {
            return true;
        }
        match order.partial_cmp(&self.order) {
            Some(std::cmp::Ordering::Equal) => {
                self.value.is_null() || value.partial_cmp(&self.value).is_some_and(|o| o.is_gt())
            }
            Some(ordering) => ordering.is_gt() == self.greatest,
            None => false,
        }
    }
}

impl Accumulator for Best {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for row in 0..columns[1].len() {
            if columns[1].is_null(row) {
                continue;
            }
            let value = ScalarValue::try_from_array(&columns[0], row)?;
            let order = ScalarValue::try_from_array(&columns[1], row)?;
            if self.is_better(&value, &order) {
                (self.value, self.order) = (value, order);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), self.order.clone()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() + self.order.size()
    }
}
