//! A topic up to its present end, as rows that questions are asked of.
//!
//! Of a topic of this program the rows are its values, and tombstones are none. A topic of clients has no columns of its own, so
//! there every record is a row of what a record has:
//!
//! ```text
//! key BINARY | value BINARY | partition INT | offset BIGINT | timestamp TIMESTAMP, in UTC
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray, new_null_array};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use millrace_flow::{Batch, Batches, Fetched, Log, Offset, Result, StageError, Table, TopicInfo, TopicPartition};

use crate::StationError;

/// Bytes of the log read at once.
const READ_BYTES: usize = 4 << 20;

/// The rows of a topic.
pub(crate) struct TopicTable {
    log: Arc<dyn Log>,
    topic: Arc<str>,
    schema: SchemaRef,
    /// Whether rows are whole records.
    of_records: bool,
}

impl TopicTable {
    /// The values of a topic.
    pub(crate) fn shared(log: Arc<dyn Log>, topic: &str, schema: SchemaRef) -> Arc<dyn Table> {
        Arc::new(Self { log, topic: topic.into(), schema, of_records: false })
    }

    /// The records of a topic that clients write.
    pub(crate) fn of_records(log: Arc<dyn Log>, topic: &str) -> Arc<dyn Table> {
        Arc::new(Self { log, topic: topic.into(), schema: record_schema(), of_records: true })
    }
}

/// What every record has.
pub(crate) fn record_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("partition", DataType::Int32, true),
        Field::new("offset", DataType::Int64, true),
        Field::new("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]))
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
            of_records: self.of_records,
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
    ready: VecDeque<(u32, Fetched)>,
    projection: Option<Vec<usize>>,
    of_records: bool,
    rows_left: usize,
}

impl Scan {
    /// The next records of the partition at hand, none of them beyond the end that was seen at the start.
    fn fetch(&mut self) -> Result<Option<(u32, Fetched)>> {
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
            let partition = span.partition.partition.0;
            self.ready.extend(records.into_iter().map(|fetched| (partition, fetched)));
        }
    }

    fn rows(&self, partition: u32, fetched: &Fetched) -> Result<RecordBatch> {
        let wrong = |error| StageError::bug(StationError::Question(format!("cannot cut columns: {error}")));
        let batch = &fetched.batch;
        let mut rows = batch.values.clone();
        if self.of_records {
            rows = RecordBatch::try_new(record_schema(), records(batch, partition, fetched.base)).map_err(wrong)?;
        } else if let Some(tombstones) = &batch.tombstones {
            let kept = not(tombstones).map_err(wrong)?;
            rows = filter_record_batch(&rows, &kept).map_err(wrong)?;
        }
        match &self.projection {
            Some(columns) => rows.project(columns).map_err(wrong),
            None => Ok(rows),
        }
    }
}

/// The columns of [`record_schema`].
fn records(batch: &Batch, partition: u32, base: Offset) -> Vec<ArrayRef> {
    let rows = batch.num_rows();
    let keys = batch.keys.clone().map(|keys| keys as ArrayRef);
    let times = batch.times_ms.unary::<_, arrow::datatypes::TimestampMicrosecondType>(|ms| ms.saturating_mul(1_000));
    vec![
        keys.unwrap_or_else(|| new_null_array(&DataType::Binary, rows)),
        batch.values.column(0).clone(),
        Arc::new(Int32Array::from(vec![i32::try_from(partition).unwrap_or(i32::MAX); rows])),
        Arc::new(Int64Array::from_iter_values((base.0..).take(rows))),
        Arc::new(times as TimestampMicrosecondArray),
    ]
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
                Ok(Some((partition, fetched))) => self.rows(partition, &fetched),
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
    use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, Int32Array, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
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
    fn a_record_of_clients_is_a_row_with_all_it_has() {
        let value: SchemaRef = Arc::new(Schema::new(vec![Field::new("value", DataType::Utf8, true)]));
        let values = StringArray::from(vec![Some("a"), None]);
        let values = RecordBatch::try_new(value, vec![Arc::new(values)]).expect("columns fit");
        let keys = BinaryArray::from(vec![None, Some(&b"k"[..])]);
        let batch = Batch::new(values, Int64Array::from(vec![1, -2])).with_keys(keys);
        let batch = batch.with_tombstones(BooleanArray::from(vec![false, true]));
        let columns = records(&batch, 3, Offset(7));
        let numbers = |column: &ArrayRef| column.as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(
            (columns[0].as_binary::<i32>().is_null(0), columns[0].as_binary::<i32>().value(1)),
            (true, &b"k"[..])
        );
        assert_eq!(columns[2].as_primitive::<Int32Type>().values(), &[3, 3]);
        assert_eq!(numbers(&columns[3]), [7, 8], "a tombstone is a record like others");
        assert_eq!(columns[4].as_primitive::<TimestampMicrosecondType>().values(), &[1_000, -2_000]);
        let types: Vec<_> = record_schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(columns[4].data_type(), &types[4]);
    }

    #[test]
    fn a_topic_that_is_not_there_has_no_rows() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let table = TopicTable::shared(log, "t", Arc::new(Schema::empty()));
        assert_eq!(table.scan(None, None).expect("a scan").count(), 0);
    }
}
