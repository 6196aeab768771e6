//! What was asked of a log, what it acknowledged, and whether what is found keeps to that.

use std::collections::BTreeMap;

use millrace_flow::TopicPartition;

use crate::prices::Prices;
use crate::span::Span;

/// A frame that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) span: Span,
    pub(crate) base: i64,
    pub(crate) values: Vec<String>,
    pub(crate) producer: i64,
    /// Number of its first record, as its producer counts.
    pub(crate) first: i32,
}

impl Sent {
    pub(crate) fn end(&self) -> i64 {
        self.base + self.values.len() as i64
    }
}

/// One partition of clients.
#[derive(Debug, Clone)]
pub(crate) struct Partition {
    pub(crate) made: Span,
    pub(crate) frames: Vec<Sent>,
    /// Records before these offsets were taken away.
    pub(crate) starts: Vec<(Span, i64)>,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) partitions: BTreeMap<TopicPartition, Partition>,
    /// Rows of the topic that has a writer, after each of its commits.
    pub(crate) commits: Vec<(Span, i64)>,
    /// The records of the journal.
    pub(crate) notes: Vec<Span>,
    pub(crate) prices: Prices,
}

/// What is found of a partition: its first offset, and values from there on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: i64,
    pub(crate) values: Vec<String>,
}

impl Partition {
    /// Takes over what is `found` after a power cut, if that may be so.
    pub(crate) fn adopt(&mut self, found: Option<Found>, cut: usize) -> Result<(), String> {
        let certain_end = self.frames.iter().filter(|sent| sent.span.is_certain(cut)).map(Sent::end).max().unwrap_or(0);
        let Some(Found { start, values }) = found else {
            let is_owed = self.made.is_certain(cut) || certain_end > 0;
            return if is_owed { Err("lost: the partition is not there".to_owned()) } else { Ok(()) };
        };
        let end = start + values.len() as i64;
        if end < certain_end {
            return Err(format!("lost: ends at {end}, and {certain_end} was acknowledged"));
        }
        let starts = |may: fn(Span, usize) -> bool| {
            self.starts.iter().filter(move |(span, _)| may(*span, cut)).map(|(_, to)| *to).max().unwrap_or(0)
        };
        let (least, most) = (starts(Span::is_certain), starts(Span::is_possible));
        if start < least || start > most {
            return Err(format!("begins at {start}, which is not from {least} to {most}"));
        }
        self.frames.retain(|sent| sent.span.is_possible(cut) && sent.end() <= end);
        let sent: BTreeMap<i64, &String> =
            self.frames.iter().flat_map(|sent| (sent.base..).zip(&sent.values)).collect();
        for (offset, value) in (start..).zip(&values) {
            match sent.get(&offset) {
                None => return Err(format!("phantom or part of a frame at {offset}: {value}")),
                Some(sent) if *sent != value => return Err(format!("at {offset} is {value}, and {sent} was sent")),
                Some(_) => {}
            }
        }
        self.made = Span::BEFORE;
        self.frames.iter_mut().for_each(|sent| sent.span = Span::BEFORE);
        self.starts = vec![(Span::BEFORE, start)];
        Ok(())
    }
}

impl Ledger {
    /// Takes over the rows of the topic that has a writer, numbered from 0, and what its last commit said they are.
    pub(crate) fn adopt_commits(&mut self, rows: &[i64], cookie: Option<i64>, cut: usize) -> Result<(), String> {
        let count = rows.len() as i64;
        if cookie.unwrap_or(0) != count || rows.iter().ne(&(0..count).collect::<Vec<_>>()) {
            return Err(format!("{count} rows, and the commit says {cookie:?}"));
        }
        let least =
            self.commits.iter().filter(|(span, _)| span.is_certain(cut)).map(|(_, rows)| *rows).max().unwrap_or(0);
        let is_one = count == 0 || self.commits.iter().any(|(span, rows)| span.is_possible(cut) && *rows == count);
        if count < least || !is_one {
            return Err(format!("{count} rows are committed, and {least} were acknowledged"));
        }
        self.commits = vec![(Span::BEFORE, count)];
        Ok(())
    }

    /// Takes over the records of the journal, which are numbers from 0.
    pub(crate) fn adopt_notes(&mut self, notes: &[String], cut: usize) -> Result<(), String> {
        let least = self.notes.iter().filter(|span| span.is_certain(cut)).count();
        let most = self.notes.iter().filter(|span| span.is_possible(cut)).count();
        if notes.len() < least || notes.len() > most {
            return Err(format!("{} records in the journal, and {least} were acknowledged", notes.len()));
        }
        if let Some(wrong) = notes.iter().enumerate().find(|(n, note)| **note != n.to_string()) {
            return Err(format!("a wrong record in the journal: {wrong:?}"));
        }
        self.notes = vec![Span::BEFORE; notes.len()];
        Ok(())
    }
}
