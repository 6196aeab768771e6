//! The shapes of a value, of a row and of a record, for the document of the API. None is ever made: values are written from Arrow columns as
//! [`millrace_schema::json`] says.

use std::borrow::Cow;

use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
use utoipa::{PartialSchema, ToSchema};

/// One value: text, a number, true or false, or `null` where there is none.
#[derive(Debug, Clone, Copy)]
pub enum Cell {}

/// Values by the names of their columns.
#[derive(Debug, Clone, Copy)]
pub enum Row {}

/// What a record may hold: a row, or whatever clients of Kafka have written.
#[derive(Debug, Clone, Copy)]
pub enum RecordValue {}

impl PartialSchema for Cell {
    fn schema() -> RefOr<Schema> {
        let kinds = [Type::String, Type::Number, Type::Boolean, Type::Null];
        let about = "One value: text (a DECIMAL, a time, a BIGINT beyond 2^53), a number, true or false, or null.";
        ObjectBuilder::new().schema_type(SchemaType::from_iter(kinds)).description(Some(about)).into()
    }
}

impl ToSchema for Cell {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Cell")
    }
}

impl PartialSchema for Row {
    fn schema() -> RefOr<Schema> {
        let cell = Ref::from_schema_name(Cell::name());
        let row = ObjectBuilder::new().additional_properties(Some(cell));
        row.description(Some("Values by the names of their columns.")).into()
    }
}

impl ToSchema for Row {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Row")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Cell::name().into_owned(), Cell::schema()));
    }
}

impl PartialSchema for RecordValue {
    fn schema() -> RefOr<Schema> {
        let kinds = [Type::Object, Type::Array, Type::String, Type::Number, Type::Boolean, Type::Null];
        let about = "A row: values by the names of their columns. Or what clients of Kafka have written: JSON, a text, or \
                     {\"bytes\": 5, \"base64\": \"…\"} of what is neither.";
        ObjectBuilder::new().schema_type(SchemaType::from_iter(kinds)).description(Some(about)).into()
    }
}

impl ToSchema for RecordValue {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RecordValue")
    }
}
