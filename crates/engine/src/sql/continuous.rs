//! What a SELECT that runs for ever cannot have, found in its text so that the place can be shown.
//!
//! The same is refused once more when the plan is lowered, where it may come from a view that the SELECT reads.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, FunctionArguments, GroupByExpr, Query, Select, SetExpr, SetOperator, Spanned,
    TableFactor, Visitor,
};

use super::reading::Reading;
use super::spark::name_of;
use super::text::{Problem, span_of};
use super::walk::look;
use crate::plan::{VOLATILE, instead_of_volatile};

/// Everything in the text of `reading` that a continuous query cannot do.
pub(crate) fn refusals(reading: &Reading) -> Vec<Problem> {
    let mut check = Check { reading, problems: Vec::new() };
    look(&reading.query, &mut check);
    if reading.relations.is_empty() && check.problems.is_empty() {
        let problem = Problem::new(reading.select_span(), "this SELECT reads nothing");
        check.problems.push(problem.cure("name a source or a view: SELECT … FROM source"));
    }
    check.problems
}

struct Check<'a> {
    reading: &'a Reading,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn refuse_word(&mut self, word: &str, message: &str, cure: &str) {
        self.problems.push(Problem::new(self.reading.word_span(word), message).cure(cure));
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::SetOperation { op, left, right, .. } => {
                if *op != SetOperator::Union {
                    let word = op.to_string();
                    self.refuse_word(
                        &word,
                        &format!("{word} needs rows that end"),
                        "use a filter, or ask it as a question",
                    );
                }
                self.body(left);
                self.body(right);
            }
            SetExpr::Values(_) => self.refuse_word("VALUES", "VALUES is no stream", "read a source or a view"),
            _ => {}
        }
    }

    fn call(&mut self, function: &datafusion::sql::sqlparser::ast::Function) {
        let (name, span) = (name_of(function), span_of(function.name.span()));
        if function.over.is_some() && name != "row_number" {
            let problem = Problem::new(span, format!("`{name}(…) OVER` needs rows that end"));
            let cure =
                "only ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) = 1 runs for ever; use GROUP BY, or ask a question";
            self.problems.push(problem.cure(cure));
        }
        if VOLATILE.contains(&name.as_str()) {
            let spelled = self.reading.spelled_call(span).unwrap_or_else(|| name.clone());
            let problem = Problem::new(
                span,
                format!("`{spelled}` gives another value each time, so the results could not be repeated"),
            );
            self.problems.push(problem.cure(instead_of_volatile(&name)));
        }
        if let FunctionArguments::List(list) = &function.args
            && list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
        {
            let problem = Problem::new(span, format!("ORDER BY within `{name}` needs rows that end"));
            self.problems.push(problem.cure("use max_by(value, order) or min_by(value, order)"));
        }
    }
}

impl Visitor for Check<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if query.order_by.is_some() {
            let cure = "leave it out: sort when you read the view, in a question or with `order` in the API";
            self.refuse_word("ORDER", "ORDER BY needs rows that end", cure);
        }
        if query.limit_clause.is_some() || query.fetch.is_some() {
            let word = if query.fetch.is_some() { "FETCH" } else { "LIMIT" };
            let cure = "leave it out: take the first rows when you read the view";
            self.refuse_word(word, &format!("{word} needs rows that end"), cure);
        }
        self.body(&query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let joined = select.from.iter().find_map(|from| from.joins.first());
        if let Some(join) = joined {
            let problem = Problem::new(span_of(join.relation.span()), "this version does not run joins in views yet");
            self.problems.push(problem.cure("join in a question, or bring the columns into the source"));
        } else if select.from.len() > 1 {
            let problem = Problem::new(span_of(select.from[1].span()), "this version does not run joins in views yet");
            self.problems.push(problem.cure("read one source or view, or put them together with UNION ALL"));
        }
        if let GroupByExpr::Expressions(groups, modifiers) = &select.group_by {
            let sets = |group: &&Expr| matches!(group, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_));
            if !modifiers.is_empty() || groups.iter().any(|group| sets(&group)) {
                let cure = "write one view for each set of groups";
                self.refuse_word("GROUP", "ROLLUP, CUBE and GROUPING SETS do not run in views yet", cure);
            }
        }
        if !select.lateral_views.is_empty() {
            self.refuse_word("LATERAL", "LATERAL VIEW does not run in views yet", "leave it out");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if !matches!(factor, TableFactor::Table { .. } | TableFactor::Derived { .. } | TableFactor::NestedJoin { .. }) {
            let problem = Problem::new(span_of(factor.span()), "this is no source and no view");
            self.problems.push(problem.cure("FROM takes sources, views, subqueries, TUMBLE and HOP"));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Exists { .. } | Expr::InSubquery { .. } | Expr::Subquery(_) => {
                let problem =
                    Problem::new(span_of(expr.span()), "subqueries within expressions do not run in views yet");
                self.problems
                    .push(problem.cure("put the subquery into FROM if it only filters, or ask it as a question"));
            }
            Expr::Function(function) => self.call(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
