//! The queries as the API tells them.

use std::sync::atomic::Ordering;

use millrace_engine::plan;
use millrace_flow::StageStatus;

use crate::catalog::Stage;
use crate::model::{Emit, Query, QueryStage};
use crate::pipeline::Facts;
use crate::sampler::LONG;

/// One query: what it computes, and how far it is.
pub(crate) fn query(query: &plan::Query, stage: &Stage, status: &StageStatus, facts: &Facts<'_>) -> Query {
    let (watermark_ms, event_time_ms) = (status.complete_to_ms(), status.newest_event_ms());
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
            plan::Emit::Changes => Emit::Changes,
            plan::Emit::OnWindowClose => Emit::OnWindowClose,
        },
        phase: status.phase(),
        error: status.error(),
        note: status.note(),
        ledger: status.ledger(),
        rows_out: status.rows_out.load(Ordering::Relaxed),
        rate_per_s: facts.rates.per_second(&stage.id(), LONG).unwrap_or(0.0).round(),
        epoch: status.epoch.load(Ordering::Relaxed),
        epoch_ms: status.epoch_us.load(Ordering::Relaxed) as f64 / 1e3,
        watermark_ms,
        event_time_ms,
        watermark_lag_ms: event_time_ms.zip(watermark_ms).map(|(newest, watermark)| (newest - watermark).max(0)),
        lag_ms: facts.lag_ms(stage),
        behind: facts.behind(stage),
        state_rows: status.state_rows.load(Ordering::Relaxed),
        state_bytes: status.state_bytes.load(Ordering::Relaxed),
        snapshot_bytes: status.snapshot_bytes.load(Ordering::Relaxed),
        stages: stages.collect(),
    }
}
