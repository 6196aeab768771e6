//! Where every row went, a line for each source and query.

use std::sync::Arc;

use millrace_flow::{StageKind, StageStatus};

use crate::catalog::Catalog;
use crate::model::{LedgerLine, LedgerTopics};

/// The ledger of all stages that take rows in from outside or decide about them. A sink takes everything as it is.
pub(crate) fn lines(catalog: &Catalog, statuses: &[Arc<StageStatus>]) -> Vec<LedgerLine> {
    let stages = catalog.stages.iter().zip(statuses).filter(|(stage, _)| stage.kind != StageKind::Sink);
    let line = |(stage, status): (&crate::catalog::Stage, &Arc<StageStatus>)| {
        let ledger = status.ledger();
        LedgerLine {
            stage: stage.id(),
            read: ledger.read,
            used: ledger.used,
            late: ledger.late,
            duplicate: ledger.duplicate,
            rejected: ledger.rejected,
            balances: ledger.balances(),
            topics: LedgerTopics {
                used: stage.output.clone(),
                late: stage.late.clone(),
                rejected: stage.dead_letter.clone(),
            },
        }
    };
    stages.map(line).collect()
}
