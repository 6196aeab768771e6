//! Sums, differences and products of whole numbers that fail when they overflow. DataFusion's own operators wrap.

use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

/// The function behind `operator` where both sides are whole numbers of one type, if it can overflow.
pub(crate) fn checked(operator: Operator) -> Option<ScalarUDF> {
    let name = match operator {
        Operator::Plus => "plus",
        Operator::Minus => "minus",
        Operator::Multiply => "times",
        _ => return None,
    };
    Some(ScalarUDF::from(Checked { operator, name, signature: Signature::any(2, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operator: Operator,
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = &arguments.args[..] else { unreachable!("the signature takes two") };
        apply(left, right, |left, right| match self.operator {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            _ => numeric::mul(left, right),
        })
    }
}
