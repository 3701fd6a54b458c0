//! Settings of the server.

use axum::extract::State;
use holdfast_protocol::{
    api::{
        session::Role,
        settings::{Settings, SettingsPatch},
    },
    errors::ErrorCode,
};

use super::change::{finish, version_changed};
use crate::{
    app::App,
    auth::Caller,
    db::{self, audit::Object},
    extract::{Body, IfMatch, Json},
    problem::{ApiError, ApiResult},
    settings::DOCUMENT,
};

/// Why a caller may not change them: they hold for every tenant, so they belong to the one that runs the server.
async fn barred(app: &App, caller: &Caller) -> ApiResult<Option<&'static str>> {
    let own = db::tenants::is_first(app.db.reader(), caller.scope).await?;
    Ok((!own).then_some("These settings belong to the tenant that runs the server."))
}

fn view(app: &App, caller: &Caller, barred: Option<&str>) -> Settings {
    let settings = app.settings();
    Settings {
        reclaim_grace_seconds: settings.reclaim_grace(),
        watchdog_timeout_seconds: settings.watchdog_timeout(),
        public_url: settings.public_url_setting(),
        private_targets: settings.private_targets(),
        run_log_days: settings.run_log_days_setting(),
        run_event_days: settings.run_event_days_setting(),
        version: settings.version,
        actions: vec![caller.action_unless("update", Role::Admin, barred)],
    }
}

/// The settings in force.
#[utoipa::path(get, path = "/settings", tag = "settings", responses((status = 200, body = Settings)))]
pub(crate) async fn get(State(app): State<App>, caller: Caller) -> ApiResult<Json<Settings>> {
    let barred = barred(&app, &caller).await?;
    Ok(Json(view(&app, &caller, barred)))
}

/// Changes settings.
#[utoipa::path(patch, path = "/settings", tag = "settings", request_body = SettingsPatch,
    responses((status = 200, body = Settings)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    IfMatch(version): IfMatch,
    Body(patch): Body<SettingsPatch>,
) -> ApiResult<Json<Settings>> {
    if let Some(reason) = barred(&app, &caller).await? {
        return Err(ApiError::from(ErrorCode::Forbidden).detail(reason));
    }
    let stored = app.settings().changed(&patch)?;
    let text = serde_json::to_string(&stored)?;
    let txn = app.db.begin().await?;
    if version < 0 || !db::settings::put(&txn, DOCUMENT, version, &text).await? {
        return Err(version_changed(&view(&app, &caller, None)));
    }
    let object = Object {
        kind: "settings",
        uuid: None,
        name: DOCUMENT,
    };
    finish(&app, txn, &caller, "settings.update", object, []).await?;
    app.apply_settings(stored, version + 1);
    Ok(Json(view(&app, &caller, None)))
}
