//! From a SELECT's syntax tree to a logical plan with settled types, and from there to one that is worth running.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Union, cast,
    col, lit, when,
};
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::optimize_unions::OptimizeUnions;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerContext, OptimizerRule};
use datafusion::scalar::ScalarValue;
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast;

use super::catalog::{Catalog, options};
use super::comparisons::check_comparisons;
use super::functions::{divide, divide_decimal, hop};
use super::naming::change_expressions;

/// Plans a SELECT and settles all types.
pub(crate) fn plan(query: ast::Query, catalog: &Catalog) -> Result<LogicalPlan> {
    let plan = SqlToRel::new(catalog).sql_statement_to_plan(ast::Statement::Query(Box::new(query)))?;
    check_comparisons(&plan)?;
    analyze(plan)
}

/// Settles the types of a plan, with Spark's division: that of decimals can be told once types are settled.
pub(crate) fn analyze(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(SparkDivision { replace: divided_as_double }),
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(TypeCoercion::new()),
        Arc::new(SparkDivision { replace: divided_as_decimal }),
        Arc::new(GuardedByFilter),
    ];
    Analyzer::with_rules(rules).execute_and_check(plan, &options(), |_, _| {})
}

/// The same plan with columns of types that a topic and a table can hold, where there is such a type.
pub(crate) fn with_stored_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let stored = |index: usize| stored_type(plan.schema().field(index).data_type());
    if (0..plan.schema().fields().len()).all(|index| stored(index).is_none()) {
        return Ok(plan);
    }
    let columns = plan.schema().iter().enumerate().map(|(index, (qualifier, field))| {
        let column = Expr::from((qualifier, field));
        match stored(index) {
            Some(data_type) => cast(column, data_type).alias_qualified(qualifier.cloned(), field.name()),
            None => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The type that a column is kept as, if it is another one.
fn stored_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        DataType::Dictionary(_, value) if value.is_string() => DataType::Utf8,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, None) => return None,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(_, scale) => DataType::Decimal128(38, *scale),
        _ => return None,
    })
}

/// The same plan with as little work in it as the shapes that we run allow.
///
/// No filter is moved through an aggregate: a filter on a window is not one on the rows of that window. Distinct counts stay
/// what they are, and DISTINCT stays a node of its own.
pub(crate) fn optimize(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = run_rules(
        plan,
        vec![
            Arc::new(OptimizeUnions::new()),
            Arc::new(SimplifyExpressions::new()),
            Arc::new(EliminateDuplicatedExpr::new()),
            Arc::new(EliminateFilter::new()),
            Arc::new(CommonSubexprEliminate::new()),
            Arc::new(OptimizeProjections::new()),
        ],
    )?;
    push_filters_below_aggregates(plan)
}

fn push_filters_below_aggregates(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let input = Arc::new(push_filters(Arc::unwrap_or_clone(aggregate.input))?);
            Ok(LogicalPlan::Aggregate(Aggregate::try_new_with_schema(
                input,
                aggregate.group_expr,
                aggregate.aggr_expr,
                aggregate.schema,
            )?))
        }
        plan if has_aggregate(&plan)? => {
            Ok(plan.map_children(|child| push_filters_below_aggregates(child).map(Transformed::yes))?.data)
        }
        plan => push_filters(plan),
    }
}

fn has_aggregate(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Aggregate(_))))
}

fn push_filters(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(PushDownFilter::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(OptimizeProjections::new()),
    ];
    run_rules(plan, rules)
}

fn run_rules(plan: LogicalPlan, rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Result<LogicalPlan> {
    // The rules are in an order in which none makes work for an earlier one.
    let context = OptimizerContext::new().with_skip_failing_rules(false).with_max_passes(1);
    Optimizer::with_rules(rules).optimize(plan, &context, |_, _| {})
}

/// The call in the place of a division of operands of these types, if it has one.
type Replace = fn(&Expr, &Expr, &DataType, &DataType) -> Option<Expr>;

/// Calls of our own in the place of `a / b`.
#[derive(Debug)]
struct SparkDivision {
    replace: Replace,
}

/// `a / b` of numbers that are not decimals as a double, and an error when `b` is zero.
fn divided_as_double(left: &Expr, right: &Expr, a: &DataType, b: &DataType) -> Option<Expr> {
    let plain = |data_type: &DataType| data_type.is_integer() || data_type.is_floating();
    if !(plain(a) && (plain(b) || b.is_null()) || a.is_null() && plain(b)) {
        return None;
    }
    let arguments = [left, right].map(|operand| cast(operand.clone(), DataType::Float64)).to_vec();
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(divide(), arguments)))
}

/// `a / b` of decimals, rounded.
fn divided_as_decimal(left: &Expr, right: &Expr, a: &DataType, b: &DataType) -> Option<Expr> {
    let (DataType::Decimal128(_, _), DataType::Decimal128(_, _)) = (a, b) else { return None };
    let arguments = [left, right].map(|operand| narrowed(operand).unwrap_or_else(|| operand.clone())).to_vec();
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(divide_decimal(), arguments)))
}

/// A whole number that somebody wrote as a decimal of as many digits as it has: of all those that a BIGINT could have, the
/// quotient would have a place for each.
fn narrowed(operand: &Expr) -> Option<Expr> {
    let Expr::Cast(cast) = operand else { return None };
    let Expr::Literal(value, _) = cast.expr.as_ref() else { return None };
    let ScalarValue::Int64(Some(number)) =
        value.cast_to(&DataType::Int64).ok().filter(|_| value.data_type().is_integer())?
    else {
        return None;
    };
    let digits = number.unsigned_abs().max(1).ilog10() + 1;
    Some(lit(ScalarValue::Decimal128(Some(i128::from(number)), u8::try_from(digits).ok()?, 0)))
}

impl AnalyzerRule for SparkDivision {
    fn name(&self) -> &str {
        "spark_division"
    }

    fn analyze(&self, plan: LogicalPlan, _options: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| divide_in_node(plan, self.replace)).map(|plan| plan.data)
    }
}

fn divide_in_node(plan: LogicalPlan, replace: Replace) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&scan.projected_schema);
    }
    let changed = change_expressions(plan, |expr| {
        expr.transform_up(|expr| match expr {
            Expr::BinaryExpr(BinaryExpr { ref left, op: Operator::Divide, ref right }) => {
                let (a, b) = (left.get_type(&schema)?, right.get_type(&schema)?);
                Ok(replace(left, right, &a, &b).map_or_else(|| Transformed::no(expr), Transformed::yes))
            }
            expr => Ok(Transformed::no(expr)),
        })
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// `agg(x) FILTER (WHERE f)` computes `x` for the rows that `f` lets through and for no other: on those it may fail.
#[derive(Debug)]
struct GuardedByFilter;

impl AnalyzerRule for GuardedByFilter {
    fn name(&self) -> &str {
        "guarded_by_filter"
    }

    fn analyze(&self, plan: LogicalPlan, _options: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(guard_in_node).map(|plan| plan.data)
    }
}

fn guard_in_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    change_expressions(plan, |expr| {
        expr.transform_up(|expr| match expr {
            Expr::AggregateFunction(mut call) => {
                let Some(filter) = call.params.filter.clone() else {
                    return Ok(Transformed::no(Expr::AggregateFunction(call)));
                };
                let mut guarded = false;
                for argument in &mut call.params.args {
                    // What is the same for every row cannot fail for some, and may have to be a constant.
                    if !matches!(argument, Expr::Column(_)) && argument.any_column_refs() {
                        *argument = when(*filter.clone(), argument.clone()).end()?;
                        guarded = true;
                    }
                }
                let call = Expr::AggregateFunction(call);
                Ok(if guarded { Transformed::yes(call) } else { Transformed::no(call) })
            }
            expr => Ok(Transformed::no(expr)),
        })
    })
}

/// Windows that overlap, for questions: each row once for every window that covers it.
///
/// `GROUP BY window(ts, 15 min, 5 min)` reads the union of three copies of its input, each with one of the windows; rows
/// that a copy's window does not cover are left out.
pub(crate) fn expand_hopping(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up(expand_node).map(|plan| plan.data)
}

/// The column that a copy has its window in.
const COLUMN: &str = "__window";

fn expand_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let found = match &plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.iter().find_map(find_hopping),
        LogicalPlan::Projection(projection) => projection.expr.iter().find_map(find_hopping),
        _ => None,
    };
    let Some((call, copies)) = found else { return Ok(Transformed::no(plan)) };
    let marker = Expr::ScalarFunction(call.clone());
    let replace =
        |exprs: Vec<Expr>| exprs.into_iter().map(|expr| with_column(expr, &marker)).collect::<Result<Vec<_>>>();
    Ok(Transformed::yes(match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let input = copies_of(&aggregate.input, &call, copies)?;
            let (groups, calls) = (replace(aggregate.group_expr)?, replace(aggregate.aggr_expr)?);
            LogicalPlan::Aggregate(Aggregate::try_new_with_schema(input, groups, calls, aggregate.schema)?)
        }
        LogicalPlan::Projection(projection) => {
            let input = copies_of(&projection.input, &call, copies)?;
            let columns = replace(projection.expr)?;
            LogicalPlan::Projection(Projection::try_new_with_schema(columns, input, projection.schema)?)
        }
        plan => plan,
    }))
}

/// The rows of `input`, each once for every window that covers it, with that window.
///
/// A union forgets which table a column is of, so on their way through it the columns are numbered.
fn copies_of(input: &Arc<LogicalPlan>, call: &ScalarFunction, copies: i64) -> Result<Arc<LogicalPlan>> {
    let columns = input.schema().columns();
    let numbered = |index: usize| format!("__{index}");
    let mut inputs = Vec::new();
    for back in 0..copies {
        let mut arguments = call.args.clone();
        arguments.push(lit(back));
        let window = Expr::ScalarFunction(ScalarFunction::new_udf(hop(), arguments)).alias(COLUMN);
        let own = columns.iter().enumerate().map(|(index, column)| Expr::Column(column.clone()).alias(numbered(index)));
        let projected = LogicalPlan::Projection(Projection::try_new(own.chain([window]).collect(), input.clone())?);
        inputs.push(Arc::new(LogicalPlanBuilder::from(projected).filter(col(COLUMN).is_not_null())?.build()?));
    }
    let union = Arc::new(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?));
    let named = columns.into_iter().enumerate();
    let named = named.map(|(index, column)| col(numbered(index)).alias_qualified(column.relation, column.name));
    let named = named.chain([col(COLUMN)]).collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(named, union)?)))
}

/// `expr`, under the same name, with `marker` as the column of the copies.
fn with_column(expr: Expr, marker: &Expr) -> Result<Expr> {
    let (qualifier, name) = expr.qualified_name();
    let replaced = expr.transform_up(|expr| match expr == *marker {
        true => Ok(Transformed::yes(col(COLUMN))),
        false => Ok(Transformed::no(expr)),
    })?;
    Ok(if replaced.transformed { replaced.data.alias_qualified(qualifier, name) } else { replaced.data })
}

/// A hopping window within `expr`, and how many of its windows cover one time.
fn find_hopping(expr: &Expr) -> Option<(ScalarFunction, i64)> {
    let mut found = None;
    let _ = expr.apply(|expr| {
        if let Expr::ScalarFunction(call) = expr
            && call.func.name() == super::functions::WINDOW
            && let (Some(size), Some(slide)) = (call.args.get(1).and_then(number), call.args.get(2).and_then(number))
            && slide > 0
            && size != slide
        {
            found = Some((call.clone(), (size + slide - 1) / slide));
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    found
}

fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    }
}
