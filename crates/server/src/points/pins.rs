//! Pins of restore points. They are kept in the vault; the catalogue follows.

use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{Pin, PinResult},
    },
    api::points::PinState,
};
use sea_orm::ConnectionTrait;

use crate::{
    db::{
        self, CommandRow, PointRow, Scope,
        points::{PIN_WITHOUT_NOTE, Pins},
    },
    problem::ApiResult,
    retention::named,
};

/// The order to pin a point, or with no name of a pin to take all pins away.
pub(crate) async fn order(
    conn: &impl ConnectionTrait,
    point: &PointRow,
    pin: Option<String>,
) -> ApiResult<CommandPayload> {
    let snapshots = named(conn, std::slice::from_ref(point))
        .await?
        .into_iter()
        .flat_map(|named| named.snapshots)
        .collect();
    Ok(CommandPayload::Pin(Pin {
        point: point.uuid,
        snapshots,
        pin,
    }))
}

/// The name of a pin with a note, or with none.
pub(crate) fn name(note: Option<&str>) -> String {
    note.unwrap_or(PIN_WITHOUT_NOTE).to_owned()
}

/// Enters into the catalogue what a pin changed.
pub(crate) async fn ended(
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    ordered: &Pin,
    result: &PinResult,
) -> ApiResult<PinState> {
    let scope = Scope::tenant(command.tenant_id);
    let pins = Pins::of(&result.pins);
    let state = PinState {
        pinned: pins.pinned,
        note: pins.note.clone(),
    };
    let Some(point) = db::points::find(conn, scope, ordered.point).await? else {
        return Ok(state);
    };
    let rows = db::points::snapshots(conn, [point.id]).await?;
    for (snapshot, manifest) in ordered.snapshots.iter().zip(&result.manifests) {
        let row = rows.iter().find(|row| row.path == snapshot.source_path);
        if let Some(row) = row
            && row.manifest_id != *manifest
        {
            db::points::set_manifest(conn, row.id, manifest).await?;
        }
    }
    db::points::set_pins(conn, scope, point.id, pins).await?;
    Ok(state)
}
