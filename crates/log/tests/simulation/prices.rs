//! A compacted topic: the last price of each article is there at its offset, and what a tombstone took away never comes back.

use std::collections::BTreeMap;

use millrace_flow::{Offset, TopicPartition};
use millrace_log::EmbeddedLog;

use crate::chance::Chance;
use crate::frames::Frame;
use crate::span::Span;
use crate::trace::TracingDisk;

const TOPIC: &str = "prices";
const ARTICLES: u64 = 5;
const CONFIGS: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "300"),
    ("min.cleanable.dirty.ratio", "0"),
    ("delete.retention.ms", "0"),
];

/// A record that was sent.
#[derive(Debug, Clone)]
struct Price {
    span: Span,
    offset: i64,
    /// Offset after the frame that it was sent in.
    frame_end: i64,
    article: String,
    price: Option<String>,
}

/// All that was sent to the topic, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices {
    made: Option<Span>,
    sent: Vec<Price>,
}

fn partition() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("{TOPIC}: {error}")
}

impl Prices {
    /// Sends a few frames. What is acknowledged is certain if commits are `durable` one by one.
    pub(crate) fn append(
        &mut self,
        log: &EmbeddedLog,
        disk: &TracingDisk,
        chance: &mut Chance,
        durable: bool,
    ) -> Result<(), String> {
        let answered = |asked: usize| Span { asked, acknowledged: durable.then(|| disk.now()) };
        if log.client_topic(TOPIC).is_none() {
            let asked = disk.now();
            self.made = Some(Span { asked, acknowledged: None });
            let configs = CONFIGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            log.create_client_topic(TOPIC, 1, 1, configs.collect()).map_err(text)?;
            self.made = Some(answered(asked));
        }
        for _ in 0..1 + chance.below(5) {
            let (asked, base) = (disk.now(), self.sent.last().map_or(0, |price| price.frame_end));
            let count = 1 + chance.below(3) as i64;
            let span = Span { asked, acknowledged: None };
            for offset in base..base + count {
                let article = format!("article {}", chance.below(ARTICLES));
                let price = (chance.below(4) > 0).then(|| format!("price {offset}"));
                self.sent.push(Price { span, offset, frame_end: base + count, article, price });
            }
            let new = self.sent.len() - count as usize;
            let bytes = |text: &String| text.clone().into_bytes();
            let record = |price: &Price| (Some(bytes(&price.article)), price.price.as_ref().map(bytes), 1_000);
            let frame = Frame { records: self.sent[new..].iter().map(record).collect(), ..Frame::of(&["x"]) };
            let appended = log.append_frame(&partition(), &frame.bytes()).map_err(text)?;
            log.settle(&partition(), appended.end).map_err(text)?;
            if appended.base.0 != base {
                return Err(text(format!("lies at {}, the end was {base}", appended.base)));
            }
            let span = answered(asked);
            self.sent[new..].iter_mut().for_each(|price| price.span = span);
        }
        Ok(())
    }

    /// All of it is certain.
    pub(crate) fn acknowledge(&mut self, now: usize) {
        let spans = self.sent.iter_mut().map(|price| &mut price.span).chain(&mut self.made);
        spans.for_each(|span| span.acknowledged = span.acknowledged.or(Some(now)));
    }

    /// Takes over what is found after a power cut, if that may be so.
    pub(crate) fn adopt(&mut self, log: &EmbeddedLog, cut: usize) -> Result<(), String> {
        let owed =
            self.sent.iter().filter(|price| price.span.is_certain(cut)).map(|price| price.frame_end).max().unwrap_or(0);
        if log.client_topic(TOPIC).is_none() {
            let is_owed = owed > 0 || self.made.is_some_and(|made| made.is_certain(cut));
            *self = Self::default();
            return if is_owed { Err(text("lost: the topic is not there")) } else { Ok(()) };
        }
        let (start, end) = log.offsets(&partition()).map_err(text)?;
        if start != Offset(0) || end.0 < owed {
            return Err(text(format!("lost: goes from {start} to {end}, and {owed} was acknowledged")));
        }
        self.sent.retain(|price| price.span.is_possible(cut) && price.frame_end <= end.0);
        if self.sent.last().map_or(0, |price| price.frame_end) != end.0 {
            return Err(text(format!("ends at {end}, within a frame or behind all that was sent")));
        }
        let records = log.read_records(&partition(), start, usize::MAX).map_err(text)?;
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut found = BTreeMap::new();
        for record in &records {
            let (article, price) = (record.key.as_deref().map(string), record.value.as_deref().map(string));
            let sent = &self.sent[record.offset.0 as usize];
            if Some(&sent.article) != article.as_ref() || sent.price != price {
                return Err(text(format!("at {} is {article:?} {price:?}, and {sent:?} was sent", record.offset)));
            }
            found.insert(record.offset.0, sent.article.clone());
        }
        let last: BTreeMap<_, _> = self.sent.iter().map(|price| (price.article.clone(), price.clone())).collect();
        for (article, price) in last {
            let is_found = found.contains_key(&price.offset);
            let is_back = !is_found && found.values().any(|known| *known == article);
            if (price.price.is_some() && !is_found) || is_back {
                return Err(text(format!("{price:?} is the last of it, and what is found is {found:?}")));
            }
        }
        self.made = Some(Span::BEFORE);
        self.sent.iter_mut().for_each(|price| price.span = Span::BEFORE);
        Ok(())
    }
}
