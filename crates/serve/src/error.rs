//! Everything that can go wrong between a request and its answer.
//!
//! The HTTP status of an error is decided here and nowhere else, from who has to act ([`ErrorKind`]), refined where HTTP has a
//! word of its own for it.

use axum::http::StatusCode;
use millrace_flow::{ErrorKind, StageError};
use millrace_station::StationError;

/// Why a request, or the server itself, failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No view, topic or query of that name.
    #[error("{what} `{name}` not found")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
        /// Where to find the names that exist.
        cure: String,
    },
    /// No such address.
    #[error("nothing is served at `{0}`")]
    NoRoute(String),
    /// The address exists, but not for that method.
    #[error("`{method}` is not possible on `{path}`")]
    Method {
        /// The method tried.
        method: String,
        /// The address.
        path: String,
    },
    /// A parameter of the query string is wrong.
    #[error("{message}")]
    Parameter {
        /// What is wrong.
        message: String,
        /// What to write instead.
        cure: Option<String>,
    },
    /// What is asked for does not go with how things are.
    #[error("{message}")]
    Conflict {
        /// Why.
        message: String,
    },
    /// A record that a topic does not take.
    #[error("record {at}: {reason}")]
    Record {
        /// Which of those sent, from 1.
        at: usize,
        /// Why.
        reason: String,
    },
    /// A question in SQL is wrong.
    #[error("{message}")]
    Question {
        /// What is wrong.
        message: String,
        /// Line, from 1, where it is known.
        line: Option<usize>,
        /// Column, from 1, where it is known.
        column: Option<usize>,
        /// What to write instead.
        cure: Option<String>,
    },
    /// The body is not the JSON that is wanted.
    #[error("the body cannot be used: {0}")]
    Body(String),
    /// The body's type is not JSON.
    #[error("the body's type is not application/json")]
    MediaType,
    /// The body is too long.
    #[error("the body is longer than {bytes_max} bytes")]
    BodyTooLong {
        /// The bound.
        bytes_max: usize,
    },
    /// The request names a host that this server does not go by.
    #[error("`{0}` is not a name of this server")]
    Host(String),
    /// A write that another site's page asked for.
    #[error("a page of `{0}` may not do this")]
    Origin(String),
    /// A change for which clients of Kafka need a right, and nobody has one here.
    #[error("clients of Kafka need rights for this, and there is no login here")]
    NoRight,
    /// The answer took too long.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// The bound.
        seconds: u64,
    },
    /// Too many questions at once.
    #[error("too many requests are being answered")]
    Busy,
    /// Too many live feeds at once.
    #[error("all {max} live feeds are in use")]
    LiveFull {
        /// The bound.
        max: usize,
    },
    /// Some stage has not started.
    #[error("not ready: {0}")]
    NotReady(String),
    /// A stage or store said no.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A broken invariant.
    #[error("the answer could not be computed: {0}")]
    Bug(String),
    /// The socket to listen on failed.
    #[error("cannot accept connections: {0}")]
    Listen(#[from] std::io::Error),
}

impl ServeError {
    /// A wrong parameter with what to write instead.
    pub(crate) fn parameter(message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Parameter { message: message.into(), cure: Some(cure.into()) }
    }

    /// A thing that is not there.
    pub(crate) fn not_found(what: &'static str, name: &str, list: &str) -> Self {
        Self::NotFound { what, name: name.to_owned(), cure: format!("GET {list} lists those that exist") }
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Stage(error) => error.kind(),
            Self::Bug(_) => ErrorKind::Bug,
            Self::Listen(_) | Self::Timeout { .. } | Self::Busy | Self::LiveFull { .. } | Self::NotReady(_) => {
                ErrorKind::Outside
            }
            _ => ErrorKind::User,
        }
    }

    /// Whether the same request may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Stage(error) => error.retry(),
            Self::Timeout { .. } | Self::Busy | Self::LiveFull { .. } | Self::NotReady(_) => true,
            _ => false,
        }
    }

    /// The status that says it in HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound { .. } | Self::NoRoute(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin(_) | Self::NoRight => StatusCode::FORBIDDEN,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            _ => match self.kind() {
                ErrorKind::User => StatusCode::BAD_REQUEST,
                ErrorKind::Outside => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// What to do about it, where that is known.
    pub(crate) fn cure(&self) -> Option<String> {
        match self {
            Self::NotFound { cure, .. } => Some(cure.clone()),
            Self::Parameter { cure, .. } | Self::Question { cure, .. } => cure.clone(),
            Self::NoRoute(_) => Some("GET /api/v1/openapi.json lists every address".to_owned()),
            Self::Body(_) | Self::MediaType => Some("send a JSON object as application/json".to_owned()),
            Self::Host(_) => Some("add the name to `allowed_hosts` in section [http]".to_owned()),
            Self::NoRight => Some(
                "use the tools of Kafka as a user who may, or the command line while the project does not run".into(),
            ),
            Self::LiveFull { .. } | Self::Busy => Some("close some pages, or try again in a few seconds".to_owned()),
            Self::Timeout { .. } => Some("ask for less: narrow the filter or lower the limit".to_owned()),
            Self::NotReady(_) => Some("GET /api/v1/health says which stage is not ready, and why".to_owned()),
            _ => None,
        }
    }
}

impl From<StationError> for ServeError {
    fn from(error: StationError) -> Self {
        match error {
            StationError::NoGroup { name, cure } => Self::NotFound { what: "group", name, cure },
            StationError::NoTopic { name, cure } => Self::NotFound { what: "topic", name, cure },
            StationError::Record { at, reason } => Self::Record { at, reason },
            error if error.is_conflict() => Self::Conflict { message: error.to_string() },
            error => Self::Stage(error.into()),
        }
    }
}
