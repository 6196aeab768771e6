//! What the first page shows: what `[dashboard]` says, and for the rest what the views suggest.
//!
//! - The **timeline** is the view with the smallest windows that has no other key and a DECIMAL column.
//! - **Tiles** are the columns of that view whose sums over windows mean something.
//! - **Bars** are views with one text as key (beside the window), one for each such column.
//! - **Feeds** are views whose rows only get more.
//!
//! A DECIMAL is money when the project has a currency.

mod check;

use crate::config::{BarsSection, DashboardSection, FeedSection, TileSection, TimelineSection};
use crate::model::{Bars, Better, Column, Dashboard, Feed, FeedKind, Tile, Timeline, Unit, View, ViewKind};

pub(crate) use check::check;

/// More tiles than this are a table.
const TILES_MAX: usize = 6;

/// More sets of bars than this do not fit one page.
const BARS_MAX: usize = 4;

/// More feeds than this do not fit one page.
const FEEDS_MAX: usize = 3;

/// More columns than this do not fit one line of a feed.
const FEED_COLUMNS_MAX: usize = 6;

/// Words in a name that say that more of it is bad news.
const BAD_WORDS: [&str; 10] =
    ["cancel", "return", "refund", "reject", "fail", "error", "loss", "complain", "fraud", "churn"];

/// Calls whose results cannot be added up over windows.
const NOT_SUMMABLE: [&str; 10] =
    ["avg(", "mean(", "min(", "max(", "median(", "stddev", "var(", "variance", "percentile", "/"];

/// The first page of a project with these views.
pub(crate) fn derive(section: &DashboardSection, views: &[View], currency: Option<&str>) -> Dashboard {
    let page = Page { views, currency };
    let main = page.main_view();
    Dashboard {
        currency: currency.map(str::to_owned),
        tiles: match &section.tiles {
            Some(tiles) => tiles.iter().filter_map(|tile| page.resolve_tile(tile)).collect(),
            None => main.map(|view| page.derive_tiles(view)).unwrap_or_default(),
        },
        timeline: match &section.timeline {
            Some(timeline) => timeline.first().and_then(|timeline| page.resolve_timeline(timeline)),
            None => main.and_then(|view| page.derive_timeline(view)),
        },
        bars: match &section.bars {
            Some(bars) => bars.iter().filter_map(|bars| page.resolve_bars(bars)).collect(),
            None => page.derive_bars(),
        },
        feeds: match &section.feeds {
            Some(feeds) => feeds.iter().filter_map(|feed| page.resolve_feed(feed)).collect(),
            None => page.derive_feeds(),
        },
    }
}

struct Page<'a> {
    views: &'a [View],
    currency: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn view(&self, name: &str) -> Option<&'a View> {
        self.views.iter().find(|view| view.name == name && view.materialized)
    }

    fn unit(&self, view: &View, column: &str) -> Unit {
        let column = view.columns.iter().find(|known| known.name == column);
        let is_money = self.currency.is_some() && column.is_some_and(is_decimal);
        if is_money { Unit::Money } else { Unit::Count }
    }

    /// The view with the smallest windows, no other key, and something to draw.
    fn main_view(&self) -> Option<&'a View> {
        let of_time_alone = |view: &&View| {
            view.window_ms.is_some()
                && view.time_column.is_some()
                && other_keys(view).is_empty()
                && figures(view).any(is_decimal)
        };
        self.views.iter().filter(of_time_alone).min_by_key(|view| view.window_ms)
    }

    fn derive_tiles(&self, view: &View) -> Vec<Tile> {
        let Some(time_column) = &view.time_column else { return Vec::new() };
        let tile = |title: String, column: &Column, over: Option<&Column>| Tile {
            title,
            view: view.name.clone(),
            time_column: time_column.clone(),
            column: column.name.clone(),
            unit: self.unit(view, &column.name),
            over: over.map(|over| over.name.clone()),
            better: better(&column.name),
        };
        // Money first, as it is what a shop asks for first.
        let (money, counts): (Vec<_>, Vec<_>) = figures(view).partition(|column| is_decimal(column));
        let mut tiles: Vec<Tile> =
            money.iter().chain(&counts).map(|column| tile(in_words(&column.name), column, None)).collect();
        let orders = counts.iter().find(|column| ["orders", "invoices"].contains(&column.name.as_str()));
        if let (Some(money), Some(orders)) = (money.first(), orders) {
            let title = format!("Average {}", singular(&orders.name));
            tiles.insert(tiles.len().min(2), tile(title, money, Some(orders)));
        }
        tiles.truncate(TILES_MAX);
        tiles
    }

    fn derive_timeline(&self, view: &View) -> Option<Timeline> {
        let column = figures(view).find(|column| is_decimal(column))?;
        self.timeline(view, &column.name, None, None)
    }

    fn timeline(&self, view: &View, column: &str, title: Option<&String>, unit: Option<Unit>) -> Option<Timeline> {
        Some(Timeline {
            title: title.cloned().unwrap_or_else(|| in_words(column)),
            view: view.name.clone(),
            time_column: view.time_column.clone()?,
            value_column: column.to_owned(),
            window_ms: view.window_ms?,
            unit: unit.unwrap_or_else(|| self.unit(view, column)),
        })
    }

    fn derive_bars(&self) -> Vec<Bars> {
        let mut found: Vec<Bars> = Vec::new();
        for view in self.views.iter().filter(|view| view.kind == ViewKind::Upserts) {
            let keys = other_keys(view);
            let ([label], Some(value)) =
                (keys.as_slice(), figures(view).find(|column| is_decimal(column)).or(figures(view).next()))
            else {
                continue;
            };
            if !view.columns.iter().any(|column| column.name == *label && column.type_name == "STRING") {
                continue;
            }
            let bars = Bars {
                title: format!("{} by {}", in_words(&value.name), in_words(label).to_lowercase()),
                view: view.name.clone(),
                label_column: label.clone(),
                value_column: value.name.clone(),
                unit: self.unit(view, &value.name),
                time_column: view.time_column.clone().filter(|_| view.window_ms.is_some()),
                detail_column: figures(view).find(|column| column.name != value.name).map(|column| column.name.clone()),
            };
            // Of two views with the same label the one that knows the time is worth more: the range applies to it.
            match found.iter_mut().find(|known| known.label_column == bars.label_column) {
                Some(known) if known.time_column.is_none() && bars.time_column.is_some() => *known = bars,
                Some(_) => {}
                None => found.push(bars),
            }
        }
        found.truncate(BARS_MAX);
        found
    }

    fn derive_feeds(&self) -> Vec<Feed> {
        let growing = self.views.iter().filter(|view| view.kind == ViewKind::Rows && view.time_column.is_some());
        let feed = |view: &View| {
            let feed = FeedSection { title: None, view: view.name.clone(), columns: None, order: None, kind: None };
            self.resolve_feed(&feed)
        };
        growing.filter_map(feed).take(FEEDS_MAX).collect()
    }

    fn resolve_tile(&self, tile: &TileSection) -> Option<Tile> {
        let view = self.view(&tile.view)?;
        Some(Tile {
            title: tile.title.clone().unwrap_or_else(|| in_words(&tile.column)),
            view: view.name.clone(),
            time_column: view.time_column.clone()?,
            column: tile.column.clone(),
            unit: tile.unit.unwrap_or_else(|| self.unit(view, &tile.column)),
            over: tile.over.clone(),
            better: tile.better.unwrap_or_else(|| better(&tile.column)),
        })
    }

    fn resolve_timeline(&self, timeline: &TimelineSection) -> Option<Timeline> {
        let view = self.view(&timeline.view)?;
        self.timeline(view, &timeline.column, timeline.title.as_ref(), timeline.unit)
    }

    fn resolve_bars(&self, bars: &BarsSection) -> Option<Bars> {
        let view = self.view(&bars.view)?;
        Some(Bars {
            title: bars.title.clone().unwrap_or_else(|| in_words(&bars.label)),
            view: view.name.clone(),
            label_column: bars.label.clone(),
            value_column: bars.column.clone(),
            unit: bars.unit.unwrap_or_else(|| self.unit(view, &bars.column)),
            time_column: view.time_column.clone().filter(|_| view.window_ms.is_some()),
            detail_column: bars.detail.clone(),
        })
    }

    fn resolve_feed(&self, feed: &FeedSection) -> Option<Feed> {
        let view = self.view(&feed.view)?;
        let all = || view.columns.iter().take(FEED_COLUMNS_MAX).map(|column| column.name.clone()).collect();
        let newest = || view.time_column.as_ref().map(|time| format!("-{time}"));
        let first = || view.columns.first().map(|column| column.name.clone());
        let is_bad = BAD_WORDS.iter().any(|word| view.name.contains(word));
        Some(Feed {
            title: feed.title.clone().unwrap_or_else(|| in_words(&view.name)),
            view: view.name.clone(),
            columns: feed.columns.clone().unwrap_or_else(all),
            order: feed.order.clone().or_else(newest).or_else(first)?,
            kind: feed.kind.unwrap_or(if is_bad { FeedKind::Bad } else { FeedKind::Good }),
        })
    }
}

fn is_decimal(column: &Column) -> bool {
    column.type_name.starts_with("DECIMAL")
}

fn is_numeric(column: &Column) -> bool {
    ["INT", "BIGINT", "DOUBLE", "FLOAT"].contains(&column.type_name.as_str()) || is_decimal(column)
}

/// The keys of a view beside its window: neither its time column nor another TIMESTAMP of a view with windows.
fn other_keys(view: &View) -> Vec<String> {
    let is_window = |name: &String| {
        let is_time = view.columns.iter().any(|column| column.name == *name && column.type_name == "TIMESTAMP");
        view.window_ms.is_some() && (view.time_column.as_ref() == Some(name) || is_time)
    };
    view.key.iter().filter(|name| !is_window(name)).cloned().collect()
}

/// The columns of a view that can be added up over its windows.
fn figures(view: &View) -> impl Iterator<Item = &Column> {
    let items = select_items(&view.sql);
    view.columns.iter().filter(move |column| {
        let item = items.iter().find(|(_, alias)| alias.eq_ignore_ascii_case(&column.name));
        let summable = item.is_none_or(|(expression, _)| !NOT_SUMMABLE.iter().any(|call| expression.contains(call)));
        is_numeric(column) && !view.key.contains(&column.name) && summable
    })
}

/// The items of the SELECT list that have a name of their own, in lower case: expression and name.
fn select_items(sql: &str) -> Vec<(String, String)> {
    let sql = sql.to_lowercase();
    let Some((_, list)) = sql.split_once("select") else { return Vec::new() };
    let (mut depth, mut from, mut items) = (0_i32, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        if depth == 0 && list[at..].starts_with("from") && list[..at].ends_with(char::is_whitespace) {
            items.push(&list[from..at]);
            break;
        }
    }
    let named = |item: &str| {
        let words: Vec<&str> = item.split_whitespace().collect();
        let [expression @ .., "as", alias] = words.as_slice() else { return None };
        Some((expression.join(" "), (*alias).to_owned()))
    };
    items.into_iter().filter_map(named).collect()
}

fn better(column: &str) -> Better {
    if BAD_WORDS.iter().any(|word| column.contains(word)) { Better::Down } else { Better::Up }
}

/// `large_orders` as a title: `Large orders`.
fn in_words(name: &str) -> String {
    let spaced = name.replace(['_', '.', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn singular(name: &str) -> &str {
    name.strip_suffix('s').unwrap_or(name)
}

#[cfg(test)]
mod tests;
