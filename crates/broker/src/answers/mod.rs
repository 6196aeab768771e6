//! What requests are answered with, a file for each group of them.

mod configs;
mod epochs;
mod fetch;
mod groups;
mod metadata;
mod offsets;
mod produce;
mod topics;
mod transactions;
mod versions;

use std::net::SocketAddr;

use bytes::Bytes;

use crate::Broker;
use crate::connection::Ended;
use crate::wire::api::{Api, ApiKey};
use crate::wire::{Reader, RequestHeader, ResponseHeader, Value, Version, Writer};

/// One request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) header: RequestHeader,
    pub(crate) peer: SocketAddr,
}

impl Call {
    /// What the client calls itself.
    pub(crate) fn client_id(&self) -> &str {
        self.header.client_id.as_deref().unwrap_or_default()
    }
}

/// What is served: one line for each kind of request, and who answers it.
macro_rules! serve {
    ($($key:ident => $handler:ident,)*) => {
        /// The kinds of requests that are served, and therefore advertised.
        pub(crate) const SERVED: &[ApiKey] = &[ApiKey::Produce, ApiKey::ApiVersions, $(ApiKey::$key,)*];

        async fn answer_known(
            broker: &Broker,
            call: &Call,
            key: ApiKey,
            version: Version,
            mut reader: Reader,
        ) -> Result<Option<Vec<Bytes>>, Ended> {
            match key {
                ApiKey::Produce => {
                    let request = read(call, version, &mut reader)?;
                    match broker.produce(request, call).await? {
                        Some(response) => Ok(Some(write(call, version, &response))),
                        None => Ok(None),
                    }
                }
                ApiKey::ApiVersions => {
                    let request = read(call, version, &mut reader)?;
                    Ok(Some(write(call, version, &broker.api_versions(request, call))))
                }
                $(ApiKey::$key => {
                    let request = read(call, version, &mut reader)?;
                    Ok(Some(write(call, version, &broker.$handler(request, call).await)))
                })*
                _ => Err(not_served(call)),
            }
        }
    };
}

serve! {
    Metadata => metadata,
    InitProducerId => init_producer_id,
    Fetch => fetch,
    ListOffsets => list_offsets,
    OffsetForLeaderEpoch => offset_for_leader_epoch,
    FindCoordinator => find_coordinator,
    JoinGroup => join_group,
    SyncGroup => sync_group,
    Heartbeat => heartbeat,
    LeaveGroup => leave_group,
    OffsetCommit => offset_commit,
    OffsetFetch => offset_fetch,
    CreateTopics => create_topics,
    DeleteTopics => delete_topics,
    CreatePartitions => create_partitions,
    DeleteRecords => delete_records,
    DescribeConfigs => describe_configs,
    IncrementalAlterConfigs => incremental_alter_configs,
    AlterConfigs => alter_configs,
    DescribeCluster => describe_cluster,
    ListGroups => list_groups,
    DescribeGroups => describe_groups,
    DeleteGroups => delete_groups,
    OffsetDelete => offset_delete,
    AddPartitionsToTxn => add_partitions_to_txn,
    AddOffsetsToTxn => add_offsets_to_txn,
    TxnOffsetCommit => txn_offset_commit,
    EndTxn => end_txn,
    DescribeProducers => describe_producers,
    DescribeTransactions => describe_transactions,
    ListTransactions => list_transactions,
}

/// The answer to one request as a frame; nothing where none is asked for.
pub(crate) async fn answer(broker: &Broker, call: Call, reader: Reader) -> Result<Option<Vec<Bytes>>, Ended> {
    let api = call.header.api().filter(|api| SERVED.contains(&api.key));
    let Some(api) = api else { return Err(not_served(&call)) };
    match api.version(call.header.api_version) {
        Some(version) => answer_known(broker, &call, api.key, version, reader).await,
        // A client that is newer than we are asks again with what it is told here.
        None if api.key == ApiKey::ApiVersions => Ok(Some(broker.api_versions_of_unknown(&call))),
        None => Err(not_served(&call)),
    }
}

fn not_served(call: &Call) -> Ended {
    Ended::NotServed { api_key: call.header.api_key, api_version: call.header.api_version }
}

fn read<T: Value>(call: &Call, version: Version, reader: &mut Reader) -> Result<T, Ended> {
    // What follows a request is let be: some clients send fields that they take for optional.
    T::read(reader, version).map_err(|source| {
        let (api_key, api_version) = (call.header.api_key, call.header.api_version);
        Ended::Wire { api_key, api_version, source }
    })
}

fn write<T: Value>(call: &Call, version: Version, response: &T) -> Vec<Bytes> {
    let mut writer = Writer::new();
    let header = ResponseHeader { correlation_id: call.header.correlation_id };
    let api = Api::of(call.header.api_key).expect("only known requests are answered");
    header.write(&mut writer, api, version.number);
    response.write(&mut writer, version);
    writer.finish()
}

/// Runs something that waits for the disk where that keeps no other connection waiting.
pub(crate) fn on_disk<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}
