//! The fields of a cron expression.

use super::CronError;

/// A field of a cron expression and the values that it takes.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) least: u16,
    pub(super) most: u16,
    /// Digits of a plain number, at most.
    digits: usize,
    names: &'static [&'static str],
    /// The value of the first name.
    first_name: u16,
}

const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: &[&str] = &[
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

const fn number(name: &'static str, least: u16, most: u16) -> Field {
    Field {
        name,
        least,
        most,
        digits: 2,
        names: &[],
        first_name: 0,
    }
}

pub(super) const SECOND: Field = number("second", 0, 59);
pub(super) const MINUTE: Field = number("minute", 0, 59);
pub(super) const HOUR: Field = number("hour", 0, 23);
pub(super) const DAY_OF_MONTH: Field = number("day of month", 1, 31);
pub(super) const MONTH: Field = Field {
    names: MONTHS,
    first_name: 1,
    ..number("month", 1, 12)
};
/// 7 is read as 0, Sunday.
pub(super) const DAY_OF_WEEK: Field = Field {
    names: DAYS,
    ..number("day of week", 0, 6)
};
pub(super) const YEAR: Field = Field {
    digits: 4,
    ..number("year", 1970, 2099)
};

/// One entry of a comma-separated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// `*` or `?`
    All,
    /// A single value.
    One(u16),
    /// From, to and step; empty when it runs downwards.
    Span(u16, u16, u16),
    /// `L`
    LastDay,
    /// `LW`
    LastWorkday,
    /// `15W`
    NearestWorkday(u16),
    /// `5L`
    LastWeekday(u16),
    /// `2#3`
    NthWeekday(u16, u16),
}

impl Field {
    /// The entries of the field's text.
    pub(super) fn items(&self, text: &str) -> Result<Vec<Item>, CronError> {
        let lower = text.to_lowercase();
        let entries: Vec<&str> = lower.split(',').filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() {
            return Err(self.error(text));
        }
        let items = entries.into_iter().map(|entry| {
            self.item(entry)
                .filter(|item| self.allows(*item))
                .ok_or_else(|| self.error(entry))
        });
        items.collect()
    }

    /// The set of values of a field that has no special entries, `None` for all.
    pub(super) fn values(&self, text: &str) -> Result<Option<Vec<u16>>, CronError> {
        let mut values = Vec::new();
        for item in self.items(text)? {
            match item {
                Item::All => return Ok(None),
                item => values.extend(item.values()),
            }
        }
        Ok(Some(values))
    }

    fn error(&self, text: &str) -> CronError {
        CronError::Field {
            field: self.name,
            text: text.to_owned(),
        }
    }

    fn item(&self, entry: &str) -> Option<Item> {
        if matches!(entry, "*" | "?") {
            return Some(Item::All);
        }
        match entry {
            "l" => return Some(Item::LastDay),
            "lw" => return Some(Item::LastWorkday),
            _ => {}
        }
        if let Some((day, number)) = entry.split_once('#') {
            let number = number
                .parse()
                .ok()
                .filter(|number| (1..=5).contains(number))?;
            return Some(Item::NthWeekday(self.value(day)?, number));
        }
        if let Some(value) = self.value(entry) {
            return Some(Item::One(value));
        }
        if let Some(day) = entry.strip_suffix('w').and_then(|day| self.value(day)) {
            return Some(Item::NearestWorkday(day));
        }
        if let Some(day) = entry.strip_suffix('l').and_then(|day| self.value(day)) {
            return Some(Item::LastWeekday(day));
        }
        let (range, step) = match entry.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (entry, None),
        };
        if range == "*" {
            return Some(Item::Span(self.least, self.most, step?));
        }
        match range.split_once('-') {
            Some((first, last)) => Some(Item::Span(
                self.value(first)?,
                self.value(last)?,
                step.unwrap_or(1),
            )),
            None => Some(Item::Span(self.value(range)?, self.most, step?)),
        }
    }

    fn allows(&self, item: Item) -> bool {
        match item {
            Item::All | Item::One(_) | Item::Span(..) => true,
            Item::LastDay | Item::LastWorkday | Item::NearestWorkday(_) => {
                self.name == DAY_OF_MONTH.name
            }
            Item::LastWeekday(_) | Item::NthWeekday(..) => self.name == DAY_OF_WEEK.name,
        }
    }

    fn step(&self, text: &str) -> Option<u16> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let step = text.parse().ok().filter(|_| digits)?;
        (1..=self.most).contains(&step).then_some(step)
    }

    fn value(&self, text: &str) -> Option<u16> {
        if let Some(position) = self
            .names
            .iter()
            .position(|name| *name == text || name[..3] == *text)
        {
            return Some(self.first_name + u16::try_from(position).ok()?);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || text.len() > self.digits {
            return None;
        }
        let value: u16 = text.parse().ok()?;
        if self.name == DAY_OF_WEEK.name {
            // The reference knows only single digits, and reads others with a leading zero as Sunday.
            let known = value <= 7 && (text.len() == 1 || text.starts_with('0'));
            return known.then_some(if text.len() == 1 { value % 7 } else { 0 });
        }
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

impl Item {
    /// The values that an ordinary entry stands for.
    pub(super) fn values(self) -> impl Iterator<Item = u16> {
        let (first, last, step) = match self {
            Self::One(value) => (value, value, 1),
            Self::Span(first, last, step) => (first, last, step),
            // An empty range.
            _ => (1, 0, 1),
        };
        (first..=last).step_by(usize::from(step))
    }
}
