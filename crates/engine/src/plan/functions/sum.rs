//! `sum` that does not wrap, without what the planner would make of several sums of one thing.
//!
//! DataFusion turns `sum(p + 4.99), sum(p + 2.99)` into `sum(p) + 4.99 * count(p)` and so on, with the count in the literal's
//! type: a DECIMAL(3,2) counts up to 9. Its result would fail for every group of ten rows, and its type would be another.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
};

use super::checked_sum::{distinct_sum, is_checked, many_sums, one_sum};

/// `inner`, which is `sum`, summing what it is given.
pub(super) fn sum(inner: &AggregateUDF) -> AggregateUDF {
    AggregateUDF::from(Sum { inner: inner.clone() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: AggregateUDF,
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (result, is_distinct) = (arguments.return_field.data_type().clone(), arguments.is_distinct);
        match (is_checked(&result), is_distinct) {
            (true, false) => Ok(one_sum(&result)),
            (true, true) => Ok(distinct_sum(self.inner.accumulator(arguments)?, &result)),
            (false, _) => self.inner.accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match arguments.return_field.data_type() {
            result if is_checked(result) => Ok(many_sums(result)),
            _ => self.inner.create_groups_accumulator(arguments),
        }
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.return_field.data_type() {
            result if is_checked(result) && !arguments.is_distinct => Ok(one_sum(result)),
            _ => self.inner.create_sliding_accumulator(arguments),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}
