//! When a task is due: every so often, or at times of a cron expression in a time zone.
//!
//! A cron expression is held against the local clock, minute by minute, as Snowflake documents it: where the clock is put forward a time
//! may not come at all, where it is put back it may come twice.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schedule {
    /// Milliseconds.
    Every(i64),
    Cron(Box<Cron>),
}

/// A cron expression. Values of a field are bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    last_day: bool,
    months: u64,
    weekdays: u64,
    /// Days of the week whose last one of a month is meant.
    last_weekdays: u64,
    zone: TimeZone,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// A day that comes at all comes within this many days: 29 February may be eight years away, and on a given day of the week 40.
const FARTHEST: i64 = 41 * 366 * 24 * HOUR;

impl Schedule {
    /// `5 MINUTES`, `1 h`, `USING CRON 0 9 * * * Europe/Berlin`.
    pub(super) fn read(written: &str) -> Option<Self> {
        let words: Vec<&str> = written.split_whitespace().collect();
        if let [using, cron, fields @ ..] = words.as_slice()
            && using.eq_ignore_ascii_case("USING")
            && cron.eq_ignore_ascii_case("CRON")
        {
            return Cron::read(fields).map(|cron| Self::Cron(Box::new(cron)));
        }
        let seconds =
            interval(written, &[("SECOND", 1, 10, 691_200), ("MINUTE", 60, 1, 11_520), ("HOUR", 3600, 1, 192)])?;
        Some(Self::Every(seconds * 1000))
    }

    /// The first time after a moment, for a task whose interval counts from `since`.
    pub(super) fn next(&self, since: i64, after: i64) -> Option<i64> {
        match self {
            Self::Every(interval) => {
                let gone = after.saturating_sub(since).max(0) / interval;
                Some(since.saturating_add((gone + 1).saturating_mul(*interval)))
            }
            Self::Cron(cron) => cron.next(after),
        }
    }
}

/// A number and a unit, within the unit's range: name, seconds, least and most. Gives seconds.
pub(super) fn interval(written: &str, units: &[(&str, i64, i64, i64)]) -> Option<i64> {
    let (digits, unit) = written.trim().split_once(char::is_whitespace)?;
    let (number, unit) = (digits.parse::<i64>().ok()?, unit.trim().to_uppercase());
    let named = |name: &str| unit == name || unit == format!("{name}S") || name.starts_with(&unit) && unit.len() == 1;
    let (_, seconds, ..) =
        units.iter().find(|(name, _, least, most)| named(name) && (*least..=*most).contains(&number))?;
    Some(number * seconds)
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    fn read(fields: &[&str]) -> Option<Self> {
        let [minute, hour, day, month, weekday, zone] = fields else { return None };
        let (mut days, mut last_day) = (0, false);
        for part in day.split(',') {
            if part.eq_ignore_ascii_case("L") {
                last_day = true;
            } else {
                days |= values(part, 1, 31, &[])?;
            }
        }
        let (mut weekdays, mut last_weekdays) = (0, 0);
        for part in weekday.split(',') {
            match part.strip_suffix(['L', 'l']) {
                Some(which) => last_weekdays |= 1 << value(which, 0, 6, &WEEKDAYS)?,
                None => weekdays |= values(part, 0, 6, &WEEKDAYS)?,
            }
        }
        Some(Self {
            minutes: list(minute, 0, 59, &[])?,
            hours: list(hour, 0, 23, &[])?,
            days,
            last_day,
            months: list(month, 1, 12, &MONTHS)?,
            weekdays,
            last_weekdays,
            zone: TimeZone::get(zone).ok()?,
        })
    }

    /// If both a day of the month and a day of the week are given, either will do.
    fn on_day(&self, at: &Zoned) -> bool {
        let (date, last) = (at.date(), at.date().last_of_month());
        let weekday = 1_u64 << date.weekday().since(Weekday::Sunday);
        let by_month = self.days & (1 << date.day()) != 0 || self.last_day && date == last;
        let by_week = self.weekdays & weekday != 0 || self.last_weekdays & weekday != 0 && date.day() + 7 > last.day();
        let any_day = self.days == span(1, 31);
        let any_weekday = self.weekdays == span(0, 6);
        self.months & (1 << date.month()) != 0
            && match (any_day, any_weekday) {
                (true, _) => by_week,
                (_, true) => by_month,
                _ => by_month || by_week,
            }
    }

    fn next(&self, after: i64) -> Option<i64> {
        let mut at = after.div_euclid(MINUTE).checked_add(1)?.checked_mul(MINUTE)?;
        let end = after.saturating_add(FARTHEST);
        while at <= end {
            let local = Timestamp::from_millisecond(at).ok()?.to_zoned(self.zone.clone());
            let (hour, minute) = (i64::from(local.hour()), i64::from(local.minute()));
            // No step may go over a change of the clock: those happen at night, and at quarters of an hour.
            at += if !self.on_day(&local) && hour < 19 {
                (20 - hour) * HOUR - minute * MINUTE
            } else if !self.on_day(&local) || self.hours & (1 << hour) == 0 {
                (15 - minute % 15) * MINUTE
            } else if self.minutes & (1 << minute) == 0 {
                MINUTE
            } else {
                return Some(at);
            };
        }
        None
    }
}

/// The bits from one value to another.
fn span(from: u32, to: u32) -> u64 {
    (from..=to).fold(0, |bits, value| bits | 1 << value)
}

fn list(field: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    field.split(',').try_fold(0, |bits, part| Some(bits | values(part, least, most, names)?))
}

/// `*`, `5`, `1-5`, each with `/n` for every nth; `5/n` goes on to the end.
fn values(part: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (least, most),
        Some((from, to)) => (value(from, least, most, names)?, value(to, least, most, names)?),
        None => {
            let from = value(range, least, most, names)?;
            (from, if step.is_some() { most } else { from })
        }
    };
    if from > to {
        return None;
    }
    let step = usize::try_from(step.unwrap_or(1)).ok()?;
    Some((from..=to).step_by(step).fold(0, |bits, value| bits | 1 << value))
}

fn value(text: &str, least: u32, most: u32, names: &[&str]) -> Option<u32> {
    let place = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match place {
        Some(at) => u32::try_from(at).ok()? + least,
        None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(at: &str) -> i64 {
        at.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// The next times after a moment, in UTC.
    fn times(written: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::read(written).unwrap_or_else(|| panic!("{written}"));
        let since = ms(after);
        std::iter::successors(schedule.next(since, since), |at| schedule.next(since, *at))
            .take(count)
            .map(|at| Timestamp::from_millisecond(at).unwrap().to_string())
            .collect()
    }

    #[test]
    fn cron_against_known_times() {
        for (cron, after, wanted) in [
            ("* * * * * UTC", "2026-01-01T00:00:30Z", &["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"][..]),
            ("0 9 * * * UTC", "2026-01-01T09:00:00Z", &["2026-01-02T09:00:00Z"]),
            ("*/20 9-17/4 * * * UTC", "2026-01-01T09:30:00Z", &["2026-01-01T09:40:00Z", "2026-01-01T13:00:00Z"]),
            (
                "50/4 8 * * * UTC",
                "2026-01-01T00:00:00Z",
                &["2026-01-01T08:50:00Z", "2026-01-01T08:54:00Z", "2026-01-01T08:58:00Z", "2026-01-02T08:50:00Z"],
            ),
            (
                "0 0 L * * UTC",
                "2028-02-01T00:00:00Z",
                &["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z"],
            ),
            ("0 0 29 2 * UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]),
            ("0 0 * * 5L UTC", "2026-01-01T00:00:00Z", &["2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"]),
            (
                "0 0 * JAN-MAR/2 friL,SUN UTC",
                "2026-01-24T00:00:00Z",
                &["2026-01-25T00:00:00Z", "2026-01-30T00:00:00Z", "2026-03-01T00:00:00Z"],
            ),
            // Either day will do.
            (
                "0 0 13 * FRI UTC",
                "2026-02-01T00:00:00Z",
                &[
                    "2026-02-06T00:00:00Z",
                    "2026-02-13T00:00:00Z",
                    "2026-02-20T00:00:00Z",
                    "2026-02-27T00:00:00Z",
                    "2026-03-06T00:00:00Z",
                    "2026-03-13T00:00:00Z",
                ],
            ),
            ("30 2 * * MON-FRI Europe/Berlin", "2026-01-02T12:00:00Z", &["2026-01-05T01:30:00Z"]),
            ("0 12 31 * * Asia/Kathmandu", "2026-01-31T07:00:00Z", &["2026-03-31T06:15:00Z"]),
        ] {
            assert_eq!(times(&format!("USING CRON {cron}"), after, wanted.len()), wanted, "{cron}");
        }
        assert_eq!(times("using cron 0 0 30 FEB * UTC", "2026-01-01T00:00:00Z", 1), Vec::<String>::new());
    }

    /// Snowflake's documentation tells what becomes of tasks between 1 and 3 in Los Angeles.
    #[test]
    fn the_clock_put_forward_and_back() {
        for (cron, after, wanted) in [
            // On 8 March 2026 2:00 becomes 3:00: 2:30 does not come.
            ("30 2 * * * America/Los_Angeles", "2026-03-07T11:00:00Z", &["2026-03-09T09:30:00Z"][..]),
            ("0 3 * * * America/Los_Angeles", "2026-03-07T12:00:00Z", &["2026-03-08T10:00:00Z"]),
            ("30 2 * * SUN America/Los_Angeles", "2026-03-07T11:00:00Z", &["2026-03-15T09:30:00Z"]),
            // On 1 November 2026 2:00 becomes 1:00: 1:30 comes twice.
            (
                "30 1 * * * America/Los_Angeles",
                "2026-10-31T12:00:00Z",
                &["2026-11-01T08:30:00Z", "2026-11-01T09:30:00Z", "2026-11-02T09:30:00Z"],
            ),
            ("30 2 * * * America/Los_Angeles", "2026-10-31T12:00:00Z", &["2026-11-01T10:30:00Z"]),
            (
                "0 * * * * America/Los_Angeles",
                "2026-11-01T07:30:00Z",
                &["2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z", "2026-11-01T10:00:00Z"],
            ),
            // Half an hour, in Lord Howe.
            (
                "45 1 * * * Australia/Lord_Howe",
                "2026-04-04T00:00:00Z",
                &["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-05T15:15:00Z"],
            ),
            ("15 2 * * * Australia/Lord_Howe", "2026-10-03T00:00:00Z", &["2026-10-04T15:15:00Z"]),
            // Midnight itself does not come in Beirut.
            ("0 0 * * * Asia/Beirut", "2026-03-28T12:00:00Z", &["2026-03-29T21:00:00Z"]),
        ] {
            assert_eq!(times(&format!("USING CRON {cron}"), after, wanted.len()), wanted, "{cron}");
        }
    }

    #[test]
    fn intervals_count_from_where_they_began() {
        let start = ms("2026-01-01T09:03:00Z");
        let schedule = Schedule::read("10 minutes").unwrap();
        for (after, wanted) in [(0, 10), (1, 10), (10, 20), (11, 20), (59, 60), (60, 70)] {
            assert_eq!(schedule.next(start, start + after * MINUTE), Some(start + wanted * MINUTE), "{after}");
        }
        for (written, wanted) in
            [("10 S", 10_000), ("1 h", 3_600_000), ("11520 MINUTE", 691_200_000), (" 5  Minutes ", 300_000)]
        {
            assert_eq!(Schedule::read(written), Some(Schedule::Every(wanted)), "{written}");
        }
    }

    #[test]
    fn what_is_no_schedule() {
        for written in [
            "",
            "5",
            "MINUTES",
            "5MINUTES",
            "9 SECONDS",
            "0 MINUTES",
            "11521 MINUTES",
            "193 HOURS",
            "1 DAY",
            "-5 MINUTES",
            "USING CRON",
            "USING CRON * * * * *",
            "USING CRON * * * * * Mars/Olympus",
            "USING CRON 60 * * * * UTC",
            "USING CRON * 24 * * * UTC",
            "USING CRON * * 0 * * UTC",
            "USING CRON * * * 13 * UTC",
            "USING CRON * * * * 7 UTC",
            "USING CRON 5-1 * * * * UTC",
            "USING CRON */0 * * * * UTC",
            "USING CRON 1, * * * * UTC",
            "USING CRON +1 * * * * UTC",
            "USING CRON L * * * * UTC",
            "USING CRON * * * * L UTC",
            "USING CRON * * * * 1#2 UTC",
            "USING CRON * * 3L * * UTC",
        ] {
            assert_eq!(Schedule::read(written), None, "{written}");
        }
    }

    proptest! {
        /// The next time is the first minute that fits, found by looking at every one.
        #[test]
        fn no_time_is_missed(minute in 0_u32..60, hour in 0_u32..24, weekday in 0_u32..7, start in 0_i64..20_000, zone in 0_usize..3) {
            let zone = ["America/Los_Angeles", "Australia/Lord_Howe", "UTC"][zone];
            let written = format!("USING CRON {minute} {hour} * * {weekday} {zone}");
            let Some(Schedule::Cron(cron)) = Schedule::read(&written) else { panic!("{written}") };
            let after = ms("2026-01-01T00:00:00Z") + start * 26 * MINUTE;
            let fits = |at: &i64| {
                let local = Timestamp::from_millisecond(*at).unwrap().to_zoned(cron.zone.clone());
                u32::from(local.minute().unsigned_abs()) == minute && u32::from(local.hour().unsigned_abs()) == hour
                    && u32::from(local.weekday().to_sunday_zero_offset().unsigned_abs()) == weekday
            };
            let first = after.div_euclid(MINUTE) * MINUTE + MINUTE;
            let wanted = (0..30 * 1440).map(|step| first + step * MINUTE).find(fits);
            prop_assert_eq!(cron.next(after), wanted);
        }
    }
}
