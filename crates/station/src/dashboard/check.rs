//! Whether `[dashboard]` speaks of views and columns that there are.

use super::{is_numeric, other_keys};
use crate::config::{DashboardSection, Refusal};
use crate::model::View;
use crate::nearest;

/// What `[dashboard]` says of views and columns that are not there.
pub(crate) fn check(section: &DashboardSection, views: &[View]) -> Vec<Refusal> {
    let mut checker = Checker { views, refusals: Vec::new() };
    for (index, tile) in section.tiles.iter().flatten().enumerate() {
        let path = format!("dashboard.tiles.{index}");
        let Some(view) = checker.view(&path, &tile.view) else { continue };
        checker.time(&path, view);
        checker.column(&format!("{path}.column"), view, &tile.column, true);
        if let Some(over) = &tile.over {
            checker.column(&format!("{path}.over"), view, over, true);
        }
    }
    if let Some(timeline) = section.timeline.as_ref().and_then(|timeline| timeline.first())
        && let Some(view) = checker.view("dashboard.timeline", &timeline.view)
    {
        checker.windows("dashboard.timeline", view);
        checker.column("dashboard.timeline.column", view, &timeline.column, true);
    }
    for (index, bars) in section.bars.iter().flatten().enumerate() {
        let path = format!("dashboard.bars.{index}");
        let Some(view) = checker.view(&path, &bars.view) else { continue };
        checker.column(&format!("{path}.label"), view, &bars.label, false);
        checker.column(&format!("{path}.column"), view, &bars.column, true);
        if let Some(detail) = &bars.detail {
            checker.column(&format!("{path}.detail"), view, detail, false);
        }
    }
    for (index, feed) in section.feeds.iter().flatten().enumerate() {
        let path = format!("dashboard.feeds.{index}");
        let Some(view) = checker.view(&path, &feed.view) else { continue };
        for (at, column) in feed.columns.iter().flatten().enumerate() {
            checker.column(&format!("{path}.columns.{at}"), view, column, false);
        }
        for column in feed.order.iter().flat_map(|order| order.split(',')) {
            checker.column(&format!("{path}.order"), view, column.trim().trim_start_matches('-'), false);
        }
    }
    checker.refusals
}

struct Checker<'a> {
    views: &'a [View],
    refusals: Vec<Refusal>,
}

impl<'a> Checker<'a> {
    fn refuse(&mut self, path: impl Into<String>, message: String, cure: String) {
        self.refusals.push(Refusal { path: path.into(), message, cure: Some(cure) });
    }

    fn view(&mut self, path: &str, name: &str) -> Option<&'a View> {
        let path = format!("{path}.view");
        match self.views.iter().find(|view| view.name == name) {
            Some(view) if view.materialized => Some(view),
            Some(_) => {
                let cure = "make it a MATERIALIZED VIEW".to_owned();
                self.refuse(path, format!("view `{name}` keeps no rows of its own"), cure);
                None
            }
            None => {
                let known = self.views.iter().filter(|view| view.materialized).map(|view| view.name.as_str());
                let cure = nearest::cure(name, known, "materialized views");
                self.refuse(path, format!("view `{name}` does not exist"), cure);
                None
            }
        }
    }

    fn column(&mut self, path: &str, view: &View, name: &str, numeric: bool) {
        match view.columns.iter().find(|column| column.name == name) {
            Some(column) if !numeric || is_numeric(column) => {}
            Some(column) => {
                let message = format!("column `{name}` of `{}` is a {} and no number", view.name, column.type_name);
                self.refuse(path, message, "name a column with numbers".to_owned());
            }
            None => {
                let known = view.columns.iter().map(|column| column.name.as_str());
                let cure = nearest::cure(name, known, "its columns");
                self.refuse(path, format!("column `{name}` does not exist in `{}`", view.name), cure);
            }
        }
    }

    fn time(&mut self, path: &str, view: &View) {
        if view.time_column.is_none() {
            let message = format!("view `{}` has no column with the time", view.name);
            self.refuse(format!("{path}.view"), message, "name a view with windows: GROUP BY window(…)".to_owned());
        }
    }

    fn windows(&mut self, path: &str, view: &View) {
        if view.window_ms.is_none() || view.time_column.is_none() || !other_keys(view).is_empty() {
            let message = format!("view `{}` has not one row a window", view.name);
            let cure = "name a view that is grouped by window(…) and nothing else".to_owned();
            self.refuse(format!("{path}.view"), message, cure);
        }
    }
}
