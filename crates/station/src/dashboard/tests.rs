//! What the first page shows of views it was told about, and of views it was not.

use super::{check, derive, select_items};
use crate::config::{BarsSection, DashboardSection, FeedSection, TileSection, TimelineSection};
use crate::model::{Better, Column, FeedKind, Unit, View, ViewKind};

fn view(name: &str, kind: ViewKind, window_ms: Option<i64>, key: &[&str], columns: &str, sql: &str) -> View {
    let column = |text: &str| {
        let (name, type_name) = text.trim().split_once(' ').expect("a name and a type");
        Column { name: name.to_owned(), type_name: type_name.to_owned(), nullable: true }
    };
    let columns: Vec<Column> = columns.split(';').map(column).collect();
    let time = columns.iter().find(|column| column.type_name == "TIMESTAMP").map(|column| column.name.clone());
    View {
        name: name.to_owned(),
        materialized: kind != ViewKind::Inlined,
        kind,
        columns,
        key: key.iter().map(|key| (*key).to_owned()).collect(),
        time_column: time,
        window_ms,
        rows: None,
        topic: None,
        query: None,
        sql: sql.to_owned(),
        source_file: "a.sql".to_owned(),
        source_line: 1,
    }
}

fn shop() -> Vec<View> {
    vec![
        view("sales", ViewKind::Inlined, None, &[], "amount DECIMAL(23,3)", "SELECT * FROM lines"),
        view(
            "revenue_1h",
            ViewKind::Upserts,
            Some(3_600_000),
            &["window_start"],
            "window_start TIMESTAMP; revenue DECIMAL(33,3)",
            "",
        ),
        view(
            "revenue_5m",
            ViewKind::Upserts,
            Some(300_000),
            &["window_start", "window_end"],
            "window_start TIMESTAMP; window_end TIMESTAMP; lines BIGINT; orders BIGINT; mean DECIMAL(33,7); revenue \
             DECIMAL(33,3); cancellations BIGINT; largest DECIMAL(12,3)",
            "SELECT window.start AS window_start, window.end AS window_end, count(*) AS lines, count(DISTINCT no) AS \
             orders, avg(amount) AS mean, sum(amount) AS revenue, count(*) FILTER (WHERE no LIKE 'C%') AS cancellations, \
             max(price) AS largest FROM sales GROUP BY window(at, '5 minutes')",
        ),
        view(
            "by_country",
            ViewKind::Upserts,
            None,
            &["country"],
            "country STRING; revenue DECIMAL(33,3); lines BIGINT",
            "",
        ),
        view(
            "country_5m",
            ViewKind::Upserts,
            Some(300_000),
            &["window_start", "country"],
            "window_start TIMESTAMP; country STRING; revenue DECIMAL(33,3)",
            "",
        ),
        view("refunds", ViewKind::Rows, None, &[], "at TIMESTAMP; no STRING; amount DECIMAL(23,3)", ""),
    ]
}

#[test]
fn a_page_comes_from_the_views_alone() {
    let page = derive(&DashboardSection::default(), &shop(), Some("GBP"));
    let timeline = page.timeline.expect("there is something over time");
    assert_eq!((timeline.view.as_str(), timeline.value_column.as_str()), ("revenue_5m", "revenue"));
    assert_eq!((timeline.window_ms, timeline.unit), (300_000, Unit::Money));

    let tiles: Vec<_> =
        page.tiles.iter().map(|tile| (tile.title.as_str(), tile.over.as_deref(), tile.unit, tile.better)).collect();
    assert_eq!(
        tiles,
        [
            ("Revenue", None, Unit::Money, Better::Up),
            ("Lines", None, Unit::Count, Better::Up),
            ("Average order", Some("orders"), Unit::Money, Better::Up),
            ("Orders", None, Unit::Count, Better::Up),
            ("Cancellations", None, Unit::Count, Better::Down),
        ],
        "means and maxima are not added up"
    );

    assert_eq!(page.bars.len(), 1, "one set a label");
    assert_eq!((page.bars[0].view.as_str(), page.bars[0].time_column.as_deref()), ("country_5m", Some("window_start")));

    let feed = &page.feeds[0];
    assert_eq!((feed.view.as_str(), feed.order.as_str(), feed.kind), ("refunds", "-at", FeedKind::Bad));
}

#[test]
fn without_a_currency_nothing_is_money() {
    let page = derive(&DashboardSection::default(), &shop(), None);
    assert!(page.tiles.iter().all(|tile| tile.unit == Unit::Count));
    assert_eq!(page.currency, None);
}

#[test]
fn a_project_without_views_has_an_empty_page() {
    let page = derive(&DashboardSection::default(), &[], Some("GBP"));
    assert!(page.tiles.is_empty() && page.timeline.is_none() && page.bars.is_empty() && page.feeds.is_empty());
}

fn tile(view: &str, column: &str, over: Option<&str>) -> TileSection {
    TileSection {
        title: None,
        view: view.to_owned(),
        column: column.to_owned(),
        over: over.map(str::to_owned),
        unit: None,
        better: None,
    }
}

#[test]
fn what_is_written_beats_what_is_derived() {
    let section = DashboardSection {
        tiles: Some(vec![tile("revenue_1h", "revenue", None)]),
        bars: Some(Vec::new()),
        ..Default::default()
    };
    assert!(check(&section, &shop()).is_empty());
    let page = derive(&section, &shop(), Some("GBP"));
    assert_eq!(page.tiles.len(), 1);
    assert_eq!((page.tiles[0].title.as_str(), page.tiles[0].time_column.as_str()), ("Revenue", "window_start"));
    assert!(page.bars.is_empty(), "an empty list shows nothing");
    assert!(page.timeline.is_some(), "what is left out is derived");
    let nothing = DashboardSection { timeline: Some(Vec::new()), ..Default::default() };
    assert!(derive(&nothing, &shop(), None).timeline.is_none(), "an empty list shows nothing here, too");
}

#[test]
fn views_and_columns_that_are_not_there_are_named_with_the_near_one() {
    let section = DashboardSection {
        tiles: Some(vec![
            tile("revenue_5n", "revenue", None),
            tile("revenue_5m", "window_start", Some("order")),
            tile("by_country", "revenue", None),
        ]),
        timeline: Some(vec![TimelineSection {
            title: None,
            view: "country_5m".into(),
            column: "revenue".into(),
            unit: None,
        }]),
        bars: Some(vec![BarsSection {
            title: None,
            view: "sales".into(),
            label: "x".into(),
            column: "y".into(),
            unit: None,
            detail: None,
        }]),
        feeds: Some(vec![FeedSection {
            title: None,
            view: "refunds".into(),
            columns: Some(vec!["at".into(), "mo".into()]),
            order: Some("-att".into()),
            kind: None,
        }]),
    };
    let refusals = check(&section, &shop());
    let shown: Vec<String> =
        refusals.iter().map(|r| format!("{}: {} | {}", r.path, r.message, r.cure.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        shown,
        [
            "dashboard.tiles.0.view: view `revenue_5n` does not exist | did you mean `revenue_5m`?",
            "dashboard.tiles.1.column: column `window_start` of `revenue_5m` is a TIMESTAMP and no number | name a column with numbers",
            "dashboard.tiles.1.over: column `order` does not exist in `revenue_5m` | did you mean `orders`?",
            "dashboard.tiles.2.view: view `by_country` has no column with the time | name a view with windows: GROUP BY window(…)",
            "dashboard.timeline.view: view `country_5m` has not one row a window | name a view that is grouped by window(…) and nothing else",
            "dashboard.bars.0.view: view `sales` keeps no rows of its own | make it a MATERIALIZED VIEW",
            "dashboard.feeds.0.columns.1: column `mo` does not exist in `refunds` | its columns are `at`, `no`, `amount`",
            "dashboard.feeds.0.order: column `att` does not exist in `refunds` | did you mean `at`?",
        ]
    );
}

#[test]
fn items_of_a_select_list_are_told_apart() {
    let items =
        select_items("CREATE VIEW v AS SELECT a, sum(b) FILTER (WHERE c IN (1, 2)) AS s,\n max(from_x) AS m\nFROM t");
    let wanted = [("sum(b) filter (where c in (1, 2))", "s"), ("max(from_x)", "m")];
    assert_eq!(items, wanted.map(|(expression, name)| (expression.to_owned(), name.to_owned())));
}
