//! The client API in one list of routes, and its description.

use axum::{Json, response::IntoResponse};
use holdfast_protocol::api::problem::Problem;
use utoipa::{
    OpenApi,
    openapi::{
        ContentBuilder, HttpMethod, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Holdfast client API",
        description = "Times are RFC 3339 UTC with milliseconds, sizes bytes, ids UUIDv7. Refusals are problem documents \
                       (RFC 9457). PATCH and DELETE of objects with a `version` need `If-Match`. POSTs take `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, holdfast_protocol::api::runs::RunEvent))
)]
struct Description;

/// The routes below `/api/v1`.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi()).nest("/api/v1", v1())
}

fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::session::status))
        .routes(routes!(routes::set_up::set_up))
        .routes(routes!(routes::session::sign_in, routes::session::sign_out))
        .routes(routes!(routes::session::me, routes::session::update_me))
        .routes(routes!(routes::overview::get))
        .routes(routes!(routes::alerts::list))
        .routes(routes!(routes::alerts::get))
        .routes(routes!(routes::alerts::acknowledge))
        .routes(routes!(
            routes::notifications::list,
            routes::notifications::create
        ))
        .routes(routes!(
            routes::notifications::get,
            routes::notifications::update,
            routes::notifications::delete
        ))
        .routes(routes!(routes::notifications::test))
        .routes(routes!(routes::notifications::test_unsaved))
        .routes(routes!(routes::stream::stream))
        .routes(routes!(routes::agents::list))
        .routes(routes!(
            routes::agents::get,
            routes::agents::update,
            routes::agents::delete
        ))
        .routes(routes!(routes::agents::disable))
        .routes(routes!(routes::agents::enable))
        .routes(routes!(routes::agents::browse))
        .routes(routes!(routes::selection::estimate))
        .routes(routes!(routes::selection::explain))
        .routes(routes!(
            routes::enrolment_tokens::list,
            routes::enrolment_tokens::create
        ))
        .routes(routes!(routes::enrolment_tokens::delete))
        .routes(routes!(routes::vaults::list, routes::vaults::create))
        .routes(routes!(
            routes::vaults::get,
            routes::vaults::update,
            routes::vaults::delete
        ))
        .routes(routes!(routes::vaults::usage))
        .routes(routes!(routes::vaults::test))
        .routes(routes!(routes::vaults::create_repository))
        .routes(routes!(routes::vaults::refresh_points))
        .routes(routes!(routes::vaults::maintain))
        .routes(routes!(routes::vaults::kit))
        .routes(routes!(routes::vaults::test_storage))
        .routes(routes!(routes::jobs::list, routes::jobs::create))
        .routes(routes!(
            routes::jobs::get,
            routes::jobs::update,
            routes::jobs::delete
        ))
        .routes(routes!(routes::jobs::run))
        .routes(routes!(routes::schedules::preview))
        .routes(routes!(routes::retention::preview))
        .routes(routes!(routes::runs::list))
        .routes(routes!(routes::runs::get))
        .routes(routes!(routes::runs::cancel))
        .routes(routes!(routes::runs::events))
        .routes(routes!(routes::runs::problems))
        .routes(routes!(routes::run_logs::log))
        .routes(routes!(routes::run_logs::download_log))
        .routes(routes!(routes::points::list))
        .routes(routes!(routes::points::timeline))
        .routes(routes!(routes::points::get))
        .routes(routes!(routes::points::content))
        .routes(routes!(routes::points::versions))
        .routes(routes!(routes::downloads::create))
        .routes(routes!(routes::downloads::get))
        .routes(routes!(routes::downloads::content))
        .routes(routes!(routes::searches::create))
        .routes(routes!(routes::points::find_path))
        .routes(routes!(routes::points::pin))
        .routes(routes!(routes::points::unpin))
        .routes(routes!(routes::points::preview_deletion))
        .routes(routes!(routes::points::delete))
        .routes(routes!(routes::comparisons::create))
        .routes(routes!(routes::restores::create))
        .routes(routes!(routes::commands::get))
        .routes(routes!(routes::commands::cancel))
        .routes(routes!(routes::users::list, routes::users::create))
        .routes(routes!(
            routes::users::get,
            routes::users::update,
            routes::users::delete
        ))
        .routes(routes!(routes::audit::list))
        .routes(routes!(routes::settings::get, routes::settings::update))
        .routes(routes!(description))
}

/// The description itself.
#[utoipa::path(get, path = "/openapi.json", tag = "session",
    responses((status = 200, description = "This description.", body = Object)))]
async fn description() -> impl IntoResponse {
    Json(document())
}

/// The description: what the router says, and for each route that it may refuse.
pub(crate) fn document() -> Document {
    let mut document = router().into_openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.servers = None;
    for (path, item) in &mut document.paths.paths {
        let noun = noun_of(path);
        for (method, operation) in operations(item) {
            let problem = ResponseBuilder::new()
                .description("A problem document.")
                .content(
                    "application/problem+json",
                    ContentBuilder::new()
                        .schema(Some(Ref::from_schema_name("Problem")))
                        .build(),
                )
                .build();
            operation
                .responses
                .responses
                .insert("default".to_owned(), RefOr::T(problem));
            let versioned = matches!(method, HttpMethod::Patch)
                || (matches!(method, HttpMethod::Delete) && !UNVERSIONED.contains(&noun.as_str()));
            // Handlers of different nouns share names; the description must not.
            let handler = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(format!("{noun}_{handler}"));
            if versioned {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(RefOr::T(if_match()));
            }
        }
    }
    document
}

/// Nouns whose objects have no version: deleting one names none.
const UNVERSIONED: [&str; 2] = ["session", "enrolment_tokens"];

/// The noun of a route, as a word of identifiers.
fn noun_of(path: &str) -> String {
    let noun = path
        .trim_start_matches("/api/v1/")
        .split('/')
        .next()
        .unwrap_or_default();
    noun.replace(['-', '.'], "_")
}

fn if_match() -> utoipa::openapi::path::Parameter {
    utoipa::openapi::path::ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(utoipa::openapi::path::ParameterIn::Header)
        .required(utoipa::openapi::Required::True)
        .description(Some("The object's version, in quotes."))
        .schema(Some(
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::Type::String),
        ))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

/// The description as it is committed.
pub fn openapi_json() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
