//! Cron expressions of jobs: five fields, as in the crontab of Unix.
//!
//! The dialect of stored policies is another one ([`crate::schedule::Cron`]): it has quirks that are kept to the letter.

use std::sync::Arc;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, date};

/// Why a text is no cron expression for a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobCronError {
    /// Not five fields.
    #[error("must have five fields: minute, hour, day of month, month, day of week")]
    FieldCount,
    /// Something in it cannot be read.
    #[error("cannot be read as a cron expression: {0}")]
    Syntax(String),
    /// No day matches it.
    #[error("matches no day of any year")]
    Never,
}

/// A parsed expression.
#[derive(Clone)]
pub struct JobCron {
    cron: Arc<Cron>,
    each_hour: bool,
}

impl std::fmt::Debug for JobCron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JobCron").field(&self.cron.as_str()).finish()
    }
}

/// Longest expression, in bytes.
const LONGEST: usize = 200;

impl JobCron {
    /// Reads minute, hour, day of month, month and day of week. Lists, ranges, steps, names of months and days, `L`, `W`
    /// and `#` are known. When day of month and day of week are both restricted, either of them is enough.
    ///
    /// # Errors
    /// [`JobCronError`], in words.
    pub fn parse(text: &str) -> Result<Self, JobCronError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[_, hours, ..] = fields.as_slice() else {
            return Err(JobCronError::FieldCount);
        };
        if fields.len() != 5 || text.len() > LONGEST {
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
        };
        // A whole cycle of leap years begins here.
        match parsed.next_wall(date(2000, 1, 1).at(0, 0, 0, 0)) {
            Some(_) => Ok(parsed),
            None => Err(JobCronError::Never),
        }
    }

    /// Whether it may be due in every hour of a day.
    pub(super) fn is_each_hour(&self) -> bool {
        self.each_hour
    }

    /// The first match on the wall clock from a time on, that included.
    pub(super) fn next_wall(&self, from: DateTime) -> Option<DateTime> {
        // It looks at whole seconds.
        let second = from.with().subsec_nanosecond(0).build().ok()?;
        let found = self.cron.find_next_occurrence(&second, second == from);
        found.ok()
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
