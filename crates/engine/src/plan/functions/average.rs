//! `avg` of decimals, rounded half up as Spark does it; everything else is DataFusion's.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Field, FieldRef, UInt64Type, i256};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature};
use datafusion::scalar::ScalarValue;

use super::decimal::{fits, rounded_quotient, ten_to_the};

/// Digits of a sum: 38 of a value, and no number of rows that fills the rest.
const SUM_PRECISION: u8 = 76;

/// `avg`, with `inner` for what is no decimal.
pub(super) fn average(inner: &AggregateUDF) -> AggregateUDF {
    AggregateUDF::from(Average { inner: inner.clone() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    inner: AggregateUDF,
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(_, _))
}

impl AggregateUDFImpl for Average {
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
        let (from, to) = (arguments.expr_fields[0].data_type(), arguments.return_field.data_type());
        match (from, to) {
            (DataType::Decimal128(_, from), DataType::Decimal128(precision, scale)) if !arguments.is_distinct => {
                Ok(Box::new(Mean { from: *from, precision: *precision, scale: *scale, sum: i256::ZERO, count: 0 }))
            }
            _ => self.inner.accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        match arguments.input_fields[0].data_type() {
            DataType::Decimal128(_, scale) if !arguments.is_distinct => {
                let field = |name: &str, data_type| {
                    FieldRef::new(Field::new(format!("{}[{name}]", arguments.name), data_type, true))
                };
                let sum = DataType::Decimal256(SUM_PRECISION, *scale);
                Ok(vec![field("count", DataType::UInt64), field("sum", sum)])
            }
            _ => self.inner.state_fields(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        !is_decimal(arguments.expr_fields[0].data_type()) && self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match is_decimal(arguments.expr_fields[0].data_type()) {
            true => self.accumulator(arguments),
            false => self.inner.create_sliding_accumulator(arguments),
        }
    }
}

/// The sum and the number of values, and the scales of values and result.
#[derive(Debug)]
struct Mean {
    from: i8,
    precision: u8,
    scale: i8,
    sum: i256,
    count: u64,
}

impl Accumulator for Mean {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<Decimal128Type>();
        for value in values.iter().flatten() {
            self.sum = self.sum.wrapping_add(i256::from_i128(value));
        }
        self.count += (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<Decimal128Type>();
        for value in values.iter().flatten() {
            self.sum = self.sum.wrapping_sub(i256::from_i128(value));
        }
        self.count -= (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.count += states[0].as_primitive::<UInt64Type>().iter().flatten().sum::<u64>();
        for sum in states[1].as_primitive::<Decimal256Type>().iter().flatten() {
            self.sum = self.sum.wrapping_add(sum);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::Decimal256(Some(self.sum), SUM_PRECISION, self.from);
        Ok(vec![ScalarValue::UInt64(Some(self.count)), sum])
    }

    /// NULL of no values, and where the result has more digits than its type, as Spark has it outside of its ANSI mode.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let shift = ten_to_the(u32::from((self.scale - self.from).unsigned_abs()));
        let mean = (self.count > 0)
            .then(|| rounded_quotient(self.sum.wrapping_mul(shift), i256::from_i128(i128::from(self.count))));
        let mean = mean.and_then(|mean| fits(mean, self.precision));
        Ok(ScalarValue::Decimal128(mean, self.precision, self.scale))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
