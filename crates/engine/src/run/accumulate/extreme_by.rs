//! `max_by(value, order)` and `min_by(value, order)`, and with them the first or last row of each key.
//!
//! Value and order are kept in arrow's row format, which compares as bytes. Of rows with the same order the one with the
//! greater value wins, so that the result does not depend on the order in which rows arrive.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use super::super::error::EngineError;
use super::super::groups::SKIP;
use super::Accumulate;

struct Best {
    order: Box<[u8]>,
    value: Box<[u8]>,
}

/// The best row of each group; `None` until one with an order came.
pub(super) struct ExtremeBy {
    greatest: bool,
    value: Column,
    order: Column,
    best: Vec<Option<Best>>,
    bytes: usize,
}

/// A column in row format.
struct Column {
    converter: RowConverter,
    null: Box<[u8]>,
}

impl Column {
    fn new(data_type: &DataType) -> Result<Self, EngineError> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        let null = converter.convert_columns(&[new_null_array(data_type, 1)])?.row(0).as_ref().into();
        Ok(Self { converter, null })
    }

    fn column<'a>(&self, rows: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef, EngineError> {
        let parser = self.converter.parser();
        let rows = rows.map(|row| parser.parse(row.unwrap_or(&self.null)));
        Ok(self.converter.convert_rows(rows)?.remove(0))
    }
}

impl ExtremeBy {
    /// Whether rows of these types come back from the row format as they were.
    pub(super) fn takes(data_type: &DataType) -> bool {
        !matches!(data_type, DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _))
            && RowConverter::supports_fields(&[SortField::new(data_type.clone())])
    }

    /// No rows yet; the types are those of the two arguments.
    pub(super) fn new(value: &DataType, order: &DataType, greatest: bool) -> Result<Self, EngineError> {
        Ok(Self { greatest, value: Column::new(value)?, order: Column::new(order)?, best: Vec::new(), bytes: 0 })
    }

    fn offer(&mut self, group: usize, order: &[u8], value: &[u8]) {
        let slot = &mut self.best[group];
        if let Some(best) = slot {
            let is_better = match order.cmp(&best.order) {
                Ordering::Equal => value > &*best.value,
                ordering => ordering.is_gt() == self.greatest,
            };
            if !is_better {
                return;
            }
            self.bytes -= best.order.len() + best.value.len();
        }
        self.bytes += order.len() + value.len();
        *slot = Some(Best { order: order.into(), value: value.into() });
    }
}

impl Accumulate for ExtremeBy {
    fn resize(&mut self, capacity: usize) {
        self.best.resize_with(capacity, || None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let values = self.value.converter.convert_columns(&arguments[..1])?;
        let orders = self.order.converter.convert_columns(&arguments[1..])?;
        for (row, group) in groups.iter().enumerate() {
            if *group != SKIP && arguments[1].is_valid(row) {
                self.offer(*group as usize, orders.row(row).as_ref(), values.row(row).as_ref());
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        self.value.column(groups.iter().map(|group| Some(&*self.best[*group as usize].as_ref()?.value)))
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        let values = self.evaluate(groups)?;
        let orders = groups.iter().map(|group| Some(&*self.best[*group as usize].as_ref()?.order));
        Ok(vec![values, self.order.column(orders)?])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        groups.iter().filter(|group| **group != SKIP).for_each(|group| self.clear(*group));
        self.update(columns, groups)
    }

    fn saved_columns(&self) -> usize {
        2
    }

    fn clear(&mut self, group: u32) {
        if let Some(best) = self.best[group as usize].take() {
            self.bytes -= best.order.len() + best.value.len();
        }
    }

    fn memory_bytes(&self) -> usize {
        self.bytes + self.best.len() * size_of::<Option<Best>>()
    }
}
