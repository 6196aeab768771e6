//! From what was written to what the program runs with: facts in, decisions out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};
use millrace_log::LogConfig;

use super::sections::KAFKA_LISTEN;
use super::{DashboardSection, EngineSection, KafkaSection, Sections};

/// Threads that may be asked for: far beyond any machine this runs on.
const THREADS_MAX: usize = 1_024;

/// How clients of Kafka may log in.
const KAFKA_MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Partitions that a topic may have.
const KAFKA_PARTITIONS_MAX: u32 = 10_000;

/// Longest distance of two commits: a page that is older than this is not live.
const EPOCH_MAX: Duration = Duration::from_secs(60);

/// Least memory for the state of a query: below this not even small views fit.
const STATE_BYTES_MIN: u64 = 1 << 20;

/// Settings that work.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Name of the project.
    pub name: String,
    /// Zone of the shop's clock.
    pub timezone: Option<String>,
    /// What DECIMAL columns are counted in.
    pub currency: Option<String>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where pages and API are served.
    pub listen: SocketAddr,
    /// Further names that the server goes by.
    pub allowed_hosts: Vec<String>,
    /// The port for Kafka's clients, if there is to be one.
    pub kafka: Option<KafkaConfig>,
    /// The log.
    pub log: LogConfig,
    /// The queries.
    pub engine: EngineConfig,
    /// The SQLite file.
    pub warehouse: PathBuf,
    /// The first page; what is missing is derived.
    pub dashboard: DashboardSection,
}

/// The port for Kafka's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Where it is served.
    pub listen: SocketAddr,
    /// Whether nobody said so: then another program may have it.
    pub is_default: bool,
    /// Host and port that clients are told to come back to, where that is another one.
    pub advertised: Option<(String, u16)>,
    /// Whether topics that are asked for are created.
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many.
    pub partitions: u32,
    /// Encryption, login and rules.
    pub security: KafkaSecurity,
}

/// Encryption, login and rules of the port for Kafka's clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// Files in PEM: the certificate, and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Certificates that vouch for clients.
    pub client_ca: Option<PathBuf>,
    /// How clients log in, by the names of the protocol.
    pub sasl: Vec<String>,
    /// Whether rules decide what clients may do.
    pub acl: bool,
    /// Whether everybody may do everything with what no rule is about.
    pub everyone_if_no_acl: bool,
    /// Those who may do everything.
    pub super_users: Vec<String>,
}

/// How queries run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineConfig {
    /// Threads that queries share; `None` for one a processor.
    pub threads: Option<usize>,
    /// Least distance of two commits.
    pub epoch_min: Duration,
    /// Distance of two commits under full load.
    pub epoch_max: Duration,
    /// Bytes of state at which a query stops.
    pub state_bytes_max: usize,
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which, `http.listen`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: Option<String>,
}

impl Sections {
    /// What the project in `dir` runs with, with a default in place of everything that is refused.
    pub fn validate(self, dir: &Path) -> (Config, Vec<Refusal>) {
        let defaults = Self::default();
        let mut refusals = Vec::new();
        let mut refuse = |path: &str, message: String, cure: &str| {
            refusals.push(Refusal { path: path.to_owned(), message, cure: Some(cure.to_owned()) });
        };
        let Self { project, data, http, kafka, log, engine, warehouse, dashboard } = self;
        if let Some(zone) = project.timezone.as_deref().filter(|zone| !is_zone(zone)) {
            let near = millrace_flow::nearest(zone, TZ_VARIANTS.iter().map(|zone| zone.name()));
            let cure = near.map_or_else(
                || "write it as in `Europe/London`, or `UTC`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            refuse("project.timezone", format!("`{zone}` names no time zone"), &cure);
        }
        if let Some(currency) = project.currency.as_deref().filter(|currency| !is_currency(currency)) {
            refuse("project.currency", format!("`{currency}` is no currency"), "write its three letters, as in `GBP`");
        }
        let listen = resolve_listen(&http.listen).unwrap_or_else(|| {
            let cure = "write address and port, as in `127.0.0.1:8000`";
            refuse("http.listen", format!("`{}` is no address to listen on", http.listen), cure);
            resolve_listen(&defaults.http.listen).expect("the default is an address")
        });
        for (index, host) in http.allowed_hosts.iter().enumerate().filter(|(_, host)| !is_host(host)) {
            let path = format!("http.allowed_hosts.{index}");
            refuse(&path, format!("`{host}` is no host name"), "write the name alone, without scheme, port or path");
        }
        for (path, text) in [("data.dir", &data.dir), ("warehouse.path", &warehouse.path)] {
            if text.trim().is_empty() {
                refuse(path, "an empty path".to_owned(), "name a path, or leave the key out");
            }
        }
        let log = log.validate().map(|()| log).unwrap_or_else(|error| {
            let text = error.to_string();
            let path = text.split('`').nth(1).unwrap_or("log").to_owned();
            let (message, cure) =
                text.split_once("; ").unwrap_or((&text, "see the key's description in the reference"));
            refuse(&path, message.to_owned(), cure);
            defaults.log
        });
        let kafka = resolve_kafka(dir, &kafka, &mut refuse);
        let engine = resolve_engine(&engine, &mut refuse);
        let data_dir = dir.join(&data.dir);
        let config = Config {
            name: project.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| name_of(dir)),
            timezone: project.timezone,
            currency: project.currency,
            listen,
            allowed_hosts: http.allowed_hosts,
            kafka,
            log,
            engine,
            warehouse: data_dir.join(&warehouse.path),
            data_dir,
            dashboard,
        };
        (config, refusals)
    }
}

fn resolve_kafka(dir: &Path, kafka: &KafkaSection, refuse: &mut impl FnMut(&str, String, &str)) -> Option<KafkaConfig> {
    let security = resolve_kafka_security(dir, kafka, refuse);
    let partitions = kafka.partitions.clamp(1, KAFKA_PARTITIONS_MAX);
    if partitions != kafka.partitions {
        let message = format!("{} is no number of partitions", kafka.partitions);
        refuse("kafka.partitions", message, "set 1 to 10000");
    }
    if kafka.listen.trim().is_empty() {
        return None;
    }
    let Some(listen) = resolve_listen(&kafka.listen) else {
        let cure = "write address and port, as in `127.0.0.1:9092`, or nothing to serve no clients of Kafka";
        refuse("kafka.listen", format!("`{}` is no address to listen on", kafka.listen), cure);
        return None;
    };
    if !listen.ip().is_loopback() && security.tls.is_none() && !kafka.allow_plain_text {
        let message = format!("`{listen}` can be reached from other machines, without encryption");
        let cure = "set tls_certificate and tls_key, listen on 127.0.0.1, or set allow_plain_text = true where you trust \
                    everybody on that network";
        refuse("kafka.listen", message, cure);
    }
    let advertised = match kafka.advertised.trim() {
        "" => None,
        text => {
            let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
            let parts = parts.filter(|(host, _)| !host.is_empty());
            if parts.is_none() {
                let message = format!("`{text}` is no host and port");
                refuse("kafka.advertised", message, "write them as in `shop.example:9092`");
            }
            parts
        }
    };
    let (is_default, auto_create_topics) = (kafka.listen == KAFKA_LISTEN, kafka.auto_create_topics);
    Some(KafkaConfig { listen, is_default, advertised, auto_create_topics, partitions, security })
}

fn resolve_kafka_security(
    dir: &Path,
    kafka: &KafkaSection,
    refuse: &mut impl FnMut(&str, String, &str),
) -> KafkaSecurity {
    let path = |text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| dir.join(text))
    };
    let (certificate, key, client_ca) =
        (path(&kafka.tls_certificate), path(&kafka.tls_key), path(&kafka.tls_client_ca));
    let both = "set both: the certificate, and its key";
    match (&certificate, &key) {
        (Some(_), None) => refuse("kafka.tls_certificate", "a certificate without its key".to_owned(), both),
        (None, Some(_)) => refuse("kafka.tls_key", "a key without its certificate".to_owned(), both),
        (None, None) if client_ca.is_some() => {
            let cure = "set tls_certificate and tls_key as well";
            refuse("kafka.tls_client_ca", "clients show certificates over TLS only".to_owned(), cure);
        }
        _ => {}
    }
    let tls = certificate.zip(key);
    for (index, name) in kafka.sasl.iter().enumerate().filter(|(_, name)| !KAFKA_MECHANISMS.contains(&name.as_str())) {
        let message = format!("nobody can log in by `{name}`");
        refuse(&format!("kafka.sasl.{index}"), message, "write `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`");
    }
    if !kafka.sasl.is_empty() && tls.is_none() && !kafka.allow_plain_text {
        let message = "whoever listens on the network could log in as well: there is no encryption".to_owned();
        let cure =
            "set tls_certificate and tls_key, or allow_plain_text = true where you trust everybody on that network";
        refuse("kafka.sasl", message, cure);
    }
    let is_principal =
        |text: &str| text.split_once(':').is_some_and(|(kind, name)| !kind.is_empty() && !name.is_empty());
    for (index, name) in kafka.super_users.iter().enumerate().filter(|(_, name)| !is_principal(name)) {
        let message = format!("`{name}` is nobody");
        refuse(&format!("kafka.super_users.{index}"), message, "write it as in `User:admin`");
    }
    KafkaSecurity {
        tls,
        client_ca,
        sasl: kafka.sasl.clone(),
        acl: kafka.acl,
        everyone_if_no_acl: kafka.allow_everyone_if_no_acl,
        super_users: kafka.super_users.clone(),
    }
}

fn resolve_engine(engine: &EngineSection, refuse: &mut impl FnMut(&str, String, &str)) -> EngineConfig {
    let mut section = engine.clone();
    if section.threads > THREADS_MAX {
        refuse(
            "engine.threads",
            format!("{} threads are too many", section.threads),
            "leave it out: one a processor is best",
        );
        section.threads = 0;
    }
    if section.epoch_max.0.is_zero() || section.epoch_max.0 > EPOCH_MAX {
        refuse(
            "engine.epoch_max",
            format!("{} is not between 1ms and 60s", section.epoch_max),
            "200ms is a good value",
        );
        section.epoch_max = EngineSection::default().epoch_max;
    }
    if section.epoch_min > section.epoch_max {
        let message = format!("epoch_min of {} is longer than epoch_max of {}", section.epoch_min, section.epoch_max);
        refuse("engine.epoch_min", message, "make epoch_min the shorter one");
        section.epoch_min = section.epoch_max;
    }
    if section.state_budget.0 < STATE_BYTES_MIN {
        refuse("engine.state_budget", format!("{} are too few", section.state_budget), "set 1MiB or more");
        section.state_budget = EngineSection::default().state_budget;
    }
    EngineConfig {
        threads: (section.threads > 0).then_some(section.threads),
        epoch_min: section.epoch_min.0,
        epoch_max: section.epoch_max.0,
        state_bytes_max: usize::try_from(section.state_budget.0).unwrap_or(usize::MAX),
    }
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`, and `:8000` for this machine only.
fn resolve_listen(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    matches!(host, "" | "localhost").then_some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

fn is_zone(zone: &str) -> bool {
    zone.parse::<Tz>().is_ok()
}

fn is_currency(currency: &str) -> bool {
    currency.len() == 3 && currency.chars().all(|c| c.is_ascii_uppercase())
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.len() <= 253 && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
}

/// The name of a folder.
fn name_of(dir: &Path) -> String {
    dir.file_name().map_or_else(|| "millrace".to_owned(), |name| name.to_string_lossy().into_owned())
}
