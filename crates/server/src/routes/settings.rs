//! Settings of the server.

use axum::extract::State;
use holdfast_protocol::{
    api::{
        session::Role,
        settings::{Settings, SettingsPatch},
    },
    errors::ErrorCode,
};

use crate::{
    app::{App, now},
    auth::Caller,
    db::{self, audit::Object},
    extract::{Body, IfMatch, Json},
    problem::{ApiError, ApiResult},
    settings::DOCUMENT,
};

fn view(app: &App, caller: &Caller) -> Settings {
    let settings = app.settings();
    Settings {
        reclaim_grace_seconds: settings.reclaim_grace(),
        watchdog_timeout_seconds: settings.watchdog_timeout(),
        public_url: settings.public_url_setting(),
        version: settings.version,
        actions: vec![caller.action("update", Role::Admin)],
    }
}

/// The settings in force.
#[utoipa::path(get, path = "/settings", tag = "settings", responses((status = 200, body = Settings)))]
pub(crate) async fn get(State(app): State<App>, caller: Caller) -> Json<Settings> {
    Json(view(&app, &caller))
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
    let stored = app.settings().changed(&patch)?;
    let text = serde_json::to_string(&stored)?;
    let txn = app.db.begin().await?;
    if version < 0 || !db::settings::put(&txn, DOCUMENT, version, &text).await? {
        return Err(ApiError::from(ErrorCode::VersionChanged).current(&view(&app, &caller)));
    }
    let object = Object {
        kind: "settings",
        uuid: None,
        name: DOCUMENT,
    };
    db::audit::write(
        &txn,
        caller.scope,
        &caller.actor(),
        "settings.update",
        object,
        now(),
    )
    .await?;
    txn.commit().await?;
    app.apply_settings(stored, version + 1);
    Ok(Json(view(&app, &caller)))
}
