//! `count(DISTINCT x)`, exact.
//!
//! Each distinct value has a number in a dictionary that all groups share, so that a group costs eight bytes in one set and
//! four in its list for each of its values, whatever their type. A value leaves the dictionary with the last group that
//! holds it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::{HashSet, HashTable};
use xxhash_rust::xxh3::xxh3_64;

use super::super::error::EngineError;
use super::super::groups::SKIP;
use super::Accumulate;

struct Value {
    bytes: Box<[u8]>,
    holders: u32,
}

#[derive(Default)]
struct GroupValues {
    numbers: Vec<u32>,
    saved: usize,
}

/// The distinct values of every group.
pub(super) struct CountDistinct {
    converter: RowConverter,
    data_type: DataType,
    dictionary: HashTable<u32>,
    values: Vec<Option<Value>>,
    free: Vec<u32>,
    pairs: HashSet<u64>,
    groups: Vec<GroupValues>,
    value_bytes: usize,
}

impl CountDistinct {
    /// Counts values of `data_type`.
    pub(super) fn new(data_type: &DataType) -> Result<Self, EngineError> {
        Ok(Self {
            converter: RowConverter::new(vec![SortField::new(data_type.clone())])?,
            data_type: data_type.clone(),
            dictionary: HashTable::new(),
            values: Vec::new(),
            free: Vec::new(),
            pairs: HashSet::new(),
            groups: Vec::new(),
            value_bytes: 0,
        })
    }

    fn add(&mut self, group: u32, bytes: &[u8]) {
        let number = self.number_of(bytes);
        if self.pairs.insert(pair(group, number)) {
            self.groups[group as usize].numbers.push(number);
            self.values[number as usize].as_mut().expect("the number was just looked up").holders += 1;
        }
    }

    fn number_of(&mut self, bytes: &[u8]) -> u32 {
        let hash = xxh3_64(bytes);
        let values = &self.values;
        let same = |number: &u32| values[*number as usize].as_ref().is_some_and(|value| *value.bytes == *bytes);
        if let Some(number) = self.dictionary.find(hash, same) {
            return *number;
        }
        let value = Some(Value { bytes: bytes.into(), holders: 0 });
        self.value_bytes += bytes.len();
        let number = match self.free.pop() {
            Some(number) => {
                self.values[number as usize] = value;
                number
            }
            None => {
                self.values.push(value);
                u32::try_from(self.values.len() - 1).expect("the state budget ends long before 2^32 values")
            }
        };
        let values = &self.values;
        let rehash = |number: &u32| values[*number as usize].as_ref().map_or(0, |value| xxh3_64(&value.bytes));
        self.dictionary.insert_unique(hash, number, rehash);
        number
    }

    fn release(&mut self, number: u32) {
        let slot = &mut self.values[number as usize];
        let Some(value) = slot else { return };
        value.holders -= 1;
        if value.holders > 0 {
            return;
        }
        self.value_bytes -= value.bytes.len();
        if let Ok(entry) = self.dictionary.find_entry(xxh3_64(&value.bytes), |candidate| *candidate == number) {
            entry.remove();
        }
        *slot = None;
        self.free.push(number);
    }

    fn add_rows(&mut self, rows: &Rows, column: &dyn Array, groups: &[u32]) {
        let mut previous: Option<usize> = None;
        for (row, group) in groups.iter().enumerate() {
            if *group == SKIP || column.is_null(row) {
                continue;
            }
            // The lines of an order follow one another: most rows repeat the pair before them.
            let repeats = previous
                .is_some_and(|before| groups[before] == *group && rows.row(before).as_ref() == rows.row(row).as_ref());
            if !repeats {
                self.add(*group, rows.row(row).as_ref());
                previous = Some(row);
            }
        }
    }
}

fn pair(group: u32, number: u32) -> u64 {
    u64::from(group) << 32 | u64::from(number)
}

impl Accumulate for CountDistinct {
    fn resize(&mut self, capacity: usize) {
        self.groups.resize_with(capacity, GroupValues::default);
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let rows = self.converter.convert_columns(&arguments[..1])?;
        self.add_rows(&rows, arguments[0].as_ref(), groups);
        Ok(())
    }

    fn evaluate(&mut self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let count = |group: &u32| i64::try_from(self.groups[*group as usize].numbers.len()).unwrap_or(i64::MAX);
        Ok(Arc::new(groups.iter().map(count).collect::<Int64Array>()))
    }

    /// One list a group, of the values that were not saved before (of all if `whole`).
    fn save(&mut self, groups: &[u32], whole: bool) -> Result<Vec<ArrayRef>, EngineError> {
        let parser = self.converter.parser();
        let mut ends = vec![0_i32];
        let mut rows = Vec::new();
        for group in groups {
            let held = &mut self.groups[*group as usize];
            let from = if whole { 0 } else { held.saved };
            for number in &held.numbers[from..] {
                let value = self.values[*number as usize].as_ref().expect("a value that a group holds is there");
                rows.push(parser.parse(&value.bytes));
            }
            held.saved = held.numbers.len();
            ends.push(i32::try_from(rows.len()).expect("one epoch changes fewer than 2^31 values"));
        }
        let values = self.converter.convert_rows(rows)?.swap_remove(0);
        let field = Arc::new(Field::new("item", self.data_type.clone(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(vec![Arc::new(ListArray::try_new(field, offsets, values, None)?)])
    }

    fn restore(&mut self, columns: &[ArrayRef], groups: &[u32]) -> Result<(), EngineError> {
        let lists = columns[0].as_list::<i32>();
        let rows = self.converter.convert_columns(&[lists.values().clone()])?;
        for (index, group) in groups.iter().enumerate() {
            let range = lists.value_offsets()[index]..lists.value_offsets()[index + 1];
            for row in range {
                self.add(*group, rows.row(row as usize).as_ref());
            }
            let held = &mut self.groups[*group as usize];
            held.saved = held.numbers.len();
        }
        Ok(())
    }

    fn saved_columns(&self) -> usize {
        1
    }

    fn clear(&mut self, group: u32) {
        let held = std::mem::take(&mut self.groups[group as usize]);
        for number in held.numbers {
            self.pairs.remove(&pair(group, number));
            self.release(number);
        }
    }

    fn memory_bytes(&self) -> usize {
        const VALUE_BYTES: usize = size_of::<Option<Value>>() + size_of::<u32>() * 2;
        self.value_bytes
            + self.values.len() * VALUE_BYTES
            + self.pairs.capacity() * 9
            + self.pairs.len() * 4
            + self.groups.len() * size_of::<GroupValues>()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn counts(state: &mut CountDistinct, groups: &[u32]) -> Vec<i64> {
        let counts = state.evaluate(groups).expect("counting cannot fail");
        counts.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
    }

    #[test]
    fn counts_once_and_forgets() {
        let mut state = CountDistinct::new(&DataType::Utf8).expect("strings have a row format");
        state.resize(2);
        let input = strings(&[Some("a"), Some("b"), Some("a"), None, Some("a")]);
        state.update(&[input], &[0, 0, 0, 0, 1]).expect("one string column");
        assert_eq!(counts(&mut state, &[0, 1]), [2, 1]);
        state.clear(0);
        assert_eq!(counts(&mut state, &[0, 1]), [0, 1]);
        assert_eq!(state.dictionary.len(), 1, "only the value that group 1 holds is left");
    }

    #[test]
    fn saves_only_what_is_new_and_restores_it_all() {
        let mut state = CountDistinct::new(&DataType::Utf8).expect("strings have a row format");
        let mut copy = CountDistinct::new(&DataType::Utf8).expect("strings have a row format");
        state.resize(1);
        copy.resize(1);
        for (values, fresh) in [(["a", "b"], 2), (["b", "c"], 1)] {
            state.update(&[strings(&values.map(Some))], &[0, 0]).expect("one string column");
            let saved = state.save(&[0], false).expect("saving cannot fail");
            assert_eq!(saved[0].as_list::<i32>().values().len(), fresh);
            copy.restore(&saved, &[0]).expect("what was saved can be restored");
        }
        assert_eq!(counts(&mut copy, &[0]), [3]);
    }
}
