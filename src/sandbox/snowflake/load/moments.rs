//! Dates and times in files, by the formats that Snowflake names: `YYYY-MM-DD`, `MON`, `HH24:MI:SS.FF`, `TZH:TZM`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// What AUTO tries, in this order.
const DATES: &[&str] = &["YYYY-MM-DD", "DD-MON-YYYY", "MM/DD/YYYY"];
const TIMES: &[&str] = &["HH24:MI:SS.FF", "HH24:MI:SS", "HH24:MI", "HH12:MI:SS AM", "HH12:MI AM"];
const MONTHS: [&str; 12] = [
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

/// The formats of a file and the zone of the session.
#[derive(Clone, Debug)]
pub(super) struct Formats {
    pub(super) date: String,
    pub(super) time: String,
    pub(super) timestamp: String,
    pub(super) zone: TimeZone,
}

/// A wall clock, with the offset that was written, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: DateTime,
    pub(super) offset: Option<i32>,
}

impl Formats {
    /// A date as days since 1970.
    pub(super) fn date(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if self.date != "AUTO" {
            return parts(text, &self.date).and_then(Parts::moment).map(|moment| days(moment.at.date()));
        }
        let date = DATES.iter().find_map(|format| parts(text, format)).and_then(Parts::moment);
        date.map(|moment| days(moment.at.date())).or_else(|| self.moment(text).map(|moment| days(moment.at.date())))
    }

    /// A time as nanoseconds since midnight.
    pub(super) fn time(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let parts = if self.time == "AUTO" {
            TIMES.iter().find_map(|format| parts(text, format))
        } else {
            parts(text, &self.time)
        };
        Some(nanos(parts?.time()?))
    }

    /// A point in time.
    pub(super) fn moment(&self, text: &str) -> Option<Moment> {
        let text = text.trim();
        if self.timestamp != "AUTO" {
            return parts(text, &self.timestamp).and_then(Parts::moment);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return epoch(text.parse().ok()?);
        }
        for date in DATES {
            for time in ["", "HH24", "HH24:MI", "HH24:MI:SS", "HH24:MI:SS.FF"] {
                for joint in if time.is_empty() { &[""][..] } else { &["T", " "][..] } {
                    for zone in if time.is_empty() {
                        &[""][..]
                    } else {
                        &["", "TZH:TZM", " TZH:TZM", "TZHTZM", " TZHTZM", "TZH", "Z"][..]
                    } {
                        let joint = if *joint == "T" { "\"T\"" } else { joint };
                        if let Some(found) = parts(text, &format!("{date}{joint}{time}{zone}")) {
                            return found.moment();
                        }
                    }
                }
            }
        }
        None
    }

    /// The instant of a wall clock in nanoseconds since 1970, and its offset in minutes.
    pub(super) fn instant(&self, moment: Moment) -> Option<(i128, i32)> {
        if let Some(offset) = moment.offset {
            let local = TimeZone::UTC.to_timestamp(moment.at).ok()?.as_nanosecond();
            return Some((local - i128::from(offset) * 60_000_000_000, offset));
        }
        let zoned = moment.at.to_zoned(self.zone.clone()).ok()?;
        Some((zoned.timestamp().as_nanosecond(), zoned.offset().seconds() / 60))
    }
}

/// A number as a point in time: seconds, milliseconds, microseconds or nanoseconds, told apart by their size.
pub(super) fn epoch(number: i64) -> Option<Moment> {
    let nanos = match number.unsigned_abs() {
        0..31_536_000_000 => i128::from(number) * 1_000_000_000,
        31_536_000_000..31_536_000_000_000 => i128::from(number) * 1_000_000,
        31_536_000_000_000..31_536_000_000_000_000 => i128::from(number) * 1_000,
        _ => i128::from(number),
    };
    let at = jiff::Timestamp::from_nanosecond(nanos).ok()?;
    Some(Moment { at: jiff::tz::Offset::UTC.to_datetime(at), offset: None })
}

fn days(date: Date) -> i64 {
    TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).map_or(0, |at| at.as_second().div_euclid(86_400))
}

fn nanos(time: Time) -> i64 {
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond())
}

/// What a text says, part by part.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    hour: i8,
    afternoon: Option<bool>,
    minute: i8,
    second: i8,
    nano: i32,
    offset: Option<i32>,
}

impl Parts {
    fn time(self) -> Option<Time> {
        let hour = match self.afternoon {
            None => self.hour,
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        Time::new(hour, self.minute, self.second, self.nano).ok()
    }

    fn moment(self) -> Option<Moment> {
        let date = Date::new(self.year?, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?;
        Some(Moment { at: date.to_datetime(self.time()?), offset: self.offset })
    }
}

/// Reads a text by a format; the whole text must fit the whole format.
fn parts(text: &str, format: &str) -> Option<Parts> {
    let mut found = Parts::default();
    let (mut text, mut format) = (text, format);
    while let Some(first) = format.chars().next() {
        let upper: String = format.chars().take(5).collect::<String>().to_uppercase();
        let is = |element: &str| upper.starts_with(element);
        let passed;
        if is("YYYY") {
            (found.year, passed) = (Some(digits(&mut text, 4, 4)?), 4);
        } else if is("YY") {
            let year: i16 = digits(&mut text, 2, 2)?;
            (found.year, passed) = (Some(if year < 70 { 2000 + year } else { 1900 + year }), 2);
        } else if is("MMMM") || is("MON") {
            let full = is("MMMM");
            let name: String = text.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
            let month =
                MONTHS.iter().position(|month| *month == name || (!full && month.get(..3) == Some(name.as_str())))?;
            text = text.get(name.len()..)?;
            (found.month, passed) = (i8::try_from(month + 1).ok(), if full { 4 } else { 3 });
        } else if is("MM") {
            (found.month, passed) = (Some(digits(&mut text, 1, 2)?), 2);
        } else if is("MI") {
            (found.minute, passed) = (digits(&mut text, 2, 2)?, 2);
        } else if is("DD") {
            (found.day, passed) = (Some(digits(&mut text, 1, 2)?), 2);
        } else if is("DY") {
            let name = text.get(..3).filter(|name| name.bytes().all(|b| b.is_ascii_alphabetic()))?;
            text = text.get(name.len()..)?;
            passed = 2;
        } else if is("HH24") || is("HH12") {
            (found.hour, passed) = (digits(&mut text, 1, 2)?, 4);
        } else if is("HH") {
            (found.hour, passed) = (digits(&mut text, 1, 2)?, 2);
        } else if is("AM") || is("PM") {
            let mark = text.get(..2)?.to_uppercase();
            found.afternoon = Some(match mark.as_str() {
                "AM" => false,
                "PM" => true,
                _ => return None,
            });
            text = text.get(2..)?;
            passed = 2;
        } else if is("SS") {
            (found.second, passed) = (digits(&mut text, 2, 2)?, 2);
        } else if is("FF") {
            let written: String = text.chars().take_while(char::is_ascii_digit).take(9).collect();
            if written.is_empty() {
                return None;
            }
            found.nano = format!("{written:0<9}").parse().ok()?;
            text = text.get(written.len()..)?;
            passed = if upper.get(2..3).is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit())) { 3 } else { 2 };
        } else if is("TZH") {
            let sign = match text.chars().next()? {
                '+' => 1,
                '-' => -1,
                _ => return None,
            };
            text = text.get(1..)?;
            let hours: i32 = digits(&mut text, 1, 2)?;
            (found.offset, passed) = (Some(sign * hours * 60), 3);
        } else if is("TZM") {
            let minutes: i32 = digits(&mut text, 2, 2)?;
            let hours = found.offset?;
            (found.offset, passed) = (Some(if hours < 0 { hours - minutes } else { hours + minutes }), 3);
        } else if first == '"' {
            let literal = format.get(1..)?.split('"').next()?;
            text = text.strip_prefix(literal)?;
            passed = literal.len() + 2;
        } else if first == 'Z' {
            text = text.strip_prefix('Z')?;
            (found.offset, passed) = (Some(0), 1);
        } else {
            text = text.strip_prefix(first)?;
            passed = first.len_utf8();
        }
        format = format.get(passed..)?;
    }
    text.is_empty().then_some(found)
}

/// Between so few and so many digits, passed.
fn digits<T: std::str::FromStr>(text: &mut &str, least: usize, most: usize) -> Option<T> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (number, rest) = text.split_at_checked(count)?;
    *text = rest;
    number.parse().ok()
}

/// A date as it is written to files, from days since 1970.
pub(super) fn shown_date(days: &str) -> Option<String> {
    let at = jiff::Timestamp::from_second(days.parse::<i64>().ok()?.checked_mul(86_400)?).ok()?;
    Some(at.strftime("%Y-%m-%d").to_string())
}

/// A point in time as it is written to files, from a cell.
pub(super) fn shown_moment(cell: &str, kind: &str) -> Option<String> {
    let at = zoned(cell)?;
    let format = if kind == "timestamp_ntz" { "%Y-%m-%d %H:%M:%S%.3f" } else { "%Y-%m-%d %H:%M:%S%.3f %z" };
    Some(at.strftime(format).to_string())
}

/// The same with all its digits, in a form that AUTO reads.
pub(super) fn exact(cell: &str, kind: &str) -> Option<String> {
    let at = zoned(cell)?;
    let format = if kind == "timestamp_ntz" { "%Y-%m-%d %H:%M:%S%.9f" } else { "%Y-%m-%d %H:%M:%S%.9f %:z" };
    Some(at.strftime(format).to_string())
}

/// A time of day, from a cell.
pub(super) fn shown_time(cell: &str) -> Option<String> {
    Some(zoned(cell)?.strftime("%H:%M:%S%.9f").to_string())
}

/// Seconds with a fraction, and after a blank the minutes of the offset and a day's more.
fn zoned(cell: &str) -> Option<jiff::Zoned> {
    let (seconds, offset) = cell.split_once(' ').map_or((cell, None), |(seconds, offset)| (seconds, Some(offset)));
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let nanos = if whole.starts_with('-') { -nanos } else { nanos };
    let offset = match offset {
        Some(offset) => offset.parse::<i32>().ok()?.checked_sub(1440)?,
        None => 0,
    };
    let at = jiff::Timestamp::new(whole.parse().ok()?, nanos).ok()?;
    let zone = jiff::tz::Offset::from_seconds(offset.checked_mul(60)?).ok()?;
    Some(at.to_zoned(zone.to_time_zone()))
}
