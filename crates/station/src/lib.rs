//! Puts the stages together: project, catalog, supervisor, ledger
