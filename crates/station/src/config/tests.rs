//! Settings as people write them: which one counts, and what is said of a wrong one.

use std::path::Path;
use std::time::Duration;

use millrace_log::FlushMode;

use super::{Loaded, Overrides, load, reference};

fn loaded(text: &str, environment: &[(&str, &str)], overrides: &Overrides) -> Loaded {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: Vec<_> = environment.iter().map(owned).collect();
    load(Path::new("/shop"), text, &environment, overrides)
}

fn file(text: &str) -> Loaded {
    loaded(text, &[], &Overrides::default())
}

fn said(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_means_the_defaults() {
    let loaded = file("");
    assert_eq!(said(&loaded), "");
    let config = loaded.config;
    assert_eq!((config.name.as_str(), config.listen.to_string().as_str()), ("shop", "127.0.0.1:8000"));
    assert_eq!(config.data_dir, Path::new("/shop/.millrace"));
    assert_eq!(config.warehouse, Path::new("/shop/.millrace/warehouse.sqlite"));
    assert_eq!(config.engine.threads, None);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let text = "[http]\nlisten = '127.0.0.1:1'\n[data]\ndir = 'a'\n[engine]\nthreads = 1\nepoch_max = '1s'";
    let environment = [
        ("MILLRACE_HTTP_LISTEN", "127.0.0.1:2"),
        ("MILLRACE_ENGINE_THREADS", "2"),
        ("MILLRACE_ENGINE_EPOCH_MIN", "5ms"),
        ("MILLRACE_LOG_FLUSH", "commit"),
        ("MILLRACE_HTTP_ALLOWED_HOSTS", "['shop.example']"),
        ("MILLRACE_LOG", "debug"),
        ("MILLRACE_TEST_SOMETHING", "none of the settings"),
        ("PATH", "/bin"),
    ];
    let overrides = Overrides { listen: Some("127.0.0.1:3".into()), data_dir: None };
    let loaded = loaded(text, &environment, &overrides);
    assert_eq!(said(&loaded), "");
    let config = loaded.config;
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir, Path::new("/shop/a"));
    assert_eq!(config.engine.threads, Some(2));
    assert_eq!((config.engine.epoch_min, config.engine.epoch_max), (Duration::from_millis(5), Duration::from_secs(1)));
    assert_eq!(config.log.flush, FlushMode::Commit);
    assert_eq!(config.allowed_hosts, ["shop.example"]);
}

#[test]
fn every_mistake_is_shown_with_its_place() {
    let text = "[project]\nname = \"shop\"\ncurrency = \"Pound\"\n\n[http]\nlisten = 8000\nlissen = \"x\"\n\n[enginee]\nthreads = 2\n\n\
                [engine]\nepoch_max = \"fast\"\n\n[log]\nflush_intervall = \"1s\"\nflush = \"sometimes\"\n\n\
                [dashboard]\ntiles = [\n  { title = \"Grüße\", view = \"v\", colum = \"c\" },\n]\n";
    let loaded = file(text);
    let wanted = "\
error: unknown section `[enginee]`
 --> millrace.toml:9:2
  |
9 | [enginee]
  |  ^^^^^^^
  = help: did you mean `engine`?
error: `http.listen`: integer `8000` does not fit
 --> millrace.toml:6:10
  |
6 | listen = 8000
  |          ^^^^
  = help: write a string
error: unknown key `lissen` in [http]
 --> millrace.toml:7:1
  |
7 | lissen = \"x\"
  | ^^^^^^
  = help: did you mean `listen`?
error: unknown key `flush_intervall` in [log]
  --> millrace.toml:16:1
   |
16 | flush_intervall = \"1s\"
   | ^^^^^^^^^^^^^^^
   = help: did you mean `flush_interval`?
error: `log.flush`: `sometimes` is no value of it
  --> millrace.toml:17:9
   |
17 | flush = \"sometimes\"
   |         ^^^^^^^^^^^
   = help: values are `none`, `interval`, `commit`
error: `engine.epoch_max`: `fast` is not a duration such as 60s
  --> millrace.toml:13:13
   |
13 | epoch_max = \"fast\"
   |             ^^^^^^
error: unknown key `colum` in `dashboard.tiles`
  --> millrace.toml:21:34
   |
21 |   { title = \"Grüße\", view = \"v\", colum = \"c\" },
   |                                  ^^^^^
   = help: did you mean `column`?
error: `Pound` is no currency
 --> millrace.toml:3:12
  |
3 | currency = \"Pound\"
  |            ^^^^^^^
  = help: write its three letters, as in `GBP`";
    assert_eq!(said(&loaded), wanted);
    assert_eq!(loaded.config.name, "shop", "what is right is taken all the same");
}

#[test]
fn a_mistake_outside_the_file_is_shown_where_it_was_made() {
    let environment = [("MILLRACE_HTTP_LISTN", "x"), ("MILLRACE_ENGINE_STATE_BUDGET", "1KiB")];
    let overrides = Overrides { listen: Some("nowhere".into()), data_dir: None };
    let text = said(&loaded("", &environment, &overrides));
    for words in [
        "unknown key `listn` in [http]\n --> environment:1:1\n",
        "MILLRACE_HTTP_LISTN=x",
        "did you mean `listen`?",
        "--> command line:1:1",
        "--listen nowhere",
        "`nowhere` is no address to listen on",
        "MILLRACE_ENGINE_STATE_BUDGET=1KiB",
    ] {
        assert!(text.contains(words), "`{words}` is missing in:\n{text}");
    }
}

#[test]
fn what_is_not_toml_is_said_once() {
    let loaded = file("[http\nlisten = 1");
    assert!(!loaded.diagnostics.is_empty());
    assert!(loaded.diagnostics.iter().all(|wrong| wrong.message.starts_with("not TOML")), "{}", said(&loaded));
}

#[test]
fn values_that_cannot_work_are_refused() {
    for (text, words) in [
        ("[http]\nlisten = '1.2.3.4'", "no address"),
        ("[kafka]\nlisten = '9092'", "no address"),
        ("[kafka]\nlisten = '0.0.0.0:9092'", "without encryption"),
        ("[kafka]\nadvertised = 'shop.example'", "no host and port"),
        ("[kafka]\npartitions = 0", "no number of partitions"),
        ("[kafka]\ntls_certificate = 'a.pem'", "without its key"),
        ("[kafka]\ntls_key = 'a.key'", "without its certificate"),
        ("[kafka]\ntls_client_ca = 'ca.pem'", "over TLS only"),
        ("[kafka]\nsasl = ['PLAIN']", "no encryption"),
        ("[kafka]\nsasl = ['GSSAPI']\nallow_plain_text = true", "nobody can log in by `GSSAPI`"),
        ("[kafka]\nsuper_users = ['admin']", "`admin` is nobody"),
        ("[kafka]\npartitions = 100000\nlisten = ''", "no number of partitions"),
        ("[engine]\nepoch_min = '2s'", "longer than epoch_max"),
        ("[engine]\nthreads = 100000", "too many"),
        ("[project]\ntimezone = 'half past nine'", "no time zone"),
        ("[http]\nallowed_hosts = ['http://x']", "no host name"),
        ("[data]\ndir = ''", "empty path"),
        ("[log]\nsegment_bytes_max = '1KiB'", "segment_bytes_max"),
    ] {
        let loaded = file(text);
        assert_eq!(loaded.diagnostics.len(), 1, "{text}: {}", said(&loaded));
        assert!(said(&loaded).contains(words), "{}", said(&loaded));
        assert_eq!(loaded.diagnostics[0].span.line, 2, "{}", said(&loaded));
    }
    let kafka = "[kafka]\nlisten = '0.0.0.0:9092'\ntls_certificate = 'tls/a.pem'\ntls_key = '/b.key'\nsasl = ['PLAIN']";
    let config = file(kafka).config.kafka.expect("it is served");
    assert_eq!(config.security.tls, Some(("/shop/tls/a.pem".into(), "/b.key".into())));
    assert_eq!(said(&file(kafka)), "", "with TLS everything may be reached");
    assert_eq!(file("[http]\nlisten = 'localhost:9'").config.listen.to_string(), "127.0.0.1:9");
}

#[test]
fn values_that_do_not_fit_are_told_what_does() {
    for (text, words) in [
        ("name = 'shop'", ["the key `name` stands in no section", "put it below a line `[project]`"]),
        ("zebra = 1", ["the key `zebra` stands in no section", "sections are `project`"]),
        ("[log]\nflush = 'comit'", ["`comit` is no value of it", "did you mean `commit`?"]),
        ("[log]\nflush = 'foo'", ["`foo` is no value of it", "values are `none`, `interval`, `commit`"]),
        (
            "[engine]\nthreads = 'zwei'",
            ["`engine.threads`: string \"zwei\" does not fit", "write a whole number, 0 or more"],
        ),
        ("[http]\nallowed_hosts = 'a'", ["`http.allowed_hosts`", "write a list, as in"]),
        ("[http]\nlisten = 1", ["integer `1` does not fit", "write a string"]),
        ("[http]\nlisten = 127.0.0.1:8000 # mine", ["not TOML", "text stands in quotes: listen = \"127.0.0.1:8000\""]),
        ("[dashboard]\ntiles = { view = 'v', column = 'c' }", ["`dashboard.tiles`", "a list of tables, as in [{ view"]),
        ("[dashboard]\nbars = [{ view = 'v', column = 'c' }]", ["`label` is missing", "add label = \"…\""]),
        ("[log]\nsegment_bytes_max = '1B'", ["segment_bytes_max", "help: set 4KiB to 1GiB"]),
        ("[dashboard]\ntimeline = 'v'", ["`dashboard.timeline`", "or [] to show none"]),
        ("[project]\ntimezone = 'Europe/Berln'", ["names no time zone", "did you mean `Europe/Berlin`?"]),
    ] {
        let loaded = file(text);
        assert_eq!(loaded.diagnostics.len(), 1, "{text}: {}", said(&loaded));
        for word in words {
            assert!(said(&loaded).contains(word), "`{word}` is missing: {}", said(&loaded));
        }
    }
    assert!(file("[project]\ntimezone = 'Asia/Kolkata'").diagnostics.is_empty());
    assert_eq!(file("[dashboard]\ntimeline = []").config.dashboard.timeline, Some(Vec::new()));
    let one = file("[dashboard]\ntimeline = { view = 'v', column = 'c' }").config.dashboard.timeline;
    assert_eq!(one.map(|timeline| timeline.len()), Some(1));
}

/// Where somebody named the port of Kafka's clients, that port it has to be.
#[test]
fn a_port_that_was_named_is_not_the_default_though_it_may_be_the_same() {
    let is_default = |loaded: Loaded| loaded.config.kafka.is_some_and(|kafka| kafka.is_default);
    assert!(is_default(file("")));
    assert!(!is_default(file("[kafka]\nlisten = '127.0.0.1:9092'")));
    assert!(!is_default(loaded("", &[("MILLRACE_KAFKA_LISTEN", "127.0.0.1:9092")], &Overrides::default())));
}

#[test]
fn a_mistyped_section_in_the_environment_is_told_and_strangers_are_not() {
    let said_of = |name| said(&loaded("", &[(name, "3")], &Overrides::default()));
    assert!(said_of("MILLRACE_ENGIN_THREADS").contains("did you mean `MILLRACE_ENGINE_THREADS`?"));
    for stranger in ["MILLRACE_TEST_KILLS", "MILLRACE_BENCH_ROWS", "MILLRACE_LOG", "MILLRACE_HOME", "MILLRACE"] {
        assert_eq!(said_of(stranger), "", "{stranger}");
    }
}

/// `MILLRACE_TEST_WRITE=1` writes the page anew.
#[test]
fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = reference();
    if std::env::var_os("MILLRACE_TEST_WRITE").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/config.md is stale; write it with `millrace reference config > docs/config.md`");
}
