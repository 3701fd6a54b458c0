//! The controls of a server that is a process of its own, below [`PATH`]:
//!
//! | request | what |
//! |---|---|
//! | `GET log` | the requests so far, a JSON list of [`LoggedRequest`](super::LoggedRequest) |
//! | `DELETE log` | empties it |
//! | `GET totals` | [`Totals`](super::Totals) |
//! | `GET keys?BUCKET` | the keys of a bucket |
//! | `POST faults` | adds a JSON list of [`Fault`] |
//! | `DELETE faults` | forgets all faults |
//! | `PUT behaviour` | sets [`Behaviour`] |

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bodies::PassingBody;
use super::front::full;
use super::{Behaviour, Fault, Shared};

/// Where the controls are. No bucket can have this name.
pub const PATH: &str = "/_testkit/";

pub(super) async fn handle(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
) -> Response<PassingBody> {
    let method = request.method().clone();
    let name = request.uri().path()[PATH.len()..].to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return answer(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match (method, name.as_str()) {
        (Method::GET, "log") => answer(StatusCode::OK, &shared.log.requests()),
        (Method::GET, "totals") => answer(StatusCode::OK, &shared.log.totals()),
        (Method::GET, "keys") => answer(StatusCode::OK, &shared.objects.read().keys(&query)),
        (Method::DELETE, "log") => {
            shared.log.clear();
            answer(StatusCode::OK, &())
        }
        (Method::DELETE, "faults") => {
            shared.faults.clear();
            answer(StatusCode::OK, &())
        }
        (Method::POST, "faults") => accept(&body, |faults: Vec<Fault>| {
            for fault in faults {
                shared.faults.add(fault);
            }
        }),
        (Method::PUT, "behaviour") => accept(&body, |behaviour: Behaviour| {
            *shared.behaviour.write() = behaviour;
        }),
        _ => answer(StatusCode::NOT_FOUND, &"no such control"),
    }
}

fn accept<T: DeserializeOwned>(body: &[u8], apply: impl FnOnce(T)) -> Response<PassingBody> {
    match serde_json::from_slice(body) {
        Ok(value) => {
            apply(value);
            answer(StatusCode::OK, &())
        }
        Err(error) => answer(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn answer(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Response<PassingBody> {
    let text = serde_json::to_vec(value).expect("plain values");
    let mut answer = Response::new(full(text.into()));
    *answer.status_mut() = status;
    answer
}
