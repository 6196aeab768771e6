//! Questions in SQL over everything there is.
//!
//! | name | rows |
//! |---|---|
//! | `revenue_5m` | a materialized view, as the warehouse has it |
//! | `sales` | a plain view, computed for the question |
//! | `order_lines` | a source, as its topic has it |
//! | `order_lines.dlq`, `revenue_5m.late` | what could not be used, what came too late |
//! | `topic.revenue_5m` | any topic, as it is in the log; of one that clients write, its records |
//! | `lake.raw_orders` | what a Delta sink has written |

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millrace_engine::ask::{Answer, AskError, Desk, Limits};
use millrace_flow::{Batches, Result, Table, TopicKind};
use millrace_log::CLIENTS;
use millrace_sink::delta;

use crate::stores::Stores;
use crate::topic_table::TopicTable;

/// The schema of what Delta sinks have written.
const LAKE: &str = "lake";

/// The schema of all topics.
const TOPIC: &str = "topic";

/// Answers one question.
pub(crate) fn ask(stores: &Stores, sql: &str, limits: Limits) -> Result<Answer, AskError> {
    desk(stores, sql).ask(sql, limits)
}

/// Everything that may be asked of. Delta tables are only looked up when the question speaks of them: each costs a look at its
/// log.
fn desk(stores: &Stores, sql: &str) -> Desk {
    let mut desk = Desk::new();
    let project = &stores.project;
    for info in stores.log.topics() {
        let name = &info.spec.name;
        let table = if &*info.spec.writer == CLIENTS {
            TopicTable::of_records(stores.log.clone(), name)
        } else {
            TopicTable::shared(stores.log.clone(), name, info.spec.schema.clone())
        };
        if matches!(info.spec.kind, TopicKind::DeadLetter | TopicKind::Late) {
            desk.add_table(None, name, table.clone());
        }
        desk.add_table(Some(TOPIC), name, table);
    }
    for source in &project.program.sources {
        let table = TopicTable::shared(stores.log.clone(), &source.name, source.schema.clone());
        desk.add_table(None, &source.name, table);
    }
    for view in &project.program.views {
        if view.materialized {
            let table = stores.warehouse.as_ref().and_then(|warehouse| warehouse.table(&view.name));
            desk.add_table(None, &view.name, table.unwrap_or_else(|| Arc::new(NoRows(view.schema.clone()))));
        } else {
            desk.add_view(&view.name, view.select.as_str());
        }
    }
    if sql.to_lowercase().contains(LAKE) {
        for sink in &project.connectors.sinks {
            if let Ok(table) = delta::table(&sink.path) {
                desk.add_table(Some(LAKE), &sink.name, table);
            }
        }
    }
    desk
}

/// A view that nothing was written to yet.
struct NoRows(SchemaRef);

impl Table for NoRows {
    fn schema(&self) -> SchemaRef {
        self.0.clone()
    }

    fn scan(&self, _projection: Option<&[usize]>, _limit: Option<usize>) -> Result<Batches> {
        Ok(Box::new(std::iter::empty()))
    }
}
