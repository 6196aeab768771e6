//! When rows are released: at once, or as their event times say.
//!
//! All rows are related to the first one, the anchor: a row whose event time is an hour later is due an hour later, divided by
//! the speed. Rows keep the order of their file, so a row that is out of order is due together with those before it.

use arrow::array::TimestampMicrosecondArray;

use super::config::Pace;
use super::position::Anchor;

const MICROS_PER_MS: f64 = 1000.0;

/// What may be released of a run of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Due {
    /// So many rows from the front are due now.
    Rows(usize),
    /// None is; the first one will be at this time, in ms since 1970.
    At(i64),
}

/// What is due at `now_ms` of the rows with these event times. A row without one is due when it is reached.
pub(super) fn due(pace: Pace, anchor: &mut Option<Anchor>, times_us: &TimestampMicrosecondArray, now_ms: i64) -> Due {
    let Pace::EventTime(speed) = pace else { return Due::Rows(times_us.len()) };
    for (row, time) in times_us.iter().enumerate() {
        let Some(event_us) = time else { continue };
        let anchor = *anchor.get_or_insert(Anchor { wall_ms: now_ms, event_us });
        let after_ms = event_us.saturating_sub(anchor.event_us) as f64 / MICROS_PER_MS / speed;
        let due_ms = anchor.wall_ms.saturating_add(after_ms as i64);
        if due_ms > now_ms {
            return if row == 0 { Due::At(due_ms) } else { Due::Rows(row) };
        }
    }
    Due::Rows(times_us.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_due_as_their_times_say() {
        let times =
            TimestampMicrosecondArray::from(vec![Some(0), Some(60_000_000), None, Some(30_000_000), Some(120_000_000)]);
        let mut anchor = None;
        let pace = Pace::EventTime(60.0);
        assert_eq!(due(pace, &mut anchor, &times, 5_000), Due::Rows(1));
        assert_eq!(anchor, Some(Anchor { wall_ms: 5_000, event_us: 0 }));
        let rest = times.slice(1, 4);
        assert_eq!(due(pace, &mut anchor, &rest, 5_999), Due::At(6_000));
        assert_eq!(due(pace, &mut anchor, &rest, 6_000), Due::Rows(3), "what has no time or an earlier one follows");
        assert_eq!(due(pace, &mut anchor, &times.slice(4, 1), 7_000), Due::Rows(1));
        assert_eq!(due(Pace::Fast, &mut None, &times, 0), Due::Rows(5));
    }
}
