//! The queries as the API tells them.

use std::sync::atomic::Ordering;

use millrace_engine::plan::{self, Emit};
use millrace_flow::StageStatus;

use crate::catalog::Stage;
use crate::model::{Query, QueryStage};
use crate::sampler::{LONG, Rates};

/// The last day of the year 9999, in ms: what lies beyond is "everything has come", and no time.
const LAST_MS: i64 = 253_402_300_799_999;

/// One query: what it computes, and how far it is. `behind` is the number of records before it.
pub(crate) fn query(query: &plan::Query, stage: &Stage, status: &StageStatus, rates: &Rates, behind: u64) -> Query {
    let watermark_ms = known_ms(status.watermark_ms.load(Ordering::Relaxed));
    let event_time_ms = known_ms(status.event_time_ms.load(Ordering::Relaxed));
    let stages = query.stages().into_iter().map(|(name, detail)| QueryStage { name, detail });
    Query {
        name: query.name.to_string(),
        sql: query.sql.to_string(),
        explain: query.explain().lines().map(str::to_owned).collect(),
        inputs: stage.inputs.clone(),
        output: query.name.to_string(),
        late_topic: stage.late.clone(),
        dead_letter_topic: stage.dead_letter.clone(),
        emit: match query.emit {
            Emit::Changes => "changes",
            Emit::OnWindowClose => "on_window_close",
        }
        .to_owned(),
        phase: status.phase(),
        error: status.error(),
        note: status.note(),
        ledger: status.ledger(),
        rows_out: status.rows_out.load(Ordering::Relaxed),
        rate_per_s: rates.per_second(&stage.id(), LONG).unwrap_or(0.0).round(),
        epoch: status.epoch.load(Ordering::Relaxed),
        epoch_ms: status.epoch_us.load(Ordering::Relaxed) as f64 / 1e3,
        watermark_ms,
        event_time_ms,
        watermark_lag_ms: event_time_ms.zip(watermark_ms).map(|(newest, watermark)| (newest - watermark).max(0)),
        behind,
        state_rows: status.state_rows.load(Ordering::Relaxed),
        state_bytes: status.state_bytes.load(Ordering::Relaxed),
        snapshot_bytes: status.snapshot_bytes.load(Ordering::Relaxed),
        stages: stages.collect(),
    }
}

/// A time, unless it stands for "none yet" or "all of it".
pub(crate) fn known_ms(ms: i64) -> Option<i64> {
    (ms > i64::MIN && ms <= LAST_MS).then_some(ms)
}
