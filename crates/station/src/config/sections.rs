//! The sections of `millrace.toml`, as they are written. Every key may be missing.

use std::fmt;

use millrace_log::LogConfig;
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Seconds, Size};
use crate::model::{Better, FeedKind, Unit};

/// Where Kafka's clients look for a broker on their own machine.
pub(super) const KAFKA_LISTEN: &str = "127.0.0.1:9092";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sections {
    /// `[project]`
    pub project: ProjectSection,
    /// `[data]`
    pub data: DataSection,
    /// `[http]`
    pub http: HttpSection,
    /// `[kafka]`
    pub kafka: KafkaSection,
    /// `[log]`
    pub log: LogConfig,
    /// `[engine]`
    pub engine: EngineSection,
    /// `[warehouse]`
    pub warehouse: WarehouseSection,
    /// `[dashboard]`
    pub dashboard: DashboardSection,
}

/// What the shop is called, where its clock stands and what it counts in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectSection {
    /// Name of the project on the pages. Without one, the name of its folder.
    pub name: Option<String>,
    /// Zone of the shop's clock, such as `Europe/London`. TIMESTAMP values are local times there; only the pages need to know.
    pub timezone: Option<String>,
    /// What DECIMAL columns are counted in on the pages: three letters, such as `GBP`. Without it they are plain numbers.
    pub currency: Option<String>,
}

/// Where everything is kept that the program computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSection {
    /// The data folder, relative to the project. One running program has it for itself.
    pub dir: String,
}

impl Default for DataSection {
    fn default() -> Self {
        Self { dir: ".millrace".to_owned() }
    }
}

/// Where pages and API are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    /// Address and port. Only this machine reaches the default; `0.0.0.0:8000` lets everybody in, and there is no login yet.
    pub listen: String,
    /// Further names that the server goes by, without port. A request that names another host is refused.
    pub allowed_hosts: Vec<String>,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8000".to_owned(), allowed_hosts: Vec::new() }
    }
}

/// The port for Kafka's clients: producers and consumers of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaSection {
    /// Address and port. Only this machine reaches the default; an empty text serves no clients.
    pub listen: String,
    /// Host and port that clients are told to come back to, where that is another one than they are listened to at.
    pub advertised: String,
    /// Whether what goes over the network may be read by everybody on it: needed beyond this machine without TLS, and for a login without TLS.
    pub allow_plain_text: bool,
    /// Whether a topic that a client asks for, and that is not there, is created.
    pub auto_create_topics: bool,
    /// Partitions of a topic that is created without saying how many.
    pub partitions: u32,
    /// A file in PEM, relative to the project: the certificate of this server, followed by those that vouch for it. With it clients have to speak TLS.
    pub tls_certificate: Option<String>,
    /// The private key of the certificate: a file in PEM, relative to the project.
    pub tls_key: Option<String>,
    /// Certificates that vouch for clients: a file in PEM, relative to the project. With it every client needs a certificate, and is who that names.
    pub tls_client_ca: Option<String>,
    /// How clients log in: of `PLAIN`, `SCRAM-SHA-256` and `SCRAM-SHA-512`. Empty, nobody does.
    pub sasl: Vec<String>,
    /// Whether rules (ACLs) decide what clients may do. Without, everybody may do everything.
    pub acl: bool,
    /// Whether everybody may do everything with what no rule is about.
    pub allow_everyone_if_no_acl: bool,
    /// Those who may do everything whatever rules say, each as in `User:admin`.
    pub super_users: Vec<String>,
}

impl Default for KafkaSection {
    fn default() -> Self {
        Self {
            listen: KAFKA_LISTEN.to_owned(),
            advertised: String::new(),
            allow_plain_text: false,
            auto_create_topics: true,
            partitions: 1,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            sasl: Vec::new(),
            acl: false,
            allow_everyone_if_no_acl: false,
            super_users: Vec::new(),
        }
    }
}

/// How queries run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSection {
    /// Threads that queries share. 0 is one a processor.
    pub threads: usize,
    /// Two commits of a query are at least this far apart: what a result waits while little happens.
    pub epoch_min: Seconds,
    /// Under full load a commit comes this long after the one before.
    pub epoch_max: Seconds,
    /// Memory that the state of one query may take; at the bound the query stops with an error instead of growing.
    pub state_budget: Size,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            threads: 0,
            epoch_min: Seconds::from_millis(20),
            epoch_max: Seconds::from_millis(200),
            state_budget: Size(1 << 30),
        }
    }
}

/// Where the rows of materialized views are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarehouseSection {
    /// The SQLite file, relative to the data folder.
    pub path: String,
}

impl Default for WarehouseSection {
    fn default() -> Self {
        Self { path: "warehouse.sqlite".to_owned() }
    }
}

/// What the page *Live trading* shows. What is left out is derived from the views; an empty list shows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DashboardSection {
    /// Single figures: `{ title, view, column, over, unit, better }`. The column is summed over the range shown; with `over`,
    /// the sum is divided by that column's sum. `unit` is `money` or `count`, `better` is `up` or `down`.
    pub tiles: Option<Vec<TileSection>>,
    /// The wide chart: `{ title, view, column, unit }`, of a view with windows and no other key.
    #[serde(deserialize_with = "one_or_none")]
    pub timeline: Option<Vec<TimelineSection>>,
    /// Sorted bars: `{ title, view, label, column, unit, detail }`.
    pub bars: Option<Vec<BarsSection>>,
    /// Lists of the latest rows: `{ title, view, columns, order, kind }`. `order` is `-column` for newest first; `kind` is
    /// `good` or `bad`.
    pub feeds: Option<Vec<FeedSection>>,
}

/// One table, or a list with none or one of them.
fn one_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<TimelineSection>>, D::Error> {
    struct OneOrNone;
    impl<'de> Visitor<'de> for OneOrNone {
        type Value = Option<Vec<TimelineSection>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("{ view = \"…\", column = \"…\" }, or [] to show none")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            TimelineSection::deserialize(MapAccessDeserializer::new(map)).map(|one| Some(vec![one]))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let first = list.next_element::<TimelineSection>()?;
            if list.next_element::<IgnoredAny>()?.is_some() {
                return Err(serde::de::Error::invalid_length(2, &self));
            }
            Ok(Some(first.into_iter().collect()))
        }
    }
    deserializer.deserialize_any(OneOrNone)
}

/// One tile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileSection {
    /// Words above it; made from the column's name if missing.
    pub title: Option<String>,
    /// The view.
    pub view: String,
    /// The column summed.
    pub column: String,
    /// Divides by the sum of this column.
    pub over: Option<String>,
    /// How it is written.
    pub unit: Option<Unit>,
    /// Which direction is good news.
    pub better: Option<Better>,
}

/// The wide chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineSection {
    /// Words above it; made from the column's name if missing.
    pub title: Option<String>,
    /// The view.
    pub view: String,
    /// The column drawn.
    pub column: String,
    /// How values are written.
    pub unit: Option<Unit>,
}

/// One set of bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarsSection {
    /// Words above them; made from the label's name if missing.
    pub title: Option<String>,
    /// The view.
    pub view: String,
    /// The column with the labels.
    pub label: String,
    /// The column summed.
    pub column: String,
    /// How values are written.
    pub unit: Option<Unit>,
    /// A column to show beside the value.
    pub detail: Option<String>,
}

/// One list of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSection {
    /// Words above it; made from the view's name if missing.
    pub title: Option<String>,
    /// The view.
    pub view: String,
    /// The columns shown; all if missing.
    pub columns: Option<Vec<String>>,
    /// The order; newest first if missing.
    pub order: Option<String>,
    /// Whether its rows are good news.
    pub kind: Option<FeedKind>,
}
