//! Transactions and their producers.

use crate::wire::macros::message;

message! {
    /// Asks for partitions to become part of a transaction.
    AddPartitionsToTxnRequest {
        transactional_id: String = 0..=3;
        producer_id: i64 = 0..=3;
        producer_epoch: i16 = 0..=3;
        topics: Vec<AddPartitionsTopic> = 0..=3;
    }

    /// Partitions of a topic.
    AddPartitionsTopic {
        name: String = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Answer to [`AddPartitionsToTxnRequest`].
    AddPartitionsToTxnResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<AddedPartitionsTopic> = 0..=3;
    }

    /// What became of a topic.
    AddedPartitionsTopic {
        name: String = 0..;
        results_by_partition: Vec<AddedPartition> = 0..;
    }

    /// What became of a partition.
    AddedPartition {
        partition_index: i32 = 0..;
        partition_error_code: i16 = 0..;
    }

    /// Asks for a group's offsets to become part of a transaction.
    AddOffsetsToTxnRequest {
        transactional_id: String = 0..;
        producer_id: i64 = 0..;
        producer_epoch: i16 = 0..;
        group_id: String = 0..;
    }

    /// Answer to [`AddOffsetsToTxnRequest`].
    AddOffsetsToTxnResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
    }

    /// Asks to note how far a group has read, if the transaction commits.
    TxnOffsetCommitRequest {
        transactional_id: String = 0..;
        group_id: String = 0..;
        producer_id: i64 = 0..;
        producer_epoch: i16 = 0..;
        generation_id: i32 = 3.., default -1;
        member_id: String = 3..;
        group_instance_id: Option<String> = 3..;
        topics: Vec<TxnOffsetCommitTopic> = 0..;
    }

    /// A topic.
    TxnOffsetCommitTopic {
        name: String = 0..;
        partitions: Vec<TxnOffsetCommitPartition> = 0..;
    }

    /// How far a partition was read.
    TxnOffsetCommitPartition {
        partition_index: i32 = 0..;
        committed_offset: i64 = 0..;
        committed_leader_epoch: i32 = 2.., default -1;
        committed_metadata: Option<String> = 0..;
    }

    /// Answer to [`TxnOffsetCommitRequest`].
    TxnOffsetCommitResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<TxnCommittedTopic> = 0..;
    }

    /// What became of a topic.
    TxnCommittedTopic {
        name: String = 0..;
        partitions: Vec<TxnCommittedPartition> = 0..;
    }

    /// What became of a partition.
    TxnCommittedPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
    }

    /// Asks for a transaction to commit or abort.
    EndTxnRequest {
        transactional_id: String = 0..;
        producer_id: i64 = 0..;
        producer_epoch: i16 = 0..;
        committed: bool = 0..;
    }

    /// Answer to [`EndTxnRequest`].
    EndTxnResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        producer_id: i64 = 5.., default -1;
        producer_epoch: i16 = 5.., default -1;
    }

    /// Asks who appends to partitions.
    DescribeProducersRequest {
        topics: Vec<ProducersTopic> = 0..;
    }

    /// Partitions of a topic.
    ProducersTopic {
        name: String = 0..;
        partition_indexes: Vec<i32> = 0..;
    }

    /// Answer to [`DescribeProducersRequest`].
    DescribeProducersResponse {
        throttle_time_ms: i32 = 0..;
        topics: Vec<DescribedProducersTopic> = 0..;
    }

    /// The producers of a topic.
    DescribedProducersTopic {
        name: String = 0..;
        partitions: Vec<DescribedProducersPartition> = 0..;
    }

    /// The producers of a partition.
    DescribedProducersPartition {
        partition_index: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        active_producers: Vec<DescribedProducer> = 0..;
    }

    /// A producer.
    DescribedProducer {
        producer_id: i64 = 0..;
        producer_epoch: i32 = 0..;
        last_sequence: i32 = 0.., default -1;
        last_timestamp: i64 = 0.., default -1;
        coordinator_epoch: i32 = 0..;
        current_txn_start_offset: i64 = 0.., default -1;
    }

    /// Asks for transactions by their ids.
    DescribeTransactionsRequest {
        transactional_ids: Vec<String> = 0..;
    }

    /// Answer to [`DescribeTransactionsRequest`].
    DescribeTransactionsResponse {
        throttle_time_ms: i32 = 0..;
        transaction_states: Vec<DescribedTransaction> = 0..;
    }

    /// A transaction.
    DescribedTransaction {
        error_code: i16 = 0..;
        transactional_id: String = 0..;
        transaction_state: String = 0..;
        transaction_timeout_ms: i32 = 0..;
        transaction_start_time_ms: i64 = 0..;
        producer_id: i64 = 0..;
        producer_epoch: i16 = 0..;
        topics: Vec<DescribedTransactionTopic> = 0..;
    }

    /// Partitions of a topic in a transaction.
    DescribedTransactionTopic {
        topic: String = 0..;
        partitions: Vec<i32> = 0..;
    }

    /// Asks for the transactions there are.
    ListTransactionsRequest {
        state_filters: Vec<String> = 0..;
        producer_id_filters: Vec<i64> = 0..;
        duration_filter: i64 = 1.., default -1;
        transactional_id_pattern: Option<String> = 2..;
    }

    /// Answer to [`ListTransactionsRequest`].
    ListTransactionsResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        unknown_state_filters: Vec<String> = 0..;
        transaction_states: Vec<ListedTransaction> = 0..;
    }

    /// A transaction.
    ListedTransaction {
        transactional_id: String = 0..;
        producer_id: i64 = 0..;
        transaction_state: String = 0..;
    }
}
