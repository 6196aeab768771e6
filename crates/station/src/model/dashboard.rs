//! What the first page shows. Each figure names the view and the column it is read from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The first page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Dashboard {
    /// What money is counted in.
    #[schema(required)]
    pub currency: Option<String>,
    /// Single figures.
    pub tiles: Vec<Tile>,
    /// The wide chart.
    #[schema(required)]
    pub timeline: Option<Timeline>,
    /// Sorted bars.
    pub bars: Vec<Bars>,
    /// Lists of the latest rows.
    pub feeds: Vec<Feed>,
}

/// One figure: the sum of a column over the windows of the range shown, or the quotient of two such sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tile {
    /// Words above it.
    pub title: String,
    /// The view.
    pub view: String,
    /// Its column with the time.
    pub time_column: String,
    /// The column that is summed.
    pub column: String,
    /// How the figure is written.
    pub unit: Unit,
    /// Divides by the sum of this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub over: Option<String>,
    /// Which direction is good news.
    pub better: Better,
}

/// A column over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// Words above it.
    pub title: String,
    /// The view.
    pub view: String,
    /// Its column with the start of the window.
    pub time_column: String,
    /// The column drawn.
    pub value_column: String,
    /// Length of a window.
    pub window_ms: i64,
    /// How values are written.
    pub unit: Unit,
}

/// A sum by label, greatest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bars {
    /// Words above them.
    pub title: String,
    /// The view.
    pub view: String,
    /// The column with the labels.
    pub label_column: String,
    /// The column summed.
    pub value_column: String,
    /// How values are written.
    pub unit: Unit,
    /// The column with the time, if the view has one: the range shown then applies.
    #[schema(required)]
    pub time_column: Option<String>,
    /// A column to show beside the value.
    #[schema(required)]
    pub detail_column: Option<String>,
}

/// The latest rows of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feed {
    /// Words above it.
    pub title: String,
    /// The view.
    pub view: String,
    /// The columns shown.
    pub columns: Vec<String>,
    /// The order, `-invoice_date`.
    pub order: String,
    /// Whether its rows are good news.
    pub kind: FeedKind,
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// With the project's currency.
    Money,
    /// As a number.
    Count,
}

/// Which direction is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

/// Whether a feed's rows are good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// Sales.
    Good,
    /// Cancellations.
    Bad,
}
