//! A topic up to its present end, as rows that questions are asked of. Tombstones are no rows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use millrace_flow::{Batches, Fetched, Log, Offset, Result, StageError, Table, TopicInfo, TopicPartition};

use crate::StationError;

/// Bytes of the log read at once.
const READ_BYTES: usize = 4 << 20;

/// The rows of a topic.
pub(crate) struct TopicTable {
    log: Arc<dyn Log>,
    topic: Arc<str>,
    schema: SchemaRef,
}

impl TopicTable {
    pub(crate) fn shared(log: Arc<dyn Log>, topic: &str, schema: SchemaRef) -> Arc<dyn Table> {
        Arc::new(Self { log, topic: topic.into(), schema })
    }
}

impl Table for TopicTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn scan(&self, projection: Option<&[usize]>, limit: Option<usize>) -> Result<Batches> {
        // A topic that nothing was written to yet has no rows.
        let Some(info) = self.log.topic(&self.topic) else { return Ok(Box::new(std::iter::empty())) };
        let scan = Scan {
            log: self.log.clone(),
            left: spans(&info),
            ready: VecDeque::new(),
            projection: projection.map(<[usize]>::to_vec),
            rows_left: limit.unwrap_or(usize::MAX),
        };
        Ok(Box::new(scan))
    }
}

/// What of a partition is still to be read.
struct Span {
    partition: TopicPartition,
    next: Offset,
    end: Offset,
}

fn spans(info: &TopicInfo) -> VecDeque<Span> {
    let bounds = info.partitions().zip(info.starts.iter().zip(&info.ends));
    bounds.map(|(partition, (start, end))| Span { partition, next: *start, end: *end }).collect()
}

struct Scan {
    log: Arc<dyn Log>,
    left: VecDeque<Span>,
    ready: VecDeque<Fetched>,
    projection: Option<Vec<usize>>,
    rows_left: usize,
}

impl Scan {
    /// The next records of the partition at hand, none of them beyond the end that was seen at the start.
    fn fetch(&mut self) -> Result<Option<Fetched>> {
        loop {
            if let Some(fetched) = self.ready.pop_front() {
                return Ok(Some(fetched));
            }
            let Some(span) = self.left.front_mut() else { return Ok(None) };
            if span.next >= span.end {
                self.left.pop_front();
                continue;
            }
            let mut records = self.log.read(&span.partition, span.next, READ_BYTES)?;
            let Some(last) = records.last() else {
                self.left.pop_front();
                continue;
            };
            span.next = last.end();
            let end = span.end;
            records.retain_mut(|fetched| cut(fetched, end));
            self.ready.extend(records);
        }
    }

    fn rows(&self, fetched: &Fetched) -> Result<RecordBatch> {
        let wrong = |error| StageError::bug(StationError::Question(format!("cannot cut columns: {error}")));
        let batch = &fetched.batch;
        let mut rows = batch.values.clone();
        if let Some(tombstones) = &batch.tombstones {
            let kept = not(tombstones).map_err(wrong)?;
            rows = filter_record_batch(&rows, &kept).map_err(wrong)?;
        }
        match &self.projection {
            Some(columns) => rows.project(columns).map_err(wrong),
            None => Ok(rows),
        }
    }
}

/// Takes off what lies at or beyond `end`; says whether something is left.
fn cut(fetched: &mut Fetched, end: Offset) -> bool {
    let within = usize::try_from(end.0 - fetched.base.0).unwrap_or(0);
    if within < fetched.batch.num_rows() {
        fetched.batch = fetched.batch.slice(0, within);
    }
    within > 0
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.rows_left > 0 {
            let rows = match self.fetch() {
                Ok(Some(fetched)) => self.rows(&fetched),
                Ok(None) => return None,
                Err(error) => Err(error),
            };
            match rows {
                Ok(rows) if rows.num_rows() == 0 => {}
                Ok(rows) => {
                    let rows = rows.slice(0, rows.num_rows().min(self.rows_left));
                    self.rows_left -= rows.num_rows();
                    return Some(Ok(rows));
                }
                Err(error) => {
                    self.rows_left = 0;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, BooleanArray, Int32Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Int32Type, Schema};
    use bytes::Bytes;
    use millrace_flow::{Batch, MemoryLog, TopicKind, TopicSpec};

    use super::*;

    fn log_with_numbers() -> (Arc<dyn Log>, SchemaRef) {
        let field = |name| Field::new(name, DataType::Int32, true);
        let schema: SchemaRef = Arc::new(Schema::new(vec![field("a"), field("b")]));
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let spec = TopicSpec {
            name: "t".into(),
            partitions: 2,
            schema: schema.clone(),
            kind: TopicKind::Upserts,
            writer: "query:t".into(),
            key: None,
            event_time: None,
            retention_bytes: None,
            retention_ms: None,
        };
        log.create_topic(spec).expect("a topic");
        let mut writer = log.writer("query:t").expect("a writer");
        for partition in 0..2 {
            let a = Int32Array::from_iter_values((0..3).map(|n| n + 10 * partition));
            let b = Int32Array::from(vec![7; 3]);
            let values = RecordBatch::try_new(schema.clone(), vec![Arc::new(a), Arc::new(b)]).expect("columns fit");
            let batch = Batch::new(values, Int64Array::from(vec![0; 3]));
            let batch = batch.with_tombstones(BooleanArray::from(vec![false, true, false]));
            let to = TopicPartition::new("t", u32::try_from(partition).expect("small"));
            writer.append(&to, batch).expect("appended");
        }
        writer.commit(Bytes::new(), false).expect("committed");
        (log, schema)
    }

    fn scan(limit: Option<usize>) -> Vec<i32> {
        let (log, schema) = log_with_numbers();
        let table = TopicTable::shared(log, "t", schema);
        let batches = table.scan(Some(&[0]), limit).expect("a scan");
        let numbers = |batch: Result<RecordBatch>| {
            let batch = batch.expect("rows");
            assert_eq!(batch.num_columns(), 1);
            batch.column(0).as_primitive::<Int32Type>().values().to_vec()
        };
        batches.flat_map(numbers).collect()
    }

    #[test]
    fn all_partitions_are_read_and_tombstones_left_out() {
        assert_eq!(scan(None), [0, 2, 10, 12]);
        assert_eq!(scan(Some(3)), [0, 2, 10]);
    }

    #[test]
    fn a_topic_that_is_not_there_has_no_rows() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let table = TopicTable::shared(log, "t", Arc::new(Schema::empty()));
        assert_eq!(table.scan(None, None).expect("a scan").count(), 0);
    }
}
