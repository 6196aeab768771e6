//! How much clients may take.

use crate::wire::macros::message;

message! {
    /// Asks for limits.
    DescribeClientQuotasRequest {
        components: Vec<QuotaFilter> = 0..;
        strict: bool = 0..;
    }

    /// What a part of a client has to be.
    QuotaFilter {
        entity_type: String = 0..;
        match_type: i8 = 0..;
        match_name: Option<String> = 0..;
    }

    /// Answer to [`DescribeClientQuotasRequest`].
    DescribeClientQuotasResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        entries: Option<Vec<DescribedQuota>> = 0..;
    }

    /// The limits of a client.
    DescribedQuota {
        entity: Vec<DescribedQuotaEntity> = 0..;
        values: Vec<DescribedQuotaValue> = 0..;
    }

    /// A part of a client.
    DescribedQuotaEntity {
        entity_type: String = 0..;
        entity_name: Option<String> = 0..;
    }

    /// A limit.
    DescribedQuotaValue {
        key: String = 0..;
        value: f64 = 0..;
    }

    /// Asks for limits to change or go.
    AlterClientQuotasRequest {
        entries: Vec<AlterQuota> = 0..;
        validate_only: bool = 0..;
    }

    /// Changes of the limits of a client.
    AlterQuota {
        entity: Vec<AlterQuotaEntity> = 0..;
        ops: Vec<AlterQuotaOp> = 0..;
    }

    /// A part of a client.
    AlterQuotaEntity {
        entity_type: String = 0..;
        entity_name: Option<String> = 0..;
    }

    /// A change of a limit.
    AlterQuotaOp {
        key: String = 0..;
        value: f64 = 0..;
        remove: bool = 0..;
    }

    /// Answer to [`AlterClientQuotasRequest`].
    AlterClientQuotasResponse {
        throttle_time_ms: i32 = 0..;
        entries: Vec<AlteredQuota> = 0..;
    }

    /// What became of a client.
    AlteredQuota {
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        entity: Vec<AlteredQuotaEntity> = 0..;
    }

    /// A part of a client.
    AlteredQuotaEntity {
        entity_type: String = 0..;
        entity_name: Option<String> = 0..;
    }
}
