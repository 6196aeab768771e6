//! The views as the API tells them.

use arrow::datatypes::Schema;
use millrace_flow::TopicKind;
use millrace_schema::types::type_name;

use crate::catalog::{kind_of, topic_of};
use crate::model::{Column, View, ViewKind};
use crate::{Project, catalog};

/// All views of a project; `count` tells how many rows a materialized one has.
pub(crate) fn list(project: &Project, count: impl Fn(&str) -> Option<u64>) -> Vec<View> {
    let program = &project.program;
    let view = |def: &millrace_engine::sql::ViewDef| {
        let topic = topic_of(def, program);
        View {
            name: def.name.to_string(),
            materialized: def.materialized,
            kind: match catalog::kind_of(def, program).filter(|_| def.materialized) {
                Some(TopicKind::Upserts) => ViewKind::Upserts,
                Some(_) => ViewKind::Rows,
                None => ViewKind::Inlined,
            },
            columns: columns(&def.schema),
            key: def.key.clone(),
            time_column: def.time_column.clone(),
            window_ms: def.window_ms,
            rows: def.materialized.then(|| count(&def.name)).flatten(),
            query: topic.clone(),
            topic,
            sql: def.statement.sql.clone(),
            source_file: def.statement.file.to_string(),
            source_line: def.statement.line,
        }
    };
    program.views.iter().map(view).collect()
}

/// The columns of a schema.
pub(crate) fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &arrow::datatypes::FieldRef| Column {
        name: field.name().clone(),
        type_name: type_name(field.data_type()),
        nullable: field.is_nullable(),
    };
    schema.fields().iter().map(column).collect()
}

/// The columns that keys of a topic are made of.
pub(crate) fn key_of(project: &Project, topic: &str) -> Option<Vec<String>> {
    let program = &project.program;
    let view = program.views.iter().find(|view| *view.name == *topic)?;
    (kind_of(view, program) == Some(TopicKind::Upserts)).then(|| view.key.clone()).filter(|key| !key.is_empty())
}
