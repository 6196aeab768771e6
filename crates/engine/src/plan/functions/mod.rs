//! The functions that SQL may call: DataFusion's, and those of Spark that it lacks.
//!
//! What Spark merely calls by another name is renamed when a SELECT is read (`sql::spark`); here are the functions that have
//! to compute something.

mod average;
mod checked;
mod checked_sum;
mod dates;
mod decimal;
mod distinct;
mod division;
mod extreme_by;
mod regex;
mod rounding;
mod sum;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, ColumnarValue, ScalarUDF, Volatility, WindowUDF, create_udf};
use datafusion::scalar::ScalarValue;

pub(crate) use checked::checked;
pub(crate) use decimal::divide_decimal;
pub(crate) use distinct::DISTINCT_KEY;
pub(crate) use division::divide;
pub(crate) use window::{NEEDS_TIME, WINDOW, hop, window_type};

/// All functions by name, in lower case.
pub(crate) struct Functions {
    pub(crate) scalar: HashMap<String, Arc<ScalarUDF>>,
    pub(crate) aggregate: HashMap<String, Arc<AggregateUDF>>,
    pub(crate) window: HashMap<String, Arc<WindowUDF>>,
    pub(crate) planners: Vec<Arc<dyn ExprPlanner>>,
}

/// Functions of DataFusion that tell about the program rather than compute, or that read other files than those asked of.
const LEFT_OUT: [&str; 4] = ["version", "input_file_name", "file_row_index", "arrow_metadata"];

impl Functions {
    /// The one table of functions; made at its first use.
    pub(crate) fn all() -> &'static Self {
        static ALL: OnceLock<Functions> = OnceLock::new();
        ALL.get_or_init(Self::collect)
    }

    fn collect() -> Self {
        let mut all = Self {
            scalar: HashMap::new(),
            aggregate: HashMap::new(),
            window: HashMap::new(),
            planners: SessionStateDefaults::default_expr_planners(),
        };
        let own = [window::window(), window::hop_udf(), division::divide_udf(), division::integer_divide()];
        let own = own.into_iter().chain([decimal::divide_decimal_udf(), distinct::distinct_key()]);
        let own = own.chain(rounding::functions());
        let own = own.chain(dates::functions()).chain(regex::functions()).map(Arc::new);
        for function in SessionStateDefaults::default_scalar_functions().into_iter().chain(own) {
            for alias in function.aliases() {
                all.scalar.insert(alias.to_lowercase(), function.clone());
            }
            all.scalar.insert(function.name().to_lowercase(), function);
        }
        all.scalar.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        let own = extreme_by::functions().into_iter().map(Arc::new);
        for function in SessionStateDefaults::default_aggregate_functions().into_iter().chain(own) {
            for alias in function.aliases() {
                all.aggregate.insert(alias.to_lowercase(), function.clone());
            }
            all.aggregate.insert(function.name().to_lowercase(), function);
        }
        let average = Arc::new(average::average(&all.aggregate["avg"]));
        for name in ["avg", "mean"] {
            all.aggregate.insert(name.to_owned(), average.clone());
        }
        let sum = Arc::new(sum::sum(&all.aggregate["sum"]));
        all.aggregate.insert("sum".to_owned(), sum);
        for function in SessionStateDefaults::default_window_functions() {
            all.window.insert(function.name().to_lowercase(), function);
        }
        all
    }

    /// Whether there is a function of that name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.scalar.contains_key(name) || self.aggregate.contains_key(name) || self.window.contains_key(name)
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.scalar.keys().chain(self.aggregate.keys()).chain(self.window.keys()).map(String::as_str)
    }
}

/// A function of columns that are turned into these types first.
fn simple(
    name: &str,
    arguments: Vec<DataType>,
    result: DataType,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
) -> ScalarUDF {
    let call = move |arguments: &[ColumnarValue]| {
        let all_scalar = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let result = body(&ColumnarValue::values_to_arrays(arguments)?)?;
        Ok(match all_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
            false => ColumnarValue::Array(result),
        })
    };
    create_udf(name, arguments, result, Volatility::Immutable, Arc::new(call))
}
