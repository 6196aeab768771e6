//! The rows of a view: a page of them as JSON, all of them as CSV, sums by group.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use millrace_flow::{Batches, StageError};
use millrace_sink::SinkError;
use millrace_sink::sqlite::{Filter, OrderBy, RowsQuery, SummaryQuery};
use millrace_station::model::{Cell, Row};
use serde::Serialize;

use crate::app::{App, Shared};
use crate::query_string::Parameters;
use crate::table::{ColumnHead, Columns, Objects, csv_head, csv_lines, heads};
use crate::{Problem, ServeError, pages, views};

/// Rows of a JSON answer unless asked for another number.
const ROWS_DEFAULT: usize = 100;

/// Most rows of a JSON answer, which is built in memory; CSV has no such bound.
const ROWS_MAX: usize = 100_000;

/// Most groups of a summary unless asked for another number.
const GROUPS_DEFAULT: usize = 1_000;

/// Farthest offset: the warehouse walks over everything before it.
const OFFSET_MAX: usize = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rows,
    Columns,
}

/// A page of rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RowsPage {
    /// The columns.
    columns: Vec<ColumnHead>,
    /// The rows, each an object; with `shape=columns` left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Row>, required = false)]
    rows: Option<Objects>,
    /// With `shape=columns`: an array of values for each column.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = HashMap<String, Vec<Cell>>, required = false)]
    data: Option<Columns>,
    /// Rows that fulfil the conditions, without limit and offset.
    total: u64,
    /// Rows left out before the first.
    offset: usize,
    /// Rows at most.
    limit: usize,
    /// As of when.
    committed: Committed,
}

/// What the rows are the result of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Committed {
    /// Last committed epoch of the view's query.
    pub(crate) epoch: u64,
    /// Event time up to which they are complete; that of the last event once all has been read.
    #[schema(required)]
    pub(crate) watermark_ms: Option<i64>,
    /// Whether all has been read and every row is final.
    pub(crate) complete: bool,
    /// Send it as `Last-Event-ID` to the view's live feed to go on from these rows.
    #[schema(required)]
    pub(crate) live_id: Option<String>,
}

/// Sums by group.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Summary {
    /// The columns: groups first, then sums.
    columns: Vec<ColumnHead>,
    /// A row for each group.
    #[schema(value_type = Vec<Row>)]
    rows: Objects,
}

/// Rows of a materialized view, filtered, ordered and cut; as JSON, or all of them as CSV.
#[utoipa::path(
    get,
    path = "/views/{name}/rows",
    tag = "views",
    operation_id = "rows",
    params(
        ("name" = String, Path, description = "The view's name"),
        ("where" = Option<Vec<String>>, Query, description = "A condition `column:op:value`, as often as wanted; op is eq, ne, lt, lte, gt, gte, like, isnull or notnull"),
        ("order" = Option<String>, Query, description = "Columns separated by commas, a minus in front for descending: `-revenue,country`"),
        ("limit" = Option<usize>, Query, description = "Rows at most: 100 unless given and at most 100,000 as JSON, all of them as CSV"),
        ("offset" = Option<usize>, Query, description = "Rows to leave out before the first"),
        ("columns" = Option<String>, Query, description = "Columns separated by commas, all unless given; `_key` is the row's key"),
        ("format" = Option<String>, Query, description = "`json` or `csv`; unless given the Accept header decides"),
        ("shape" = Option<String>, Query, description = "`rows` (default) or `columns`: an array for each column in `data`")
    ),
    responses(
        (status = 200, content((RowsPage = "application/json"), (String = "text/csv"))),
        (status = 304, description = "As the entity tag sent with If-None-Match says"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(
    State(app): Shared,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ServeError> {
    let known = ["where", "order", "limit", "offset", "columns", "format", "shape"];
    let parameters = Parameters::of(&uri, &known)?;
    let shape = parameters.choice("shape", &[("rows", Shape::Rows), ("columns", Shape::Columns)])?;
    let accepted = if accepts_csv(&headers) { Format::Csv } else { Format::Json };
    let format = match parameters.one("format")? {
        Some(_) => parameters.choice("format", &[("json", Format::Json), ("csv", Format::Csv)])?,
        None => accepted,
    };
    let mut query = read_query(&parameters)?;
    if format == Format::Csv {
        return csv(&app, name, query).await;
    }
    let limit = parameters.count("limit", ROWS_MAX)?.unwrap_or(ROWS_DEFAULT);
    query.limit = Some(limit);
    let unless = headers.get(header::IF_NONE_MATCH).cloned();
    let asked = app.clone();
    app.read(move |_| json(&asked, &name, &query, limit, shape, unless.as_ref())).await
}

/// Sums of columns over the rows of a materialized view, by group.
#[utoipa::path(
    get,
    path = "/views/{name}/summary",
    tag = "views",
    operation_id = "summary",
    params(
        ("name" = String, Path, description = "The view's name"),
        ("where" = Option<Vec<String>>, Query, description = "A condition `column:op:value`, as often as wanted"),
        ("sum" = Option<String>, Query, description = "Columns to add up, separated by commas"),
        ("group" = Option<String>, Query, description = "Columns to group by, separated by commas; one row over all unless given"),
        ("order" = Option<String>, Query, description = "Columns of the answer, a minus in front for descending"),
        ("limit" = Option<usize>, Query, description = "Groups at most: 1,000 unless given, at most 100,000")
    ),
    responses(
        (status = 200, body = Summary),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn summary(State(app): Shared, Path(name): Path<String>, uri: Uri) -> Result<Response, ServeError> {
    let parameters = Parameters::of(&uri, &["where", "sum", "group", "order", "limit"])?;
    let query = SummaryQuery {
        filters: read_filters(&parameters)?,
        sum: parameters.names("sum")?.unwrap_or_default(),
        group: parameters.names("group")?.unwrap_or_default(),
        order: OrderBy::parse_list(parameters.one("order")?.unwrap_or_default()),
        limit: Some(parameters.count("limit", ROWS_MAX)?.unwrap_or(GROUPS_DEFAULT)),
    };
    app.read(move |station| {
        views::check_materialized(station, &name)?;
        let batch = station.warehouse().summary(&name, &query).map_err(refused)?;
        body(&Summary { columns: heads(batch.schema_ref()), rows: Objects(vec![batch]) })
    })
    .await
}

fn read_query(parameters: &Parameters) -> Result<RowsQuery, ServeError> {
    Ok(RowsQuery {
        filters: read_filters(parameters)?,
        order: OrderBy::parse_list(parameters.one("order")?.unwrap_or_default()),
        columns: parameters.names("columns")?,
        limit: parameters.parsed("limit", "a whole number")?,
        offset: parameters.count("offset", OFFSET_MAX)?.unwrap_or(0),
    })
}

fn read_filters(parameters: &Parameters) -> Result<Vec<Filter>, ServeError> {
    parameters.all("where").map(|text| text.parse().map_err(refused)).collect()
}

/// What the warehouse says, in the words of this API.
fn refused(error: SinkError) -> ServeError {
    match error {
        SinkError::Question { message, cure } => ServeError::parameter(message, cure),
        error => ServeError::Stage(StageError::from(error)),
    }
}

fn json(
    app: &App,
    name: &str,
    query: &RowsQuery,
    limit: usize,
    shape: Shape,
    unless: Option<&HeaderValue>,
) -> Result<Response, ServeError> {
    let station = &app.station;
    views::check_materialized(station, name)?;
    // Read before the rows: rows that are newer than their tag are fetched once more, never once too few.
    let committed = views::committed(station, name);
    let etag = views::etag(app, &committed);
    let tag = [(header::ETAG, etag.clone())];
    if unless.is_some_and(|tags| pages::matches(tags, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    let page = station.warehouse().rows(name, query).map_err(refused)?;
    let (total, offset, columns) = (page.total, query.offset, heads(page.batch.schema_ref()));
    let (rows, data) = match shape {
        Shape::Rows => (Some(Objects(vec![page.batch])), None),
        Shape::Columns => (None, Some(Columns(page.batch))),
    };
    Ok((tag, body(&RowsPage { columns, rows, data, total, offset, limit, committed })?).into_response())
}

fn body(document: &impl Serialize) -> Result<Response, ServeError> {
    let body = serde_json::to_vec(document).map_err(|error| ServeError::Bug(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn accepts_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().starts_with("text/csv"))
}

/// All rows as they were at one moment, a batch at a time, as fast as the client takes them.
async fn csv(app: &Arc<App>, name: String, query: RowsQuery) -> Result<Response, ServeError> {
    let export = app.open_export()?;
    let file = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\""));
    let (head, batches) = app
        .read(move |station| {
            views::check_materialized(station, &name)?;
            let (schema, batches) = station.warehouse().stream(&name, &query).map_err(refused)?;
            Ok((csv_head(&schema), batches))
        })
        .await?;
    let lines = stream::unfold(Some((app.clone(), batches, export)), |rest| async move {
        let (app, batches, export) = rest?;
        match app.read(move |_| Ok(next_batch(batches))).await {
            Ok(Some((Ok(batch), batches))) => Some((Ok(Bytes::from(csv_lines(&batch))), Some((app, batches, export)))),
            Ok(Some((Err(error), _))) => Some((Err(ServeError::Stage(error)), None)),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    // Whoever compresses the answer looks behind its end.
    let all = stream::iter([Ok(Bytes::from(head))]).chain(lines.fuse());
    let mut response = ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], Body::from_stream(all)).into_response();
    if let Ok(file) = file {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(response)
}

fn next_batch(mut batches: Batches) -> Option<(Result<RecordBatch, StageError>, Batches)> {
    batches.next().map(|batch| (batch, batches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_chosen_by_the_accept_header() {
        let headers = |accept: &'static str| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        assert!(accepts_csv(&headers("text/csv")));
        assert!(accepts_csv(&headers("application/json;q=0.5, text/csv;q=0.9")));
        assert!(!accepts_csv(&headers("text/html,*/*")));
        assert!(!accepts_csv(&HeaderMap::new()));
    }
}
