//! HTTP: REST, live feeds, pages and metrics
