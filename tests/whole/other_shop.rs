//! Another shop: its own columns, a semicolon, German dates and decimals of its own, a million rows in two files.
//!
//! Written as somebody would who has read nothing but the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::support::{Project, Random, Running};

const ROWS: u64 = 1_000_000;

const SQL: &str = "
CREATE SOURCE bons (
  bon         BIGINT,
  zeit        TIMESTAMP,
  filiale     STRING,
  artikel     STRING,
  menge       INT,
  einzelpreis DECIMAL(9,2),
  rabatt      BOOLEAN,
  WATERMARK FOR zeit AS zeit - INTERVAL '1 minute'
) WITH (
  connector = 'csv', path = 'kasse/*.csv', delimiter = ';', timestamp_format = '%d.%m.%Y %H:%M:%S', null_values = 'k.A.',
  key = 'filiale', partitions = 3, follow = false
);

CREATE VIEW positionen AS
SELECT *, menge * einzelpreis AS betrag FROM bons;

CREATE MATERIALIZED VIEW umsatz_stunde AS
SELECT window.start AS stunde, filiale, count(*) AS positionen, sum(menge) AS stueck, sum(betrag) AS umsatz
FROM positionen GROUP BY window(zeit, '1 hour'), filiale;

CREATE MATERIALIZED VIEW tage AS
SELECT window.start AS tag, sum(betrag) AS umsatz, count(DISTINCT bon) AS kunden
FROM positionen GROUP BY window(zeit, '1 day') EMIT ON WINDOW CLOSE;

CREATE MATERIALIZED VIEW umsatz_viertelstunde AS
SELECT window.start AS beginn, sum(betrag) AS umsatz FROM positionen GROUP BY window(zeit, '15 minutes');

CREATE MATERIALIZED VIEW ohne_artikel AS
SELECT bon, zeit, filiale, menge FROM bons WHERE artikel IS NULL;

CREATE MATERIALIZED VIEW artikel AS
SELECT artikel, sum(menge) AS stueck, sum(CASE WHEN rabatt THEN betrag ELSE 0 END) AS rabattiert
FROM positionen WHERE artikel IS NOT NULL GROUP BY artikel HAVING sum(menge) > 0;

CREATE SINK archiv FROM bons WITH (connector = 'delta', path = 'archiv/bons');
";

/// What must come of the generated rows; money in hundredths.
#[derive(Default)]
struct Expected {
    hours: BTreeMap<(String, String), (u64, u64, u64)>,
    days: BTreeMap<String, (u64, u64)>,
    articles: BTreeMap<String, (u64, u64)>,
    without: u64,
}

fn generate() -> ([String; 2], Expected) {
    let mut random = Random::new(7);
    let mut files = [String::with_capacity(40 << 20), String::with_capacity(40 << 20)];
    let mut expected = Expected::default();
    for file in &mut files {
        file.push_str("Bon;Zeit;Filiale;Artikel;Menge;Einzelpreis;Rabatt\r\n");
    }
    for row in 0..ROWS {
        // Five rows a second, from 1 March on: 55 hours.
        let second = row / 5;
        let (day, hour, minute) = (1 + second / 86_400, second / 3600 % 24, second / 60 % 60);
        let shop = ["Köln", "Zürich", "Linz; Altstadt"][random.below(3) as usize];
        let article = random.below(500);
        let (quantity, cents, reduced) = (1 + random.below(9), 50 + random.below(20_000), random.below(4) == 0);
        let name = if random.below(1000) == 0 { None } else { Some(format!("A-{article:03}")) };
        let file = &mut files[usize::from(row >= ROWS / 2)];
        write!(
            file,
            "{};{day:02}.03.2024 {hour:02}:{minute:02}:{:02};{};{};{quantity};{}.{:02};{reduced}\r\n",
            row / 3,
            second % 60,
            if shop.contains(';') { format!("\"{shop}\"") } else { shop.to_owned() },
            name.as_deref().unwrap_or("k.A."),
            cents / 100,
            cents % 100,
        )
        .expect("a text grows");
        let amount = quantity * cents;
        let hours = expected.hours.entry((format!("2024-03-{day:02}T{hour:02}:00:00"), shop.to_owned())).or_default();
        *hours = (hours.0 + 1, hours.1 + quantity, hours.2 + amount);
        let days = expected.days.entry(format!("2024-03-{day:02}T00:00:00")).or_default();
        // Receipts have three rows each and are written in order, so one that spans midnight counts on both days.
        let opens = row % 3 == 0 || row == (day - 1) * 86_400 * 5;
        *days = (days.0 + amount, days.1 + u64::from(opens));
        match name {
            Some(name) => {
                let articles = expected.articles.entry(name).or_default();
                *articles = (articles.0 + quantity, articles.1 + if reduced { amount } else { 0 });
            }
            None => expected.without += 1,
        }
    }
    (files, expected)
}

fn money(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[test]
fn a_million_rows_of_another_shop() {
    let (files, expected) = generate();
    let project = Project::empty();
    project.write("kasse/1-anfang.csv", &files[0]).write("kasse/2-ende.csv", &files[1]).write("laden.sql", SQL);
    project.run(&["check", project.arg()]).succeeded();
    project.load();

    let hours =
        project.ask("SELECT stunde, filiale, positionen, stueck, umsatz FROM umsatz_stunde ORDER BY stunde, filiale");
    let wanted = expected.hours.iter().map(|((hour, shop), (rows, units, amount))| {
        vec![hour.clone(), shop.clone(), rows.to_string(), units.to_string(), money(*amount)]
    });
    assert_eq!(hours, wanted.collect::<Vec<_>>());

    let days = project.ask("SELECT tag, umsatz, kunden FROM tage ORDER BY tag");
    let wanted =
        expected.days.iter().map(|(day, (amount, receipts))| vec![day.clone(), money(*amount), receipts.to_string()]);
    assert_eq!(days, wanted.collect::<Vec<_>>());

    let articles = project.ask("SELECT artikel, stueck, rabattiert FROM artikel ORDER BY artikel");
    let wanted =
        expected.articles.iter().map(|(name, (units, reduced))| vec![name.clone(), units.to_string(), money(*reduced)]);
    assert_eq!(articles, wanted.collect::<Vec<_>>());

    assert_eq!(project.ask("SELECT count(*) FROM ohne_artikel"), [[expected.without.to_string()]]);
    assert_eq!(project.ask("SELECT count(*) FROM bons"), [[ROWS.to_string()]]);
}

#[test]
fn without_a_dashboard_of_its_own_a_shop_still_gets_one() {
    let project = Project::empty();
    let rows = "Bon;Zeit;Filiale;Artikel;Menge;Einzelpreis;Rabatt\n1;01.03.2024 09:00:00;Linz;A-1;2;3.50;false\n";
    project.write("kasse/1.csv", rows).write("laden.sql", SQL);
    let running = Running::start(&project);
    running.wait_until_done();
    let dashboard = running.json("/api/v1/dashboard");
    assert_eq!(dashboard["timeline"]["view"], "umsatz_viertelstunde", "{dashboard:#}");
    assert!(dashboard["tiles"].as_array().is_some_and(|tiles| !tiles.is_empty()), "{dashboard:#}");
    running.signal("TERM").succeeded();
}
