//! The agent's wire, `/agent/v1`: agents pull, one long poll brings everything.

mod authenticate;
mod commands;
mod enrol;
mod hello;
mod instance;
mod offline_runs;
mod poll;
mod runs;
mod transfers;
pub(crate) mod work;

use axum::{Router, routing::post};
use holdfast_protocol::agent::routes;

pub(crate) use self::work::{WorkOrder, work};
use crate::app::App;

/// The routes of this wire.
pub(crate) fn router() -> Router<App> {
    let below = |path: &str| format!("{}{path}", routes::PREFIX);
    Router::new()
        .route(routes::ENROL, post(enrol::enrol))
        .route(routes::LOGIN, post(enrol::login))
        .route(routes::HELLO, post(hello::hello))
        .route(routes::POLL, post(poll::poll))
        .route(routes::OFFLINE_RUNS, post(offline_runs::take))
        .route(&below("/runs/{id}/update"), post(runs::update))
        .route(&below("/runs/{id}/events"), post(runs::events))
        .route(&below("/runs/{id}/log"), post(runs::push_log))
        .route(&below("/commands/{id}/partial"), post(commands::partial))
        .route(&below("/commands/{id}/complete"), post(commands::complete))
        .route(&below("/transfers/{id}"), post(transfers::take))
}
