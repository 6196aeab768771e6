//! Which windows a time belongs to.

use arrow::array::{Array, Int64Array, TimestampMicrosecondArray, UInt32Array};

use crate::plan::Window;

/// Rows multiplied by their windows.
pub(super) struct Assigned {
    /// Window start, one an output row; 0 where the time is null.
    pub(super) starts: Int64Array,
    /// The input row of each output row; `None` when there is one window a row, in order.
    pub(super) rows: Option<UInt32Array>,
}

/// Start of the last window that begins at or before `time_us`.
pub(super) fn last_start(window: &Window, time_us: i64) -> i64 {
    time_us - (time_us - window.start_us).rem_euclid(window.slide_us)
}

/// The windows of each row, earliest first.
pub(super) fn assign(window: &Window, times: &TimestampMicrosecondArray) -> Assigned {
    if window.size_us == window.slide_us {
        let starts = times.values().iter().map(|time| last_start(window, *time));
        return Assigned { starts: Int64Array::from_iter_values(starts), rows: None };
    }
    let mut starts = Vec::with_capacity(times.len());
    let mut rows = Vec::with_capacity(times.len());
    for (row, time) in times.values().iter().enumerate() {
        let row = u32::try_from(row).expect("a batch has fewer than 2^32 rows");
        let last = last_start(window, *time);
        // A time in a gap between windows (slide above size) belongs to none; every other one to all that cover it.
        let covering =
            (0..).map(|back| last - back * window.slide_us).take_while(|start| start + window.size_us > *time);
        let first = starts.len();
        starts.extend(covering);
        starts[first..].reverse();
        rows.resize(starts.len(), row);
        if times.is_null(row as usize) && starts.len() == first {
            starts.push(0);
            rows.push(row);
        }
    }
    Assigned { starts: Int64Array::from(starts), rows: Some(UInt32Array::from(rows)) }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
    use datafusion::physical_expr::expressions::col;

    use super::*;

    fn window(size_us: i64, slide_us: i64, start_us: i64) -> Window {
        let time = Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, None), true);
        let schema = Schema::new(vec![time]);
        Window { time: col("time", &schema).expect("the column is there"), size_us, slide_us, start_us }
    }

    fn starts(window: &Window, times: Vec<i64>) -> Vec<i64> {
        assign(window, &TimestampMicrosecondArray::from(times)).starts.values().to_vec()
    }

    #[test]
    fn tumbling_windows_begin_at_multiples_also_before_1970() {
        assert_eq!(starts(&window(10, 10, 0), vec![0, 9, 10, -1]), [0, 0, 10, -10]);
        assert_eq!(starts(&window(10, 10, 3), vec![2, 3, 13]), [-7, 3, 13]);
    }

    #[test]
    fn hopping_windows_cover_a_time_several_times() {
        let assigned = assign(&window(15, 5, 0), &TimestampMicrosecondArray::from(vec![12]));
        assert_eq!(assigned.starts.values().to_vec(), [0, 5, 10]);
        assert_eq!(assigned.rows, Some(UInt32Array::from(vec![0, 0, 0])));
    }
}
