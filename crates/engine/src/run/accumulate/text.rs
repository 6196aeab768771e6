//! `min(x)` and `max(x)` of text, compared byte by byte.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::super::error::EngineError;
use super::super::groups::SKIP;
use super::Accumulate;

/// The least or the greatest text of each group.
pub(super) struct TextExtreme {
    data_type: DataType,
    greatest: bool,
    texts: Vec<Option<Box<str>>>,
    bytes: usize,
}

impl TextExtreme {
    /// The greatest text if `greatest`, else the least; `data_type` is that of arguments and result.
    pub(super) fn new(data_type: &DataType, greatest: bool) -> Self {
        Self { data_type: data_type.clone(), greatest, texts: Vec::new(), bytes: 0 }
    }

    fn offer(&mut self, group: usize, text: &str) {
        let slot = &mut self.texts[group];
        let beyond = match slot.as_deref() {
            None => true,
            Some(held) if self.greatest => text > held,
            Some(held) => text < held,
        };
        if beyond {
            self.bytes = self.bytes + text.len() - slot.as_ref().map_or(0, |held| held.len());
            *slot = Some(text.into());
        }
    }
}

impl Accumulate for TextExtreme {
    fn resize(&mut self, capacity: usize) {
        self.texts.resize(capacity, None);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let plain = cast(&arguments[0], &DataType::Utf8)?;
        let column = plain.as_string::<i32>();
        for (row, group) in groups.iter().enumerate() {
            if *group != SKIP && column.is_valid(row) {
                self.offer(*group as usize, column.value(row));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let texts = groups.iter().map(|group| self.texts[*group as usize].as_deref());
        Ok(match self.data_type {
            DataType::Utf8View => Arc::new(texts.collect::<StringViewArray>()),
            _ => Arc::new(texts.collect::<StringArray>()),
        })
    }

    fn save(&mut self, groups: &[u32], _whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        let texts = groups.iter().map(|group| self.texts[*group as usize].as_deref());
        Ok(vec![Arc::new(texts.collect::<StringArray>())])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let column = columns[0].as_string::<i32>();
        for (row, group) in groups.iter().enumerate() {
            self.clear(*group);
            if column.is_valid(row) {
                self.offer(*group as usize, column.value(row));
            }
        }
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        1
    }

    fn clear(&mut self, group: u32) {
        if let Some(text) = self.texts[group as usize].take() {
            self.bytes = self.bytes.saturating_sub(text.len());
        }
    }

    fn memory_bytes(&self) -> usize {
        self.bytes + self.texts.len() * size_of::<Option<Box<str>>>()
    }
}
