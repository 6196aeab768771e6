//! What users prove themselves with.

use bytes::Bytes;

use crate::wire::Secret;
use crate::wire::macros::message;

message! {
    /// Asks which credentials users have.
    DescribeUserScramCredentialsRequest {
        users: Option<Vec<ScramUser>> = 0..;
    }

    /// A user.
    ScramUser {
        name: String = 0..;
    }

    /// Answer to [`DescribeUserScramCredentialsRequest`].
    DescribeUserScramCredentialsResponse {
        throttle_time_ms: i32 = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        results: Vec<DescribedScramUser> = 0..;
    }

    /// The credentials of a user.
    DescribedScramUser {
        user: String = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
        credential_infos: Vec<DescribedScramCredential> = 0..;
    }

    /// A credential.
    DescribedScramCredential {
        mechanism: i8 = 0..;
        iterations: i32 = 0..;
    }

    /// Asks for credentials to change or go.
    AlterUserScramCredentialsRequest {
        deletions: Vec<ScramDeletion> = 0..;
        upsertions: Vec<ScramUpsertion> = 0..;
    }

    /// A credential to remove.
    ScramDeletion {
        name: String = 0..;
        mechanism: i8 = 0..;
    }

    /// A credential to put in place.
    ScramUpsertion {
        name: String = 0..;
        mechanism: i8 = 0..;
        iterations: i32 = 0..;
        salt: Bytes = 0..;
        salted_password: Secret = 0..;
    }

    /// Answer to [`AlterUserScramCredentialsRequest`].
    AlterUserScramCredentialsResponse {
        throttle_time_ms: i32 = 0..;
        results: Vec<AlteredScramUser> = 0..;
    }

    /// What became of a user.
    AlteredScramUser {
        user: String = 0..;
        error_code: i16 = 0..;
        error_message: Option<String> = 0..;
    }
}
