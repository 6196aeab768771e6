//! A warehouse table as rows that questions are asked of.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millrace_flow::{Batches, Result, Table};

use super::{RowsQuery, Warehouse};

struct WarehouseTable {
    warehouse: Arc<Warehouse>,
    name: String,
    schema: SchemaRef,
}

impl Warehouse {
    /// The table of that name, if there is one; what it gives is as of the moment of each scan.
    pub fn table(self: &Arc<Self>, name: &str) -> Option<Arc<dyn Table>> {
        let schema = self.entry(name).ok()?.table.schema.clone();
        Some(Arc::new(WarehouseTable { warehouse: self.clone(), name: name.to_owned(), schema }))
    }
}

impl Table for WarehouseTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn scan(&self, projection: Option<&[usize]>, limit: Option<usize>) -> Result<Batches> {
        let names = |at: &[usize]| at.iter().map(|at| self.schema.field(*at).name().clone()).collect();
        let query = RowsQuery { columns: projection.map(names), limit, ..RowsQuery::default() };
        let (_, batches) = self.warehouse.stream(&self.name, &query)?;
        Ok(batches)
    }
}
