//! Appending records, and the ids of who appends them.

use bytes::Bytes;

use crate::wire::macros::message;

message! {
    /// Asks for record batches to append.
    ProduceRequest {
        transactional_id: Option<String> = 0..;
        acks: i16 = 0..;
        timeout_ms: i32 = 0..;
        topic_data: Vec<ProduceTopic> = 0..;
    }

    /// A topic to append to.
    ProduceTopic {
        name: String = 0..=12;
        partition_data: Vec<ProducePartition> = 0..;
    }

    /// Record batches for a partition.
    ProducePartition {
        index: i32 = 0..;
        records: Option<Bytes> = 0..;
    }

    /// Answer to [`ProduceRequest`].
    ProduceResponse {
        responses: Vec<ProducedTopic> = 0..;
        throttle_time_ms: i32 = 0..;
        node_endpoints: Vec<ProduceEndpoint> = 10.., tag 0;
    }

    /// What became of a topic.
    ProducedTopic {
        name: String = 0..=12;
        partition_responses: Vec<ProducedPartition> = 0..;
    }

    /// Where a leader is to be reached.
    ProduceEndpoint {
        node_id: i32 = 10..;
        host: String = 10..;
        port: i32 = 10..;
        rack: Option<String> = 10..;
    }

    /// What became of a partition.
    ProducedPartition {
        index: i32 = 0..;
        error_code: i16 = 0..;
        base_offset: i64 = 0..;
        log_append_time_ms: i64 = 0.., default -1;
        log_start_offset: i64 = 5.., default -1;
        record_errors: Vec<ProduceRecordError> = 8..;
        error_message: Option<String> = 8..;
        current_leader: ProduceLeader = 10.., tag 0;
    }

    /// A record that was refused.
    ProduceRecordError {
        batch_index: i32 = 8..;
        batch_index_error_message: Option<String> = 8..;
    }

    /// The leader of a partition.
    ProduceLeader {
        leader_id: i32 = 10.., default -1;
        leader_epoch: i32 = 10.., default -1;
    }

    /// Asks for an id to append under.
    InitProducerIdRequest {
        transactional_id: Option<String> = 0..;
        transaction_timeout_ms: i32 = 0..;
        producer_id: i64 = 3.., default -1;
        producer_epoch: i16 = 3.., default -1;
    }

    /// Answer to [`InitProducerIdRequest`].
    InitProducerIdResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        producer_id: i64 = 0.., default -1;
        producer_epoch: i16 = 0..;
    }
}
