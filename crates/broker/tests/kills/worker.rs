//! A producer that works until its broker is gone, and remembers what it was told.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use millrace_broker::wire::ErrorCode;
use millrace_broker::wire::api::Request;
use millrace_broker::wire::messages::produce::*;
use millrace_broker::wire::messages::transactions::*;

use crate::chance::Chance;
use crate::client::{Client, Me, code};
use crate::records::{Record, frame};
use crate::{PARTITIONS, TOPIC};

/// What became of a transaction, as far as its producer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    /// Its commit was asked for and not answered.
    Unknown,
    /// It was aborted, or its end was never asked for.
    Not,
}

/// One transaction.
#[derive(Debug, Clone)]
pub(crate) struct Deal {
    /// Partition and value of each record.
    pub(crate) sent: Vec<(usize, Record)>,
    /// The offset that it commits.
    pub(crate) offset: Option<i64>,
    pub(crate) fate: Fate,
}

/// Which protocol of transactions a producer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Older,
    /// It has a new life with each transaction.
    Newer,
}

/// What a producer does with its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It ends them.
    Orderly,
    /// It never does, and its time is up soon.
    Hasty,
}

pub(crate) struct Worker {
    client: Client,
    protocol: Protocol,
    me: Me,
    sequences: [i32; PARTITIONS],
    chance: Chance,
    /// Is told of every answer.
    answered: Sender<()>,
    deals: Vec<Deal>,
    next: i64,
}

/// Why a producer stops.
enum Stopped {
    /// The broker has gone.
    Gone,
    /// It was refused: fenced by time.
    Refused(ErrorCode),
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

fn accepted(number: i16) -> Result<(), Stopped> {
    match code(number) {
        ErrorCode::None => Ok(()),
        code => Err(Stopped::Refused(code)),
    }
}

impl Worker {
    /// A producer that has its life; its values count from `next`.
    pub(crate) fn new(
        address: SocketAddr,
        (me, protocol): (Me, Protocol),
        seed: u64,
        next: i64,
        answered: Sender<()>,
    ) -> Self {
        let (client, chance, deals) = (Client::connect(address), Chance::new(seed), Vec::new());
        Self { client, protocol, me, sequences: [0; PARTITIONS], chance, answered, deals, next }
    }

    /// Works until the broker has gone; what it has done, and its next value.
    pub(crate) fn work(mut self, manner: Manner) -> (Vec<Deal>, i64) {
        loop {
            match (self.transact(manner), manner) {
                (Ok(()), _) => {}
                (Err(Stopped::Gone), _) => return (self.deals, self.next),
                (Err(Stopped::Refused(code)), Manner::Orderly) => panic!("{:?} is refused: {code:?}", self.me),
                // Time was up: the next life.
                (Err(Stopped::Refused(_)), Manner::Hasty) => match self.client_init() {
                    Ok(()) => {}
                    Err(_) => return (self.deals, self.next),
                },
            }
        }
    }

    fn ask<R: Request>(&mut self, version: i16, request: &R) -> io::Result<R::Response> {
        let answer = self.client.try_ask(version, request)?;
        // Whoever counted may have seen enough.
        let _ = self.answered.send(());
        Ok(answer)
    }

    fn client_init(&mut self) -> io::Result<()> {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.me.name.to_owned()),
            transaction_timeout_ms: 10,
            producer_id: -1,
            producer_epoch: -1,
        };
        let answer = self.ask(4, &request)?;
        if code(answer.error_code) == ErrorCode::None {
            self.me = Me { id: answer.producer_id, epoch: answer.producer_epoch, ..self.me };
            self.sequences = [0; PARTITIONS];
        }
        Ok(())
    }

    fn transact(&mut self, manner: Manner) -> Result<(), Stopped> {
        self.deals.push(Deal { sent: Vec::new(), offset: None, fate: Fate::Not });
        for _ in 0..1 + self.chance.below(4) {
            let partition = self.chance.below(PARTITIONS as u64) as usize;
            self.send(partition)?;
        }
        if self.chance.below(3) == 0 {
            self.commit_offset()?;
        }
        if manner == Manner::Orderly { self.end() } else { Ok(()) }
    }

    fn deal(&mut self) -> &mut Deal {
        self.deals.last_mut().expect("one was begun")
    }

    fn add(&mut self, index: i32) -> Result<(), Stopped> {
        let me = self.me;
        let request = AddPartitionsToTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            topics: vec![AddPartitionsTopic { name: TOPIC.to_owned(), partitions: vec![index] }],
        };
        accepted(self.ask(3, &request)?.results[0].results_by_partition[0].partition_error_code)
    }

    fn add_group(&mut self) -> Result<(), Stopped> {
        let me = self.me;
        let request = AddOffsetsToTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            group_id: me.name.to_owned(),
        };
        accepted(self.ask(3, &request)?.error_code)
    }

    /// The version of a request by the protocol.
    fn version(&self, older: i16, newer: i16) -> i16 {
        if self.protocol == Protocol::Older { older } else { newer }
    }

    fn send(&mut self, partition: usize) -> Result<(), Stopped> {
        if self.protocol == Protocol::Older {
            self.add(partition as i32)?;
        }
        let (me, index) = (self.me, partition as i32);
        self.next += 1;
        let record = (me.name.to_owned(), self.next.to_string());
        self.deal().sent.push((partition, record.clone()));
        let records = Some(frame((me.id, me.epoch, self.sequences[partition]), &record));
        let topic = ProduceTopic { name: TOPIC.to_owned(), partition_data: vec![ProducePartition { index, records }] };
        let request = ProduceRequest {
            transactional_id: Some(me.name.to_owned()),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![topic],
        };
        accepted(self.ask(self.version(9, 12), &request)?.responses[0].partition_responses[0].error_code)?;
        self.sequences[partition] += 1;
        Ok(())
    }

    fn commit_offset(&mut self) -> Result<(), Stopped> {
        if self.protocol == Protocol::Older {
            self.add_group()?;
        }
        let me = self.me;
        self.next += 1;
        let committed_offset = self.next;
        self.deal().offset = Some(committed_offset);
        let partition = TxnOffsetCommitPartition { partition_index: 0, committed_offset, ..Default::default() };
        let request = TxnOffsetCommitRequest {
            transactional_id: me.name.to_owned(),
            group_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            topics: vec![TxnOffsetCommitTopic { name: TOPIC.to_owned(), partitions: vec![partition] }],
            ..TxnOffsetCommitRequest::default()
        };
        accepted(self.ask(self.version(3, 5), &request)?.topics[0].partitions[0].error_code)
    }

    fn end(&mut self) -> Result<(), Stopped> {
        let (me, committed) = (self.me, self.chance.below(4) > 0);
        if committed {
            self.deal().fate = Fate::Unknown;
        }
        let request = EndTxnRequest {
            transactional_id: me.name.to_owned(),
            producer_id: me.id,
            producer_epoch: me.epoch,
            committed,
        };
        let answer = self.ask(self.version(3, 5), &request)?;
        accepted(answer.error_code)?;
        if self.protocol == Protocol::Newer {
            self.me = Me { id: answer.producer_id, epoch: answer.producer_epoch, ..me };
            self.sequences = [0; PARTITIONS];
        }
        if committed {
            self.deal().fate = Fate::Committed;
        }
        Ok(())
    }
}
