//! What can go wrong while a project is put together.

use std::io;
use std::path::{Path, PathBuf};

use millrace_broker::BrokerError;
use millrace_flow::{Diagnostic, ErrorKind, StageError};
use millrace_log::LogError;
use millrace_schema::SchemaError;
use millrace_sink::SinkError;

/// Why a project does not run or a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The folder of the project is not there or cannot be read.
    #[error("cannot read the project folder `{}`: {source}; {cure}", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
        /// What to do.
        cure: String,
    },
    /// The settings or the statements are wrong.
    #[error("{}", list(.0))]
    Project(Vec<Diagnostic>),
    /// A file or folder of ours.
    #[error("cannot {doing} `{}`: {source}; check that the folder may be written and the disk is not full", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing has run here yet.
    #[error("`{}` holds no data yet; start the project with `millrace up`", .0.display())]
    NoData(PathBuf),
    /// A thread or a runtime could not be started.
    #[error("cannot start {what}: {source}; is the limit of threads reached?")]
    Thread {
        /// What was to run.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// No topic of that name.
    #[error("topic `{name}` not found; {cure}")]
    NoTopic {
        /// The name.
        name: String,
        /// The near one, or all.
        cure: String,
    },
    /// No group of that name.
    #[error("group `{name}` not found; {cure}")]
    NoGroup {
        /// The name.
        name: String,
        /// The near one, or all.
        cure: String,
    },
    /// A group is not to be changed while somebody is in it.
    #[error("group `{name}` has members (`{clients}`), which would go on from where they are; {cure}")]
    GroupInUse {
        /// The name.
        name: String,
        /// What they call themselves.
        clients: String,
        /// What to do.
        cure: &'static str,
    },
    /// A topic is not for clients to make, change or write.
    #[error("topic `{topic}` belongs to {owner} of this project, whose statement alone says what it is")]
    NotOfClients {
        /// The topic.
        topic: String,
        /// Who writes it.
        owner: String,
    },
    /// A record that a topic does not take.
    #[error("record {at}: {reason}")]
    Record {
        /// Which of those given, from 1.
        at: usize,
        /// Why.
        reason: String,
    },
    /// Records that a topic does not take.
    #[error("the records were not written: {0}")]
    NotTaken(String),
    /// Groups are kept by the port of Kafka, and it is off.
    #[error("this project serves no clients of Kafka, so it has no groups; set [kafka] listen")]
    NoBroker,
    /// The port of Kafka.
    #[error(transparent)]
    Broker(BrokerError),
    /// A question about messages that cannot be.
    #[error("{0}")]
    Question(String),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The registry of schemas.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A store.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A stage.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl StationError {
    /// Makes the error of a call on `path`; `doing` is a verb, as in "cannot write".
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, path: path.to_owned(), source }
    }

    /// What is wrong with settings and statements, if that is it.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Project(diagnostics) = self { diagnostics } else { &[] }
    }

    /// Who has to act.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Folder { .. } | Self::Project(_) | Self::NoData(_) | Self::NoTopic { .. } | Self::Question(_) => {
                ErrorKind::User
            }
            Self::NoGroup { .. } | Self::GroupInUse { .. } | Self::NoBroker => ErrorKind::User,
            Self::NotOfClients { .. } | Self::Record { .. } | Self::NotTaken(_) => ErrorKind::User,
            Self::Broker(BrokerError::Group { .. }) => ErrorKind::User,
            Self::File { .. } | Self::Thread { .. } | Self::Broker(_) => ErrorKind::Outside,
            Self::Log(error) => error.kind(),
            Self::Schema(error) => error.kind(),
            Self::Sink(error) => error.kind(),
            Self::Stage(error) => error.kind(),
        }
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Log(error) => error.retry(),
            Self::Sink(error) => error.retry(),
            Self::Stage(error) => error.retry(),
            _ => false,
        }
    }
}

impl From<StationError> for StageError {
    fn from(error: StationError) -> Self {
        match error {
            StationError::Stage(error) => error,
            error => Self::new(error.kind(), error.retry(), error),
        }
    }
}

fn list(diagnostics: &[Diagnostic]) -> String {
    let texts: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    texts.join("\n\n")
}
