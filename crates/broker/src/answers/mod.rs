//! What requests are answered with, a file for each group of them.

mod acls;
mod cluster;
mod configs;
mod consumers;
mod credentials;
mod epochs;
mod fetch;
mod groups;
mod metadata;
mod offsets;
mod produce;
mod quotas;
pub(crate) mod resources;
mod topics;
mod transactions;
mod versions;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use millrace_log::Piece;

use crate::Broker;
use crate::access::{Addition, Admission, Gate, Guarded};
use crate::connection::Ended;
use crate::room::Taken;
use crate::security::Principal;
use crate::throttle::Flow;
use crate::wire::api::{Api, ApiKey};
use crate::wire::messages::produce::{ProduceRequest, ProduceResponse};
use crate::wire::{Reader, RequestHeader, ResponseHeader, Value, Version, Writer};

/// One request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) header: RequestHeader,
    pub(crate) peer: SocketAddr,
    /// Who sent it.
    pub(crate) principal: Principal,
    /// Milliseconds for which the client is not listened to once it is answered.
    pub(crate) mute_ms: Arc<AtomicU32>,
    /// Room that the answer takes until it is sent.
    pub(crate) room: Arc<Mutex<Option<Taken>>>,
}

impl Call {
    /// What the client calls itself.
    pub(crate) fn client_id(&self) -> &str {
        self.header.client_id.as_deref().unwrap_or_default()
    }

    /// Has the answer hold room, for its `bytes`.
    pub(crate) fn hold(&self, mut room: Taken, bytes: usize) {
        room.shrink_to(bytes);
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }

    /// Counts bytes against the client's quota, and mutes it if that was too much; answers for how many milliseconds.
    pub(crate) fn meter(&self, broker: &Broker, flow: Flow, bytes: usize) -> i32 {
        let client = (self.principal.name(), self.client_id());
        let wait = broker.throttle.take(&broker.settings.all(), flow, client, bytes, Instant::now());
        let mute_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        self.mute_ms.fetch_max(mute_ms, Ordering::Relaxed);
        i32::try_from(mute_ms).unwrap_or(i32::MAX)
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
        ) -> Result<Option<Vec<Piece>>, Ended> {
            match key {
                ApiKey::Produce => {
                    let throttle_time_ms = call.meter(broker, Flow::Produced, reader.left());
                    let response = produce(broker, call, read(call, version, &mut reader)?).await?;
                    let throttled = |response| ProduceResponse { throttle_time_ms, ..response };
                    Ok(response.map(|response| write(call, version, &throttled(response))))
                }
                ApiKey::ApiVersions => {
                    let request = read(call, version, &mut reader)?;
                    Ok(Some(write(call, version, &broker.api_versions(request, call))))
                }
                $(ApiKey::$key => {
                    let request = read(call, version, &mut reader)?;
                    let answer = guarded(broker, call, request, |request| broker.$handler(request, call));
                    Ok(Some(write(call, version, &answer.await)))
                })*
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
    SaslHandshake => sasl_handshake,
    SaslAuthenticate => sasl_authenticate,
    DescribeAcls => describe_acls,
    CreateAcls => create_acls,
    DeleteAcls => delete_acls,
    DescribeUserScramCredentials => describe_user_scram_credentials,
    AlterUserScramCredentials => alter_user_scram_credentials,
    AddPartitionsToTxn => add_partitions_to_txn,
    AddOffsetsToTxn => add_offsets_to_txn,
    TxnOffsetCommit => txn_offset_commit,
    EndTxn => end_txn,
    DescribeProducers => describe_producers,
    DescribeTransactions => describe_transactions,
    ListTransactions => list_transactions,
    DescribeTopicPartitions => describe_topic_partitions,
    ListPartitionReassignments => list_partition_reassignments,
    AlterPartitionReassignments => alter_partition_reassignments,
    DescribeLogDirs => describe_log_dirs,
    ElectLeaders => elect_leaders,
    DescribeClientQuotas => describe_client_quotas,
    AlterClientQuotas => alter_client_quotas,
    ListConfigResources => list_config_resources,
    ConsumerGroupHeartbeat => consumer_group_heartbeat,
    ConsumerGroupDescribe => consumer_group_describe,
}

/// Has what the client may not do refused, and the rest answered.
async fn guarded<R: Guarded, A: Future<Output = R::Response>>(
    broker: &Broker,
    call: &Call,
    mut request: R,
    answer: impl FnOnce(R) -> A,
) -> R::Response {
    match request.admit(&Gate::new(broker, call)) {
        Admission::Refused(response) => response,
        Admission::Granted(addition) => {
            let mut response = answer(request).await;
            add(addition, &mut response, broker, call);
            response
        }
    }
}

/// By the rules of this moment: the client may have waited for its answer.
fn add<R>(addition: Option<Addition<R>>, response: &mut R, broker: &Broker, call: &Call) {
    if let Some(addition) = addition {
        addition(response, &Gate::new(broker, call));
    }
}

/// Like `guarded`, of appending, where it may be that nobody waits for the answer.
async fn produce(broker: &Broker, call: &Call, mut request: ProduceRequest) -> Result<Option<ProduceResponse>, Ended> {
    let is_answered = request.acks != 0;
    let (mut response, addition) = match request.admit(&Gate::new(broker, call)) {
        Admission::Refused(response) => (Some(response), None),
        Admission::Granted(addition) => (broker.produce(request, call).await?, addition),
    };
    let is_refused = addition.is_some() || (!is_answered && response.is_some());
    if let Some(response) = &mut response {
        add(addition, response, broker, call);
    }
    if is_refused && !is_answered { Err(Ended::NotAppended) } else { Ok(response) }
}

/// The answer to one request as a frame; nothing where none is asked for.
pub(crate) async fn answer(broker: &Broker, call: Call, reader: Reader) -> Result<Option<Vec<Piece>>, Ended> {
    let api = call.header.api().filter(|api| SERVED.contains(&api.key));
    let Some(api) = api else { return Err(not_served(&call)) };
    match api.version(call.header.api_version) {
        Some(version) => answer_known(broker, &call, api.key, version, reader).await,
        // A client that is newer than we are asks again with what it is told here.
        None if api.key == ApiKey::ApiVersions => Ok(Some(broker.api_versions_of_unknown(&call))),
        None => Err(not_served(&call)),
    }
}

pub(crate) fn not_served(call: &Call) -> Ended {
    Ended::NotServed { api_key: call.header.api_key, api_version: call.header.api_version }
}

pub(crate) fn read<T: Value>(call: &Call, version: Version, reader: &mut Reader) -> Result<T, Ended> {
    // What follows a request is let be: some clients send fields that they take for optional.
    T::read(reader, version).map_err(|source| {
        let (api_key, api_version) = (call.header.api_key, call.header.api_version);
        Ended::Wire { api_key, api_version, source }
    })
}

pub(crate) fn write<T: Value>(call: &Call, version: Version, response: &T) -> Vec<Piece> {
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
