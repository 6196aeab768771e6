//! The fields of values, by name, as people look for them.
//!
//! | value | its fields |
//! |---|---|
//! | a row, Avro behind the id of a schema of this registry | its columns |
//! | an object in JSON | its members, the outermost only |
//! | anything else | none |
//!
//! A field is a text or a number: `7`, `7.0` and `7e0` are one number, `007` in quotes is a text. True and false, dates and
//! times are the texts that [`crate::json`] shows. NULL, lists and objects are not looked for.

mod number;
mod object;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type};

use crate::Registry;
use crate::avro::{Decoder, schema_id};
use crate::json::value_to_text;
pub use number::plain_number;

/// Moves whenever a value would have other fields than before, or other spellings of them.
pub const FIELDS_VERSION: u32 = 1;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A text.
    Text(&'a str),
    /// A number, in the one spelling that [`plain_number`] gives it.
    Number(&'a str),
}

/// Reads the fields of values.
#[derive(Debug)]
pub struct FieldReader {
    registry: Arc<Registry>,
    /// By schema id; `None` for a schema that is no flat record.
    decoders: HashMap<u32, Option<Decoder>>,
    /// Where numbers are written.
    text: String,
}

impl FieldReader {
    /// A reader of values that were written with schemas of `registry`.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, decoders: HashMap::new(), text: String::new() }
    }

    /// Calls `visit` with the place in `values`, the name and the content of each field, or of each that is called `only`.
    /// Answers whether that is all for certain: of a value that names a schema which is not known yet nobody can say.
    pub fn read(
        &mut self,
        values: &[&[u8]],
        only: Option<&str>,
        visit: &mut dyn FnMut(usize, &str, Scalar<'_>),
    ) -> bool {
        let mut by_schema: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let mut is_certain = true;
        for (at, value) in values.iter().enumerate() {
            match schema_id(value) {
                Some(id) if self.registry.schema_json(id).is_some() => by_schema.entry(id).or_default().push(at),
                Some(_) => is_certain = false,
                None => object::each_member(value, only, &mut self.text, &mut |name, scalar| visit(at, name, scalar)),
            }
        }
        for (id, places) in by_schema {
            self.read_rows(id, values, &places, only, visit);
        }
        is_certain
    }

    /// Reads the values at `places`, which name the schema `id`.
    fn read_rows(
        &mut self,
        id: u32,
        values: &[&[u8]],
        places: &[usize],
        only: Option<&str>,
        visit: &mut dyn FnMut(usize, &str, Scalar<'_>),
    ) {
        let registry = &self.registry;
        let decoder = self.decoders.entry(id).or_insert_with(|| {
            let schema = registry.arrow_schema(id).ok().flatten()?;
            Decoder::new(id, &registry.schema_json(id)?, schema).ok()
        });
        let Some(decoder) = decoder else { return };
        if let Ok(rows) = decoder.decode(places.iter().map(|at| values[*at])) {
            return each_cell(&rows, places, only, &mut self.text, visit);
        }
        // One of them only looks like a row of this schema.
        for at in places {
            if let Ok(row) = decoder.decode([values[*at]]) {
                each_cell(&row, &[*at], only, &mut self.text, visit);
            }
        }
    }
}

fn each_cell(
    rows: &RecordBatch,
    places: &[usize],
    only: Option<&str>,
    text: &mut String,
    visit: &mut dyn FnMut(usize, &str, Scalar<'_>),
) {
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        if only.is_some_and(|only| only != field.name()) {
            continue;
        }
        for (row, at) in places.iter().enumerate().filter(|(row, _)| !column.is_null(*row)) {
            visit_cell(column, row, text, &mut |scalar| visit(*at, field.name(), scalar));
        }
    }
}

fn visit_cell(column: &dyn Array, row: usize, text: &mut String, visit: &mut dyn FnMut(Scalar<'_>)) {
    text.clear();
    match column.data_type() {
        DataType::Utf8 => return visit(Scalar::Text(column.as_string::<i32>().value(row))),
        DataType::Int32 => write!(text, "{}", column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(text, "{}", column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => {
            let shown = value_to_text(column, row).unwrap_or_default();
            let number = plain_number(&shown, text);
            return visit(if number { Scalar::Number(text) } else { Scalar::Text(&shown) });
        }
        _ => return visit(Scalar::Text(&value_to_text(column, row).unwrap_or_default())),
    }
    .expect("a text takes everything");
    visit(Scalar::Number(text));
}
