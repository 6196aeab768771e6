//! The key index: which group a row belongs to.
//!
//! A group's key is the window's start (if there is a window) followed by the key columns, in arrow's row format, which
//! compares as bytes. Groups are numbered from 0; the number of a group that was removed is used again.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::error::EngineError;

/// In place of a group: the row takes no part.
pub(super) const SKIP: u32 = u32::MAX;

/// Maps keys to group numbers and back.
pub(super) struct Groups {
    converter: RowConverter,
    table: HashTable<u32>,
    keys: Vec<Option<Box<[u8]>>>,
    free: Vec<u32>,
    key_bytes: usize,
}

impl Groups {
    /// An empty index over keys of these types.
    pub(super) fn new(types: &[DataType]) -> Result<Self, EngineError> {
        let fields = types.iter().map(|data_type| SortField::new(data_type.clone())).collect();
        Ok(Self {
            converter: RowConverter::new(fields)?,
            table: HashTable::new(),
            keys: Vec::new(),
            free: Vec::new(),
            key_bytes: 0,
        })
    }

    /// The keys of a batch in row format. Needs no access to the index itself, so batches can be converted side by side.
    pub(super) fn convert(&self, columns: &[ArrayRef]) -> Result<Rows, EngineError> {
        Ok(self.converter.convert_columns(columns)?)
    }

    /// Number of groups there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len() - self.free.len()
    }

    /// One more than the greatest group number in use.
    pub(super) fn capacity(&self) -> usize {
        self.keys.len()
    }

    /// The groups there are.
    pub(super) fn live(&self) -> impl Iterator<Item = u32> + '_ {
        let numbered = self.keys.iter().enumerate().filter(|(_, key)| key.is_some());
        numbered.map(|(group, _)| u32::try_from(group).expect("group numbers are 32 bits wide"))
    }

    /// Bytes held, about.
    pub(super) fn memory_bytes(&self) -> usize {
        const SLOT_BYTES: usize = size_of::<Option<Box<[u8]>>>() + size_of::<u32>() * 2;
        self.key_bytes + self.keys.len() * SLOT_BYTES
    }

    /// The group of each row, new ones made as needed; `created` hears of each new group and the row that made it. Rows for
    /// which `takes_part` is false get [`SKIP`].
    pub(super) fn intern(
        &mut self,
        rows: &Rows,
        takes_part: impl Fn(usize) -> bool,
        mut created: impl FnMut(u32, usize),
    ) -> Vec<u32> {
        let mut groups = Vec::with_capacity(rows.num_rows());
        let mut previous: Option<(usize, u32)> = None;
        for (index, row) in rows.iter().enumerate() {
            if !takes_part(index) {
                groups.push(SKIP);
                continue;
            }
            // Rows come sorted by time and often by key: the row before is the likeliest place to find the group.
            let group = match previous {
                Some((before, group)) if rows.row(before).as_ref() == row.as_ref() => group,
                _ => self.find_or_create(row.as_ref(), |group| created(group, index)),
            };
            previous = Some((index, group));
            groups.push(group);
        }
        groups
    }

    /// The one group there is when there are neither keys nor a window.
    pub(super) fn intern_all(
        &mut self,
        rows: usize,
        takes_part: impl Fn(usize) -> bool,
        created: impl FnMut(u32),
    ) -> Vec<u32> {
        let group = self.find_or_create(&[], created);
        (0..rows).map(|row| if takes_part(row) { group } else { SKIP }).collect()
    }

    fn find_or_create(&mut self, key: &[u8], mut created: impl FnMut(u32)) -> u32 {
        let hash = xxh3_64(key);
        let keys = &self.keys;
        if let Some(group) = self.table.find(hash, |group| keys[*group as usize].as_deref() == Some(key)) {
            return *group;
        }
        let group = match self.free.pop() {
            Some(group) => {
                self.keys[group as usize] = Some(key.into());
                group
            }
            None => {
                self.keys.push(Some(key.into()));
                u32::try_from(self.keys.len() - 1).expect("the state budget ends long before 2^32 groups")
            }
        };
        self.key_bytes += key.len();
        let keys = &self.keys;
        self.table.insert_unique(hash, group, |group| xxh3_64(keys[*group as usize].as_deref().unwrap_or_default()));
        created(group);
        group
    }

    /// The key columns of these groups, in their order.
    pub(super) fn key_columns(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let parser = self.converter.parser();
        let rows = groups.iter().map(|group| {
            let key = self.keys[*group as usize].as_deref().expect("a group that is asked for exists");
            parser.parse(key)
        });
        Ok(self.converter.convert_rows(rows)?)
    }

    /// Forgets a group.
    pub(super) fn remove(&mut self, group: u32) {
        let Some(key) = self.keys[group as usize].take() else { return };
        self.key_bytes -= key.len();
        if let Ok(entry) = self.table.find_entry(xxh3_64(&key), |candidate| *candidate == group) {
            entry.remove();
        }
        self.free.push(group);
    }
}

/// The starts of windows as plain numbers.
pub(super) fn window_starts(column: &ArrayRef) -> &[i64] {
    column.as_primitive::<Int64Type>().values()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[test]
    fn groups_are_found_again_and_numbers_are_used_again() {
        let mut groups = Groups::new(&[DataType::Int64, DataType::Utf8]).expect("both types have a row format");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 1, 2, 1])),
            Arc::new(StringArray::from(vec![Some("a"), Some("a"), None, Some("b")])),
        ];
        let rows = groups.convert(&columns).expect("the columns have the declared types");
        let mut created = Vec::new();
        assert_eq!(groups.intern(&rows, |row| row != 3, |group, row| created.push((group, row))), [0, 0, 1, SKIP]);
        assert_eq!(created, [(0, 0), (1, 2)]);
        groups.remove(0);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups.intern(&rows, |row| row > 1, |_, _| {}), [SKIP, SKIP, 1, 0]);
        let back = groups.key_columns(&[0, 1]).expect("both groups exist");
        assert_eq!(window_starts(&back[0]), [1, 2]);
        assert_eq!(back[1].as_string::<i32>().value(0), "b");
    }
}
