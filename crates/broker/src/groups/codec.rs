//! Records as bytes.
//!
//! ```text
//! record   version u8 = 1 | kind u8 | fields in the order of their struct | nothing after that
//! text     length u32 | UTF-8            bytes   length u32 | bytes
//! list     count u32  | elements         option  0 u8, or 1 u8 and the value
//! numbers are big-endian
//! ```
//!
//! No length is believed before it is compared with the bytes that are left.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::consumer::MemberState;
use super::types::{Assignment, IdPartition, Protocol};
use super::{Committed, ConsumerGroupImage, ConsumerMemberImage, GroupImage, MemberImage, OffsetKey, Record};

const VERSION: u8 = 1;

const GROUP: u8 = 1;
const GROUP_REMOVED: u8 = 2;
const OFFSET: u8 = 3;
const OFFSET_REMOVED: u8 = 4;
const PENDING_OFFSET: u8 = 5;
const TRANSACTION_ENDED: u8 = 6;
const CONSUMER_GROUP: u8 = 7;
const CONSUMER_MEMBER: u8 = 8;
const CONSUMER_MEMBER_REMOVED: u8 = 9;

/// Bytes that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRecord(&'static str);

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record of the group coordinator cannot be read: {}", self.0)
    }
}

impl Error for BadRecord {}

impl Record {
    /// The record as bytes.
    pub fn encode(&self) -> Bytes {
        let mut to = BytesMut::new();
        to.put_u8(VERSION);
        match self {
            Self::Group(image) => {
                to.put_u8(GROUP);
                put_group(&mut to, image);
            }
            Self::GroupRemoved { group } => {
                to.put_u8(GROUP_REMOVED);
                put_bytes(&mut to, group.as_bytes());
            }
            Self::Offset { of, committed } => {
                to.put_u8(OFFSET);
                put_key(&mut to, of);
                put_committed(&mut to, committed);
            }
            Self::OffsetRemoved { of } => {
                to.put_u8(OFFSET_REMOVED);
                put_key(&mut to, of);
            }
            Self::PendingOffset { producer_id, of, committed } => {
                to.put_u8(PENDING_OFFSET);
                to.put_i64(*producer_id);
                put_key(&mut to, of);
                put_committed(&mut to, committed);
            }
            Self::TransactionEnded { producer_id, is_committed } => {
                to.put_u8(TRANSACTION_ENDED);
                to.put_i64(*producer_id);
                to.put_u8(u8::from(*is_committed));
            }
            Self::ConsumerGroup(image) => {
                to.put_u8(CONSUMER_GROUP);
                put_consumer_group(&mut to, image);
            }
            Self::ConsumerMember { group, member } => {
                to.put_u8(CONSUMER_MEMBER);
                put_bytes(&mut to, group.as_bytes());
                put_consumer_member(&mut to, member);
            }
            Self::ConsumerMemberRemoved { group, member_id } => {
                to.put_u8(CONSUMER_MEMBER_REMOVED);
                put_bytes(&mut to, group.as_bytes());
                put_bytes(&mut to, member_id.as_bytes());
            }
        }
        to.freeze()
    }

    /// The record that `bytes` are, if they are one and nothing else.
    pub fn decode(bytes: &Bytes) -> Result<Self, BadRecord> {
        let mut from = Reader { rest: bytes.clone() };
        if from.u8()? != VERSION {
            return Err(BadRecord("its version is not known; use a newer program"));
        }
        let record = match from.u8()? {
            GROUP => Self::Group(Arc::new(from.group()?)),
            GROUP_REMOVED => Self::GroupRemoved { group: from.text()? },
            OFFSET => Self::Offset { of: from.key()?, committed: from.committed()? },
            OFFSET_REMOVED => Self::OffsetRemoved { of: from.key()? },
            PENDING_OFFSET => {
                Self::PendingOffset { producer_id: from.i64()?, of: from.key()?, committed: from.committed()? }
            }
            TRANSACTION_ENDED => Self::TransactionEnded { producer_id: from.i64()?, is_committed: from.flag()? },
            CONSUMER_GROUP => Self::ConsumerGroup(Arc::new(from.consumer_group()?)),
            CONSUMER_MEMBER => Self::ConsumerMember { group: from.text()?, member: Arc::new(from.consumer_member()?) },
            CONSUMER_MEMBER_REMOVED => Self::ConsumerMemberRemoved { group: from.text()?, member_id: from.text()? },
            _ => return Err(BadRecord("its kind is not known; use a newer program")),
        };
        if from.rest.is_empty() { Ok(record) } else { Err(BadRecord("it goes on after its end")) }
    }
}

fn put_group(to: &mut BytesMut, image: &GroupImage) {
    put_bytes(to, image.group.as_bytes());
    to.put_i32(image.generation);
    put_text_option(to, image.protocol_type.as_deref());
    put_text_option(to, image.protocol.as_deref());
    put_text_option(to, image.leader.as_deref());
    to.put_i64(image.state_since_ms);
    put_length(to, image.members.len());
    for member in &image.members {
        put_member(to, member);
    }
}

fn put_member(to: &mut BytesMut, member: &MemberImage) {
    put_bytes(to, member.member_id.as_bytes());
    put_text_option(to, member.instance_id.as_deref());
    put_bytes(to, member.client_id.as_bytes());
    put_bytes(to, member.client_host.as_bytes());
    to.put_i32(member.rebalance_timeout_ms);
    to.put_i32(member.session_timeout_ms);
    put_length(to, member.protocols.len());
    for protocol in &member.protocols {
        put_bytes(to, protocol.name.as_bytes());
        put_bytes(to, &protocol.metadata);
    }
    put_bytes(to, &member.assignment);
}

fn put_key(to: &mut BytesMut, key: &OffsetKey) {
    put_bytes(to, key.group.as_bytes());
    put_bytes(to, key.topic.as_bytes());
    to.put_i32(key.partition);
}

fn put_committed(to: &mut BytesMut, committed: &Committed) {
    to.put_i64(committed.offset);
    to.put_u8(u8::from(committed.leader_epoch.is_some()));
    if let Some(epoch) = committed.leader_epoch {
        to.put_i32(epoch);
    }
    put_bytes(to, committed.metadata.as_bytes());
    to.put_i64(committed.commit_time_ms);
    to.put_u8(u8::from(committed.expire_time_ms.is_some()));
    if let Some(time_ms) = committed.expire_time_ms {
        to.put_i64(time_ms);
    }
    to.put_u64(committed.sequence);
}

fn put_consumer_group(to: &mut BytesMut, image: &ConsumerGroupImage) {
    put_bytes(to, image.group.as_bytes());
    to.put_i32(image.epoch);
    to.put_i32(image.assignment_epoch);
    put_bytes(to, image.assignor.as_bytes());
    put_length(to, image.topics.len());
    for (topic, count) in &image.topics {
        to.put_slice(topic);
        to.put_i32(*count);
    }
}

fn put_consumer_member(to: &mut BytesMut, member: &ConsumerMemberImage) {
    put_bytes(to, member.member_id.as_bytes());
    put_text_option(to, member.instance_id.as_deref());
    put_text_option(to, member.rack_id.as_deref());
    put_bytes(to, member.client_id.as_bytes());
    put_bytes(to, member.client_host.as_bytes());
    to.put_i32(member.rebalance_timeout_ms);
    put_length(to, member.topics.len());
    for topic in &member.topics {
        put_bytes(to, topic.as_bytes());
    }
    put_text_option(to, member.regex.as_deref());
    put_text_option(to, member.assignor.as_deref());
    to.put_i32(member.epoch);
    to.put_i32(member.previous_epoch);
    to.put_u8(member.state);
    for partitions in [&member.assigned, &member.revoking, &member.target] {
        put_length(to, partitions.len());
        for partition in partitions {
            to.put_slice(&partition.topic);
            to.put_i32(partition.partition);
        }
    }
}

fn put_text_option(to: &mut BytesMut, text: Option<&str>) {
    to.put_u8(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(to, text.as_bytes());
    }
}

fn put_bytes(to: &mut BytesMut, bytes: &[u8]) {
    put_length(to, bytes.len());
    to.put_slice(bytes);
}

fn put_length(to: &mut BytesMut, length: usize) {
    to.put_u32(u32::try_from(length).expect("what a request can hold is far below 4 GiB"));
}

/// What is left of a record.
struct Reader {
    rest: Bytes,
}

impl Reader {
    fn take(&mut self, length: usize) -> Result<Bytes, BadRecord> {
        if length > self.rest.len() { Err(BadRecord("it is cut short")) } else { Ok(self.rest.split_to(length)) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadRecord> {
        let taken = self.take(N)?;
        <[u8; N]>::try_from(&taken[..]).map_err(|_| BadRecord("it is cut short"))
    }

    fn u8(&mut self) -> Result<u8, BadRecord> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn i32(&mut self) -> Result<i32, BadRecord> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, BadRecord> {
        self.array().map(i64::from_be_bytes)
    }

    fn flag(&mut self) -> Result<bool, BadRecord> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadRecord("a flag is neither 0 nor 1")),
        }
    }

    fn length(&mut self) -> Result<usize, BadRecord> {
        let length = u32::from_be_bytes(self.array()?);
        usize::try_from(length).map_err(|_| BadRecord("a length is too large"))
    }

    fn bytes(&mut self) -> Result<Bytes, BadRecord> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, BadRecord> {
        let bytes = self.bytes()?;
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| BadRecord("a text is not UTF-8"))
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, BadRecord>) -> Result<Option<T>, BadRecord> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// A list; what it holds is taken from the bytes that are left, so a lie about its length ends early.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, BadRecord>) -> Result<Vec<T>, BadRecord> {
        let count = self.length()?;
        let mut found = Vec::new();
        for _ in 0..count {
            found.push(read(self)?);
        }
        Ok(found)
    }

    fn group(&mut self) -> Result<GroupImage, BadRecord> {
        Ok(GroupImage {
            group: self.text()?,
            generation: self.i32()?,
            protocol_type: self.option(Self::text)?,
            protocol: self.option(Self::text)?,
            leader: self.option(Self::text)?,
            state_since_ms: self.i64()?,
            members: self.list(Self::member)?,
        })
    }

    fn member(&mut self) -> Result<MemberImage, BadRecord> {
        Ok(MemberImage {
            member_id: self.text()?,
            instance_id: self.option(Self::text)?,
            client_id: self.text()?,
            client_host: self.text()?,
            rebalance_timeout_ms: self.i32()?,
            session_timeout_ms: self.i32()?,
            // The bytes would keep the whole record in memory if they were not copied.
            protocols: self
                .list(|from| Ok(Protocol { name: from.text()?, metadata: Bytes::copy_from_slice(&from.bytes()?) }))?,
            assignment: Bytes::copy_from_slice(&self.bytes()?),
        })
    }

    fn consumer_group(&mut self) -> Result<ConsumerGroupImage, BadRecord> {
        Ok(ConsumerGroupImage {
            group: self.text()?,
            epoch: self.i32()?,
            assignment_epoch: self.i32()?,
            assignor: self.text()?,
            topics: self.list(|from| Ok((from.array()?, from.i32()?)))?,
        })
    }

    fn consumer_member(&mut self) -> Result<ConsumerMemberImage, BadRecord> {
        Ok(ConsumerMemberImage {
            member_id: self.text()?,
            instance_id: self.option(Self::text)?,
            rack_id: self.option(Self::text)?,
            client_id: self.text()?,
            client_host: self.text()?,
            rebalance_timeout_ms: self.i32()?,
            topics: self.list(Self::text)?,
            regex: self.option(Self::text)?,
            assignor: self.option(Self::text)?,
            epoch: self.i32()?,
            previous_epoch: self.i32()?,
            state: match self.u8()? {
                state if MemberState::of(state).is_some() => state,
                _ => return Err(BadRecord("a member is in no state that is known; use a newer program")),
            },
            assigned: self.partitions()?,
            revoking: self.partitions()?,
            target: self.partitions()?,
        })
    }

    fn partitions(&mut self) -> Result<Assignment, BadRecord> {
        let listed = self.list(|from| Ok(IdPartition { topic: from.array()?, partition: from.i32()? }))?;
        Ok(listed.into_iter().collect())
    }

    fn key(&mut self) -> Result<OffsetKey, BadRecord> {
        Ok(OffsetKey { group: self.text()?, topic: self.text()?, partition: self.i32()? })
    }

    fn committed(&mut self) -> Result<Committed, BadRecord> {
        Ok(Committed {
            offset: self.i64()?,
            leader_epoch: self.option(Self::i32)?,
            metadata: self.text()?,
            commit_time_ms: self.i64()?,
            expire_time_ms: self.option(Self::i64)?,
            sequence: self.array().map(u64::from_be_bytes)?,
        })
    }
}
