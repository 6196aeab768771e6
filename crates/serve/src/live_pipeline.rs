//! The live feed of the pipeline: the whole picture, whenever it has changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use millrace_station::model::Pipeline;

use crate::app::{OpenFeed, Shared};
use crate::live::{self, Pace};
use crate::{Problem, ServeError};

/// Time between two events: figures that change faster cannot be read.
const EVENT_INTERVAL: Duration = Duration::from_millis(500);

/// Time after which to look although nothing was committed: rates fall by themselves.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Follows the pipeline: events `pipeline` with the document of `GET /pipeline`, at most two a second, only when it changed.
#[utoipa::path(
    get,
    path = "/pipeline/live",
    tag = "pipeline",
    operation_id = "live_pipeline",
    responses(
        (status = 200, description = "Server-sent events", body = Pipeline, content_type = "text/event-stream"),
        (status = 503, body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(State(app): Shared) -> Result<Response, ServeError> {
    let feed = Feed { last: String::new(), pace: Pace::new(), open: app.open_feed()? };
    Ok(live::answer(stream::unfold(feed, Feed::next)))
}

struct Feed {
    last: String,
    pace: Pace,
    open: OpenFeed,
}

impl Feed {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let app = self.open.app.clone();
        loop {
            self.pace.ready().await;
            let seen = app.station.log().signal().version();
            if app.stop.is_stopped() {
                return None;
            }
            let picture = app.read(|station| Ok(serde_json::to_string(&station.pipeline()).unwrap_or_default())).await;
            self.pace.sent(EVENT_INTERVAL);
            match picture {
                Ok(picture) if picture != self.last => {
                    let event = live::event("pipeline", None, &picture);
                    self.last = picture;
                    return Some((Ok(event), self));
                }
                _ => live::moved(app.station.log().signal(), seen, &app.stop, Some(LOOK_INTERVAL)).await,
            }
        }
    }
}
