//! The embedded log: partitions, segments, recovery, commits and the tail cache
