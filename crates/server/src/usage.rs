//! How full vaults are: what agents measured, by days of the tenant, and what that says of the future.

use holdfast_planning::growth::{self, DAYS_LOOKED_AT, DAYS_NEEDED, Forecast, Measured};
use holdfast_protocol::{
    Time,
    agent::commands::VaultUsage,
    api::usage::{CapacitySource, FullInDays, VaultFill, VaultGrowth},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sea_orm::ConnectionTrait;

use crate::{
    db::{self, Scope, VaultRow, VaultUsageRow},
    problem::ApiResult,
    view::catalog::zone_of,
};

/// From this day on days are counted.
const FIRST_DAY: Date = jiff::civil::date(1970, 1, 1);

/// The day of a moment, in days since 1970, in a zone.
pub(crate) fn day_of(now: i64, zone: &TimeZone) -> i64 {
    let moment = Timestamp::from_millisecond(now).unwrap_or_default();
    let date = moment.to_zoned(zone.clone()).date();
    date.duration_since(FIRST_DAY).as_hours() / 24
}

/// The date of such a day.
pub(crate) fn date_of(day: i64) -> Date {
    FIRST_DAY.saturating_add(jiff::SignedDuration::from_hours(day.saturating_mul(24)))
}

/// Takes how full an agent found a vault.
pub(crate) async fn note(
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    usage: &VaultUsage,
    now: i64,
) -> ApiResult<()> {
    let tenant = db::tenants::get(conn, Scope::tenant(vault.tenant_id)).await?;
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let row = VaultUsageRow {
        vault_id: vault.id,
        day: day_of(now, &zone_of(&tenant)),
        stored_bytes: bytes(usage.stored_bytes),
        free_bytes: usage.free_bytes.map(bytes),
        measured_at: now,
    };
    Ok(db::vault_usage::note(conn, row).await?)
}

/// Whether a vault was measured today.
pub(crate) async fn is_measured_today(
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    now: i64,
) -> ApiResult<bool> {
    let tenant = db::tenants::get(conn, Scope::tenant(vault.tenant_id)).await?;
    let day = day_of(now, &zone_of(&tenant));
    Ok(db::vault_usage::is_measured(conn, vault.id, day).await?)
}

/// How full a vault is. `days` are its rows of the last [`DAYS_LOOKED_AT`] days, in order; days until it is full count from
/// `today`.
pub(crate) fn fill(vault: &VaultRow, days: &[VaultUsageRow], today: i64) -> VaultFill {
    let mut fill = VaultFill {
        history_days: u32::try_from(days.len()).unwrap_or(u32::MAX),
        history_days_needed: DAYS_NEEDED as u32,
        ..VaultFill::default()
    };
    let bytes = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    if let Some(quota) = vault.quota_bytes {
        fill.capacity_bytes = Some(bytes(quota));
        fill.capacity_from = Some(CapacitySource::Quota);
    }
    let Some(last) = days.last() else {
        return fill;
    };
    let stored = bytes(last.stored_bytes);
    fill.measured_at = Some(Time::from_millis(last.measured_at));
    fill.stored_bytes = Some(stored);
    if let (None, Some(free)) = (fill.capacity_bytes, last.free_bytes) {
        fill.capacity_bytes = Some(stored.saturating_add(bytes(free)));
        fill.capacity_from = Some(CapacitySource::FreeSpace);
    }
    let measured: Vec<Measured> = days
        .iter()
        .map(|row| Measured {
            day: row.day,
            bytes: bytes(row.stored_bytes),
        })
        .collect();
    if let Forecast::Growth(growth) = growth::forecast(&measured) {
        let room = fill
            .capacity_bytes
            .map(|capacity| capacity.saturating_sub(stored));
        let passed = u64::try_from(today - last.day).unwrap_or(0);
        let from_today = |days: u64| days.saturating_sub(passed);
        let full_in = room.and_then(|room| growth::full_in(&growth, room));
        fill.growth = Some(VaultGrowth {
            low_bytes_per_day: growth.low,
            bytes_per_day: growth.middle,
            high_bytes_per_day: growth.high,
            over_days: u32::try_from(growth.over_days).unwrap_or(0),
            full_in: full_in.map(|full| FullInDays {
                soonest: from_today(full.soonest),
                likely: full.likely.map(from_today),
                latest: full.latest.map(from_today),
            }),
        });
    }
    fill
}

/// The first day that [`fill`] looks at.
pub(crate) fn since(today: i64) -> i64 {
    today - DAYS_LOOKED_AT + 1
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::api::usage::CapacitySource;
    use jiff::tz::TimeZone;

    use super::{date_of, day_of, fill};
    use crate::{db::VaultUsageRow, maintenance::samples::vault};

    fn row(day: i64, stored_bytes: i64, free_bytes: Option<i64>) -> VaultUsageRow {
        VaultUsageRow {
            vault_id: 1,
            day,
            stored_bytes,
            free_bytes,
            measured_at: day,
        }
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let late = "2026-11-22T23:30:00Z".parse::<jiff::Timestamp>().unwrap();
        let late = late.as_millisecond();
        assert_eq!(
            date_of(day_of(late, &TimeZone::UTC)).to_string(),
            "2026-11-22"
        );
        assert_eq!(date_of(day_of(late, &berlin)).to_string(), "2026-11-23");
        assert_eq!(
            (day_of(0, &TimeZone::UTC), day_of(-1, &TimeZone::UTC)),
            (0, -1)
        );
        // The day on which the clock goes forward has 23 hours.
        let spring = "2026-03-29T22:30:00Z".parse::<jiff::Timestamp>().unwrap();
        assert_eq!(
            date_of(day_of(spring.as_millisecond(), &berlin)).to_string(),
            "2026-03-30"
        );
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let nothing = fill(&vault(), &[], 10);
        assert_eq!((nothing.stored_bytes, nothing.capacity_bytes), (None, None));
        assert_eq!((nothing.history_days, nothing.history_days_needed), (0, 14));
        // A bucket has no end of its own.
        let bucket = fill(&vault(), &[row(10, 70, None)], 10);
        assert_eq!(
            (bucket.stored_bytes, bucket.capacity_bytes),
            (Some(70), None)
        );
        assert_eq!(bucket.growth, None);
    }

    #[test]
    fn a_quota_goes_before_the_room_of_the_disk() {
        let mut vault = vault();
        let days = [row(10, 70, Some(30))];
        let disk = fill(&vault, &days, 10);
        assert_eq!(
            (disk.capacity_bytes, disk.capacity_from),
            (Some(100), Some(CapacitySource::FreeSpace))
        );
        vault.quota_bytes = Some(80);
        let quota = fill(&vault, &days, 10);
        assert_eq!(
            (quota.capacity_bytes, quota.capacity_from),
            (Some(80), Some(CapacitySource::Quota))
        );
    }

    #[test]
    fn days_until_full_count_from_today() {
        let mut vault = vault();
        vault.quota_bytes = Some(3_000);
        let days: Vec<VaultUsageRow> = (0..20)
            .map(|day| row(day, 1_000 + 10 * day, None))
            .collect();
        let full = |today| fill(&vault, &days, today).growth.unwrap().full_in.unwrap();
        assert_eq!(full(19).likely, Some(181));
        assert_eq!((full(22).likely, full(22).soonest), (Some(178), 178));
        vault.quota_bytes = None;
        let unknown = fill(&vault, &days, 19).growth.unwrap();
        assert_eq!((unknown.bytes_per_day, unknown.full_in), (10, None));
    }
}
