//! The tables that the warehouse keeps of a program: one a materialized view.

use millrace_engine::sql::{Program, ViewDef};
use millrace_flow::Diagnostic;
use millrace_sink::sqlite::{ViewTable, refused_names};

/// The tables of a program.
pub(crate) fn of(program: &Program) -> Vec<ViewTable> {
    let table = |view: &ViewDef| {
        let query = program.queries.iter().find(|query| query.name == view.name)?;
        Some(ViewTable {
            name: view.name.to_string(),
            schema: query.output.schema.clone(),
            kind: query.output.kind,
            key: view.key.clone(),
            topic: view.name.to_string(),
            partitions: query.output.partitions,
        })
    };
    program.views.iter().filter(|view| view.materialized).filter_map(table).collect()
}

/// Every name of a view or of a column that the warehouse would refuse.
pub(crate) fn check(program: &Program) -> Vec<Diagnostic> {
    let materialized = program.views.iter().filter(|view| view.materialized);
    materialized.flat_map(check_view).collect()
}

fn check_view(view: &ViewDef) -> Vec<Diagnostic> {
    let refused = refused_names(&view.name, &view.schema).into_iter();
    let shown = refused.map(|refused| {
        let (name, what, span, cure) = match refused.column {
            None => (&*view.name, "table of the warehouse", view.name_span, "give the view another name"),
            Some(column) => {
                let (name, span) = (view.schema.field(column).name().as_str(), view.column_spans[column]);
                (name, "column of the warehouse", span, "give the column another name with AS")
            }
        };
        let message = format!("`{name}` cannot name a {what}: {}", refused.reason);
        view.statement.diagnostic(span, message, Some(cure.to_owned()))
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_engine::sql::{Script, compile};

    use super::*;

    #[test]
    fn names_that_the_warehouse_refuses_are_found_before_it_opens() {
        let sql = "CREATE SOURCE lines (item STRING, _key STRING) WITH (connector = 'csv');
            CREATE VIEW sqlite_plain AS SELECT _key FROM lines;
            CREATE MATERIALIZED VIEW sqlite_x AS SELECT item, item AS _KEY FROM lines;
            CREATE MATERIALIZED VIEW every AS SELECT * FROM lines;
            CREATE MATERIALIZED VIEW offsets AS SELECT item AS _offset FROM lines;";
        let script = Script { file: Arc::from("a.sql"), text: Arc::from(sql) };
        let wrong = check(&compile(&[script]).expect("the statements are right"));
        let shown: Vec<String> = wrong
            .iter()
            .map(|wrong| {
                let word: String = wrong.excerpt.chars().skip(wrong.span.column - 1).take(wrong.span.length).collect();
                format!("{} {word}: {}", wrong.span.line, wrong.message)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "3 sqlite_x: `sqlite_x` cannot name a table of the warehouse: names that begin with `_` or `sqlite_` are kept \
                 for the warehouse and for SQLite",
                "3 _KEY: `_KEY` cannot name a column of the warehouse: the warehouse keeps the key of every row in a column \
                 of that name",
                "4 SELECT: `_key` cannot name a column of the warehouse: the warehouse keeps the key of every row in a column \
                 of that name",
            ]
        );
    }
}
