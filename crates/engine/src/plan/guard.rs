//! Conditions of questions that keep others from being computed: of `n <> 0 AND 10 / n > 1` the second is for those rows only
//! that the first does not decide.
//!
//! DataFusion computes both for many rows at a time. Here each becomes `a AND CASE WHEN a IS NOT FALSE THEN b ELSE FALSE END`,
//! which is the same of all three truth values. It is done when the plan is optimised: a simpler way to say the same would
//! be found before. What cannot fail goes first, since what is optimised has been put into another order.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::utils::split_binary_owned;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, lit, when};

use super::naming::change_expressions;

/// Every condition but the last is there twice, and those within it as often again. Larger ones stay as they are: their rows
/// may fail, but no question grows without bounds.
const NODES_MAX: usize = 2_000;

/// The same plan, in which conditions guard those behind them.
pub(crate) fn with_guards(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| change_expressions(plan, guarded)).map(|plan| plan.data)
}

fn guarded(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_down(|expr| match expr {
        Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. }) if can_fail(&expr) => {
            let operands = split_binary_owned(expr, op).into_iter().map(|operand| Ok(guarded(operand)?.data));
            let chain = chain(op, operands.collect::<Result<_>>()?)?;
            Ok(Transformed::new(chain, true, TreeNodeRecursion::Jump))
        }
        expr => Ok(Transformed::no(expr)),
    })
}

fn chain(op: Operator, operands: Vec<Expr>) -> Result<Expr> {
    let join = |left: Expr, right: Expr| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
    let is_small = operands.iter().map(nodes).sum::<usize>() <= NODES_MAX;
    let (failing, safe): (Vec<Expr>, Vec<Expr>) = operands.into_iter().partition(can_fail);
    let mut parts = failing;
    if let Some(safe) = safe.into_iter().reduce(join) {
        parts.insert(0, safe);
    }
    let mut parts = parts.into_iter().rev();
    let mut chain = parts.next().expect("a condition has two operands");
    for part in parts {
        let behind = match op {
            _ if !is_small => chain,
            Operator::And => when(part.clone().is_not_false(), chain).otherwise(lit(false))?,
            _ => when(part.clone().is_not_true(), chain).otherwise(lit(true))?,
        };
        chain = join(part, behind);
    }
    Ok(chain)
}

fn nodes(expr: &Expr) -> usize {
    let mut nodes = 0;
    let counted = expr.apply(|_| {
        nodes += 1;
        Ok(TreeNodeRecursion::Continue)
    });
    if counted.is_ok() { nodes } else { usize::MAX }
}

/// Whether there is a row that `expr` may fail at; what is not known to do may.
fn can_fail(expr: &Expr) -> bool {
    let fails = |expr: &Expr| match expr {
        Expr::BinaryExpr(binary) => !is_safe(binary.op),
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Not(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::Like(_)
        | Expr::Case(_)
        | Expr::TryCast(_)
        | Expr::ScalarSubquery(_) => false,
        _ => true,
    };
    expr.exists(|expr| Ok(fails(expr))).unwrap_or(true)
}

/// Whether an operator compares, or joins truth values: neither fails.
pub(super) fn is_safe(op: Operator) -> bool {
    use Operator::{And, Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq, Or};
    matches!(op, And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use datafusion::logical_expr::{cast, col};

    use super::*;

    fn fails(name: &str) -> Expr {
        cast(col(name), DataType::Int32).gt(lit(1))
    }

    #[test]
    fn what_cannot_fail_goes_first_and_guards_the_rest() {
        let condition = fails("a").and(col("b").gt(lit(0))).and(fails("c"));
        let shown = guarded(condition).expect("it is rewritten").data.to_string();
        let inner = "CAST(a AS Int32) > Int32(1) AND CASE WHEN CAST(a AS Int32) > Int32(1) IS NOT FALSE \
                     THEN CAST(c AS Int32) > Int32(1) ELSE Boolean(false) END";
        let expected =
            format!("b > Int32(0) AND CASE WHEN b > Int32(0) IS NOT FALSE THEN {inner} ELSE Boolean(false) END");
        assert_eq!(shown, expected);
        let safe = col("a").gt(lit(1)).and(col("b").is_null());
        assert!(!guarded(safe).expect("it is looked at").transformed);
    }

    #[test]
    fn conditions_do_not_grow_without_bounds() {
        let long = (0..400).map(|_| fails("a")).reduce(Expr::and).expect("some");
        assert!(nodes(&guarded(long).expect("it is rewritten").data) < 2 * 400 * 8);
        let deep = (0..60).fold(fails("a"), |deep, level| match level % 2 {
            0 => deep.and(fails("b")),
            _ => deep.or(fails("b")),
        });
        assert!(nodes(&guarded(deep).expect("it is rewritten").data) < 4 * NODES_MAX);
    }
}
