//! Timetables as they are stored and sent.

use jiff::SignedDuration;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{JobCron, Rule, Timetable, Window, Windows};

/// The form of a [`Timetable`] in JSON; times of day are minutes since midnight.
#[derive(Serialize, Deserialize)]
struct Stored {
    rule: StoredRule,
    zone: String,
    #[serde(default)]
    not_between: Vec<(i16, i16)>,
    #[serde(default)]
    stop_at: Option<i16>,
    spread_seconds: i64,
    offset_seconds: i64,
    catch_up: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StoredRule {
    Hourly { minute: i8 },
    Daily { time: i16 },
    Weekly { weekdays: Vec<i8>, time: i16 },
    Monthly { day: i8, time: i16 },
    Cron { cron: String },
}

fn minutes(time: Time) -> i16 {
    i16::from(time.hour()) * 60 + i16::from(time.minute())
}

fn time<E: serde::de::Error>(minutes: i16) -> Result<Time, E> {
    let (hour, minute) = (minutes.div_euclid(60), minutes.rem_euclid(60));
    i8::try_from(hour)
        .ok()
        .and_then(|hour| Time::new(hour, minute as i8, 0, 0).ok())
        .ok_or_else(|| E::custom(format!("{minutes} is no minute of a day")))
}

impl Serialize for Timetable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule = match &self.rule {
            Rule::Hourly { minute } => StoredRule::Hourly { minute: *minute },
            Rule::Daily { time } => StoredRule::Daily {
                time: minutes(*time),
            },
            Rule::Weekly { weekdays, time } => StoredRule::Weekly {
                weekdays: weekdays
                    .iter()
                    .map(|day| day.to_monday_one_offset())
                    .collect(),
                time: minutes(*time),
            },
            Rule::Monthly { day, time } => StoredRule::Monthly {
                day: *day,
                time: minutes(*time),
            },
            Rule::Cron(cron) => StoredRule::Cron {
                cron: cron.text().to_owned(),
            },
        };
        let windows = self.not_between.list().iter();
        let stored = Stored {
            rule,
            zone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            not_between: windows
                .map(|window| (minutes(window.from), minutes(window.to)))
                .collect(),
            stop_at: self.stop_at.map(minutes),
            spread_seconds: self.spread.as_secs(),
            offset_seconds: self.offset.as_secs(),
            catch_up: self.catch_up,
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timetable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let time = |minutes| time::<D::Error>(minutes);
        let rule = match stored.rule {
            StoredRule::Hourly {
                minute: minute @ 0..60,
            } => Rule::Hourly { minute },
            StoredRule::Hourly { minute } => {
                return Err(D::Error::custom(format!("{minute} is no minute")));
            }
            StoredRule::Daily { time: at } => Rule::Daily { time: time(at)? },
            StoredRule::Weekly { weekdays, time: at } => Rule::Weekly {
                weekdays: weekdays
                    .into_iter()
                    .map(Weekday::from_monday_one_offset)
                    .collect::<Result<_, _>>()
                    .map_err(D::Error::custom)?,
                time: time(at)?,
            },
            StoredRule::Monthly { day, time: at } => Rule::Monthly {
                day,
                time: time(at)?,
            },
            StoredRule::Cron { cron } => {
                Rule::Cron(JobCron::parse(&cron).map_err(D::Error::custom)?)
            }
        };
        let mut windows = Vec::new();
        for (from, to) in stored.not_between {
            windows.push(Window {
                from: time(from)?,
                to: time(to)?,
            });
        }
        Ok(Self {
            rule,
            zone: TimeZone::get(&stored.zone).map_err(D::Error::custom)?,
            not_between: Windows::new(windows).map_err(D::Error::custom)?,
            stop_at: stored.stop_at.map(time).transpose()?,
            spread: SignedDuration::from_secs(stored.spread_seconds),
            offset: SignedDuration::from_secs(stored.offset_seconds),
            catch_up: stored.catch_up,
        })
    }
}
