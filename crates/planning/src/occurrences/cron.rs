//! Cron expressions of jobs: five fields, as in the crontab of Unix.
//!
//! The dialect of stored policies is another one ([`crate::schedule::Cron`]): it has quirks that are kept to the letter.

use std::sync::Arc;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{Date, DateTime, date};

/// Why a text is no cron expression for a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobCronError {
    /// Not five fields.
    #[error("must have five fields: minute, hour, day of month, month, day of week")]
    FieldCount,
    /// Something in it cannot be read.
    #[error("cannot be read as a cron expression: {0}")]
    Syntax(String),
    /// No day matches it within 41 years.
    #[error("matches no day of any year")]
    Never,
}

/// A parsed expression.
#[derive(Clone)]
pub struct JobCron {
    cron: Arc<Cron>,
    /// The same at midnight of its days.
    days: Arc<Cron>,
    each_hour: bool,
}

impl std::fmt::Debug for JobCron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JobCron").field(&self.text()).finish()
    }
}

/// Longest expression, in bytes.
const LONGEST: usize = 200;

/// Days between two matches at most: 29 February on a given day of the week, over a year like 2100. The search of the
/// parser goes on for thousands of years.
const LONGEST_GAP: usize = 41 * 366;

impl JobCron {
    /// Reads minute, hour, day of month, month and day of week. Lists, ranges, steps, names of months and days, `L`, `W`
    /// and `#` are known. When day of month and day of week are both restricted, either of them is enough.
    ///
    /// # Errors
    /// [`JobCronError`], in words.
    pub fn parse(text: &str) -> Result<Self, JobCronError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[_, hours, day, month, weekday] = fields.as_slice() else {
            return Err(JobCronError::FieldCount);
        };
        if text.len() > LONGEST {
            return Err(JobCronError::FieldCount);
        }
        if fields
            .iter()
            .any(|field| field.split(',').any(str::is_empty))
        {
            return Err(JobCronError::Syntax(
                "an entry of a list is empty".to_owned(),
            ));
        }
        let cron = parse(text)?;
        let parsed = Self {
            each_hour: matches_each_hour(hours)?,
            cron: Arc::new(cron),
            days: Arc::new(parse(&format!("0 0 {day} {month} {weekday}"))?),
        };
        // A whole cycle of leap years begins here.
        match parsed.next_wall(date(2000, 1, 1).at(0, 0, 0, 0)) {
            Some(_) => Ok(parsed),
            None => Err(JobCronError::Never),
        }
    }

    /// The expression.
    pub(super) fn text(&self) -> &str {
        self.cron.as_str()
    }

    /// Whether it may be due in every hour of a day.
    pub(super) fn is_each_hour(&self) -> bool {
        self.each_hour
    }

    /// The first match on the wall clock from a time on, that included; `None` when there is none within 41 years.
    pub(super) fn next_wall(&self, from: DateTime) -> Option<DateTime> {
        // There is a later day on which the search ends.
        std::iter::successors(from.date().tomorrow().ok(), |day| day.tomorrow().ok())
            .take(LONGEST_GAP)
            .find(|day| self.is_on(*day))?;
        // It looks at whole seconds.
        let second = from.with().subsec_nanosecond(0).build().ok()?;
        let found = self.cron.find_next_occurrence(&second, second == from);
        found.ok()
    }

    /// Whether it is due on a day.
    fn is_on(&self, day: Date) -> bool {
        self.days
            .is_time_matching(&day.at(0, 0, 0, 0))
            .unwrap_or(false)
    }
}

fn parse(text: &str) -> Result<Cron, JobCronError> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(text)
        .map_err(|error| JobCronError::Syntax(error.to_string()))
}

/// Whether an hour field matches all 24 hours.
fn matches_each_hour(field: &str) -> Result<bool, JobCronError> {
    let daily = parse(&format!("0 {field} * * *"))?;
    let day = date(2000, 1, 1);
    let every = (0..24).all(|hour| {
        daily
            .is_time_matching(&day.at(hour, 0, 0, 0))
            .unwrap_or(false)
    });
    Ok(every)
}
