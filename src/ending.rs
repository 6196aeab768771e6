//! What `millrace up` says when everything is read, and when it ends: how many rows, which could not be used, and why the first.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use millrace_station::model::{LedgerLine, MessagesQuery, Order, Topic};
use millrace_station::{Outcome, Station};

use crate::output;

/// Topics of rows that were not used whose first row is shown: what comes after the first ones mostly comes of them.
const SHOWN_MAX: usize = 5;

/// Says how it ended.
pub(crate) fn conclude(
    station: &Station,
    outcome: &Outcome,
    started: Instant,
    flags: &str,
) -> anyhow::Result<ExitCode> {
    match outcome {
        Outcome::Stopped => output::line("Stopped; everything read so far is committed")?,
        Outcome::Done => say_done(station, started, flags)?,
        Outcome::Failed(failed) => {
            print_losses(station, &station.ledger(), flags)?;
            for (stage, error) in failed {
                let place = station.place(stage).map(|place| format!("{place}: ")).unwrap_or_default();
                eprintln!("error: {place}{stage}: {error}");
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that everything is read, and what of it was not used.
pub(crate) fn say_done(station: &Station, started: Instant, flags: &str) -> anyhow::Result<()> {
    let ledger = station.ledger();
    let sources = ledger.iter().filter(|line| line.stage.starts_with("source:"));
    let (read, rejected) = sources.fold((0, 0), |sum, line| (sum.0 + line.read, sum.1 + line.rejected));
    let rejected =
        if rejected > 0 { format!(", {} of them rejected", output::thousands(rejected)) } else { String::new() };
    let seconds = started.elapsed().as_secs_f64();
    let rows = if read == 1 { "row" } else { "rows" };
    output::line(&format!("Done in {seconds:.1} s: {} {rows} read{rejected}", output::thousands(read)))?;
    print_losses(station, &ledger, flags)
}

/// The stages that could not use every row: how many, why the first, and where all of them are.
fn print_losses(station: &Station, ledger: &[LedgerLine], flags: &str) -> anyhow::Result<()> {
    let topics = station.topics();
    print_groups(station, ledger, &topics, flags)?;
    let lines: Vec<&LedgerLine> = ledger.iter().filter(|line| line.used < line.read).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let row = |line: &&LedgerLine| {
        let figures = [line.read, line.used, line.late, line.duplicate, line.rejected];
        std::iter::once(line.stage.clone()).chain(figures.map(output::thousands)).collect::<Vec<_>>()
    };
    let heads = ["stage", "read", "used", "late", "duplicate", "rejected"];
    output::line(&format!("\n{}", output::table(&heads, &lines.iter().map(row).collect::<Vec<_>>())))?;
    let of_line = |line: &&LedgerLine| {
        let both = [(line.rejected, line.topics.rejected.clone()), (line.late, line.topics.late.clone())];
        both.into_iter().filter_map(|(rows, topic)| topic.filter(|_| rows > 0))
    };
    let lost: Vec<String> = lines.iter().flat_map(of_line).collect();
    for topic in lost.iter().take(SHOWN_MAX) {
        output::line(&format!("\n{}", way_to(station, topic, flags)))?;
    }
    if lost.len() > SHOWN_MAX {
        let more = lost.len() - SHOWN_MAX;
        output::line(&format!("\nand {more} more, named by\nmillrace topic list{flags}"))?;
    }
    Ok(())
}

/// The queries that used every row and could not compute some of their groups.
fn print_groups(station: &Station, ledger: &[LedgerLine], topics: &[Topic], flags: &str) -> anyhow::Result<()> {
    for line in ledger.iter().filter(|line| line.rejected == 0) {
        let records = |name: &str| topics.iter().find(|topic| topic.name == name).map(|topic| topic.records);
        let told = line.topics.rejected.as_ref().and_then(|topic| Some((topic, records(topic)?)));
        let Some((topic, groups)) = told.filter(|(_, groups)| *groups > 0) else { continue };
        let word = if groups == 1 { "group" } else { "groups" };
        let (stage, groups) = (&line.stage, output::thousands(groups));
        let way = way_to(station, topic, flags);
        output::line(&format!("\n{stage}: {groups} {word} could not be computed, now or before\n{way}"))?;
    }
    Ok(())
}

/// The command that shows the rows of a topic, and what is said of the first.
fn way_to(station: &Station, topic: &str, flags: &str) -> String {
    let first = first_reason(station, topic).map(|reason| format!("\n  first: {reason}")).unwrap_or_default();
    format!("millrace topic consume {topic} --from-beginning{flags}{first}")
}

/// What a command needs to find the project and its data, where they are not where they would be looked for.
pub(crate) fn flags(dir: &Path, data_dir: Option<&str>) -> String {
    let dir = dir.to_string_lossy();
    let project = if matches!(&*dir, "." | "" | "./") { String::new() } else { format!(" --project {}", quoted(&dir)) };
    let data = data_dir.map(|dir| format!(" --data-dir {}", quoted(dir))).unwrap_or_default();
    project + &data
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || "/._-~+:@".contains(c));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// What is said of the oldest row of a topic of rejected or late rows.
fn first_reason(station: &Station, topic: &str) -> Option<String> {
    let query = MessagesQuery { limit: 1, order: Order::Oldest, ..MessagesQuery::default() };
    let page = station.messages(topic, &query).ok()?;
    let message = page.messages.first()?;
    let row = message.value.as_ref()?.to_value();
    let text = |name: &str| row.get(name).map(output::text_of).filter(|text| !text.is_empty());
    if let Some(reason) = text("reason") {
        let file = text("file").map(|file| format!("{file}:{}: ", text("line").unwrap_or_default()));
        let column = text("column").map(|column| format!("column `{column}`: "));
        return Some(format!("{}{}{reason}", file.unwrap_or_default(), column.unwrap_or_default()));
    }
    let place = message.origin.as_ref().map(|origin| format!("{}:{}: ", origin.file, origin.line));
    let behind_s = row.get("late_by_ms")?.as_i64()? as f64 / 1e3;
    let window = text("late_window_start").map(|start| format!(", and its window from {start} was closed"));
    let (place, window) = (place.unwrap_or_default(), window.unwrap_or_default());
    Some(format!("{place}the watermark had passed it by {behind_s} s{window}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_project_only_where_it_must() {
        let flag = |dir: &str| flags(Path::new(dir), None);
        assert_eq!([flag("."), flag("")], ["", ""]);
        assert_eq!(flag("examples/online-retail"), " --project examples/online-retail");
        assert_eq!(flag("/home/a b/it's"), r" --project '/home/a b/it'\''s'");
        assert_eq!(flags(Path::new("."), Some("/tmp/d")), " --data-dir /tmp/d");
    }
}
