//! What names mean while a SELECT is planned.
//!
//! Inside the planner every name is in lower case, as Spark compares names; how people spelled them is kept beside and
//! comes back in the columns of the result.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference, plan_err};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::sql::planner::ContextProvider;
use millrace_flow::TopicKind;

use super::Watermark;
use super::functions::Functions;

/// Everything that a SELECT may read, and the functions it may call.
pub(crate) struct Catalog {
    relations: HashMap<String, Relation>,
    options: ConfigOptions,
}

/// Something in FROM.
#[derive(Clone)]
pub(crate) struct Relation {
    /// Its columns as they are spelled.
    pub(crate) columns: Vec<String>,
    /// What the planner sees of it.
    pub(crate) source: Arc<dyn TableSource>,
}

impl Catalog {
    pub(crate) fn new() -> Self {
        Self { relations: HashMap::new(), options: options() }
    }

    /// Makes `name` known; `name` in lower case.
    pub(crate) fn add(&mut self, name: String, relation: Relation) {
        self.relations.insert(name, relation);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// All names, in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.relations.keys().map(String::as_str)
    }

    /// The columns of these relations in the order in which they are declared, each once.
    pub(crate) fn declared_columns<'a>(&self, relations: impl Iterator<Item = &'a str>) -> Vec<&str> {
        let columns = relations.filter_map(|name| self.get(name)).flat_map(|relation| &relation.columns);
        let mut seen = HashSet::new();
        columns.map(String::as_str).filter(|column| seen.insert(*column)).collect()
    }

    /// The columns of these relations, as spelled, by their names in lower case.
    pub(crate) fn columns_of<'a>(&self, relations: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
        let columns = relations.filter_map(|name| self.get(name)).flat_map(|relation| &relation.columns);
        columns.map(|column| (column.to_lowercase(), column.clone())).collect()
    }
}

/// How SELECTs are planned: Spark's ways where they can be chosen.
pub(crate) fn options() -> ConfigOptions {
    let mut options = ConfigOptions::new();
    let parser = &mut options.sql_parser;
    parser.parse_float_as_decimal = true;
    parser.map_string_types_to_utf8view = false;
    parser.collect_spans = true;
    parser.default_null_ordering = "nulls_min".to_owned();
    options.execution.target_partitions = 1;
    options
}

impl ContextProvider for Catalog {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let parts = [name.catalog(), name.schema(), Some(name.table())];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
        match self.relations.get(&name) {
            Some(relation) => Ok(relation.source.clone()),
            None => plan_err!("`{name}` does not exist"),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &Functions::all().planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        Functions::all().scalar.get(name).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        Functions::all().aggregate.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        Functions::all().window.get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Functions::all().scalar.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Functions::all().aggregate.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        Functions::all().window.keys().cloned().collect()
    }
}

/// A topic: a source's, or that of a materialized view.
#[derive(Debug, Clone)]
pub(crate) struct StreamSource {
    /// The topic's name.
    pub(crate) topic: Arc<str>,
    /// Its columns.
    pub(crate) schema: SchemaRef,
    /// The same columns with names in lower case.
    lowered: SchemaRef,
    /// What it holds.
    pub(crate) kind: TopicKind,
    /// Its watermark.
    pub(crate) watermark: Option<Watermark>,
    /// Column with the event time, which windows are made of.
    pub(crate) time: Option<usize>,
    /// Columns that tell its rows apart, where they replace one another.
    pub(crate) key: Vec<usize>,
}

impl StreamSource {
    pub(crate) fn new(topic: Arc<str>, schema: SchemaRef, kind: TopicKind) -> Self {
        let lowered = lowered(&schema);
        Self { topic, schema, lowered, kind, watermark: None, time: None, key: Vec::new() }
    }

    /// The relation that stands for it.
    pub(crate) fn into_relation(self) -> Relation {
        let columns = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        Relation { columns, source: Arc::new(self) }
    }
}

impl TableSource for StreamSource {
    fn schema(&self) -> SchemaRef {
        self.lowered.clone()
    }
}

/// A view that is planned into whatever reads it.
#[derive(Debug)]
pub(crate) struct ViewSource {
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl ViewSource {
    /// The relation of a view with this plan, its columns spelled as in `columns`.
    pub(crate) fn relation(plan: LogicalPlan, columns: Vec<String>) -> Relation {
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Relation { columns, source: Arc::new(Self { schema, plan }) }
    }
}

impl TableSource for ViewSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// The same columns with names in lower case.
pub(crate) fn lowered(schema: &Schema) -> SchemaRef {
    let lower = |field: &Arc<Field>| Field::new(field.name().to_lowercase(), field.data_type().clone(), true);
    Arc::new(Schema::new(schema.fields().iter().map(lower).collect::<Vec<_>>()))
}
