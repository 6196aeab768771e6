//! Which records are looked for.

use millrace_log::Record;

use super::render::{ORIGIN_HEADER, Renderer};
use crate::model::MessagesQuery;
use crate::{Result, StationError};

/// Everything that a record has to fulfil.
#[derive(Debug, Default)]
pub(super) struct Filter {
    key: Option<Vec<u8>>,
    /// The header that says where a record comes from, as it is written.
    origins: Option<Vec<String>>,
    /// In lower case.
    search: Option<String>,
}

impl Filter {
    pub(super) fn new(query: &MessagesQuery, renderer: &Renderer<'_>) -> Result<Self> {
        let origins = query.origin.as_deref().map(|origin| origins(origin, renderer)).transpose()?;
        Ok(Self {
            key: query.key.clone().map(String::into_bytes),
            origins,
            search: query.search.as_deref().filter(|text| !text.is_empty()).map(str::to_lowercase),
        })
    }

    /// Whether every record passes.
    pub(super) fn is_open(&self) -> bool {
        self.key.is_none() && self.origins.is_none() && self.search.is_none()
    }

    /// Which of the records pass. Values are decoded only to be searched, and many at once.
    pub(super) fn matches(&self, records: &[Record], renderer: &mut Renderer<'_>) -> Vec<bool> {
        let mut matches: Vec<bool> = records.iter().map(|record| self.passes(record)).collect();
        if let Some(search) = &self.search {
            let candidates: Vec<usize> = (0..records.len()).filter(|index| matches[*index]).collect();
            let chosen: Vec<&Record> = candidates.iter().map(|index| &records[*index]).collect();
            for (index, values) in candidates.into_iter().zip(renderer.texts(&chosen)) {
                let key = records[index].key.as_deref().map(String::from_utf8_lossy);
                let in_key = key.is_some_and(|key| key.to_lowercase().contains(search));
                matches[index] = in_key || values.iter().any(|value| value.to_lowercase().contains(search));
            }
        }
        matches
    }

    fn passes(&self, record: &Record) -> bool {
        let has_key = self.key.as_ref().is_none_or(|key| record.key.as_deref() == Some(key.as_slice()));
        let has_origin = self.origins.as_ref().is_none_or(|origins| {
            let at = record.headers.iter().find(|(name, _)| name == ORIGIN_HEADER).map(|(_, at)| at);
            at.is_some_and(|at| origins.iter().any(|origin| origin.as_bytes() == at.as_ref()))
        });
        has_key && has_origin
    }
}

/// The headers that a place in a file may have: `FILE:LINE`, where the file is a path, the end of one, or its number.
fn origins(text: &str, renderer: &Renderer<'_>) -> Result<Vec<String>> {
    let wrong = || StationError::Question(format!("`origin={text}` is no place in a file; write it as FILE:LINE"));
    let (file, line) = text.rsplit_once(':').ok_or_else(wrong)?;
    let line: u64 = line.trim().parse().map_err(|_| wrong())?;
    let numbers = renderer.file_numbers(file.trim());
    Ok(numbers.into_iter().map(|number| format!("{number}:{line}")).collect())
}
