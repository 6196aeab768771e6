//! Members that subscribe by a regular expression get nothing that they may not see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::*;
use super::consumer_rig::*;
use super::rig::*;

const TOPICS: [(&str, i32); 2] = [("orders", 4), ("secrets", 4)];

/// A client that sees `orders`, and `secrets` while it is let.
struct Guest {
    consumer: Consumer,
    is_let: Arc<AtomicBool>,
}

impl Guest {
    fn new(id: &str) -> Self {
        let consumer = Consumer { regex: Some(".*".to_owned()), ..Consumer::new(id, &[]) };
        Self { consumer, is_let: Arc::default() }
    }

    /// Sends heartbeats, and does what the answers say, until there is nothing to do.
    fn beat(&mut self, rig: &mut Rig) {
        for _ in 0..4 {
            let is_let = self.is_let.clone();
            let sight = Sight::of(move |topic| topic == "orders" || is_let.load(Ordering::Relaxed));
            let told = match self.consumer.epoch {
                0 => self.consumer.full(),
                _ => ConsumerHeartbeat { owned: Some(self.consumer.owned.clone()), ..self.consumer.short() },
            };
            let answer = rig.beat_seeing(told, sight).expect("it is a member");
            self.consumer.follow(answer);
        }
    }

    fn counts(&self) -> [usize; 2] {
        TOPICS.map(|(topic, _)| self.consumer.count(topic))
    }
}

#[test]
fn what_matches_and_may_not_be_seen_is_not_assigned() {
    let mut rig = Rig::new();
    rig.set_topics(&TOPICS);
    let mut guest = Guest::new("a");
    guest.beat(&mut rig);
    assert_eq!(guest.counts(), [4, 0]);
    let mut other = Consumer { regex: Some(".*".to_owned()), ..Consumer::new("b", &[]) };
    other.join(&mut rig).expect("it joins");
    for _ in 0..4 {
        guest.beat(&mut rig);
        other.beat(&mut rig).expect("it is a member");
    }
    assert_eq!(guest.counts()[1], 0);
    assert_eq!(other.count("secrets"), 4, "the other may");
    assert_eq!(guest.counts()[0] + other.count("orders"), 4);
}

#[test]
fn rights_that_change_are_followed() {
    let mut rig = Rig::new();
    rig.set_topics(&TOPICS);
    let mut guest = Guest::new("a");
    guest.beat(&mut rig);
    for (is_let, counts) in [(true, [4, 4]), (false, [4, 0])] {
        guest.is_let.store(is_let, Ordering::Relaxed);
        guest.beat(&mut rig);
        assert_ne!(guest.counts(), counts, "nobody has said that rights are others");
        rig.set_topics(&TOPICS);
        guest.beat(&mut rig);
        assert_eq!(guest.counts(), counts);
    }
}

#[test]
fn a_restart_shows_nobody_more() {
    let mut rig = Rig::new();
    rig.set_topics(&TOPICS);
    let mut guest = Guest::new("a");
    guest.beat(&mut rig);
    let before = rig.described();
    rig.restart();
    rig.set_topics(&TOPICS);
    Consumer::new("b", &["nothing"]).join(&mut rig).expect("it joins");
    assert_eq!(rig.described().members[0].target, before.members[0].target, "it was not heard of yet");
    guest.beat(&mut rig);
    assert_eq!(guest.counts(), [4, 0]);
}
