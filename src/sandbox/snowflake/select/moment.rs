//! Dates and times as texts, in Snowflake's formats.

use jiff::civil::{Date, DateTime, Time};

use super::convert::{Env, offset_at, to_instant};

/// A point in time that was read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The wall clock that was written, in microseconds.
    pub(super) local: i64,
    /// The instant that this is: by the offset that was written, else by the session's zone.
    pub(super) instant: i64,
    /// Minutes from UTC.
    pub(super) offset: i64,
}

const DAY: i64 = 86_400_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Microseconds of a wall clock.
pub(super) fn micros(at: DateTime) -> Option<i64> {
    let days = i64::from(EPOCH.until(at.date()).ok()?.get_days());
    let time = at.time();
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    Some(days * DAY + seconds * 1_000_000 + i64::from(time.subsec_nanosecond() / 1000))
}

/// The wall clock of microseconds.
pub(super) fn civil(micros: i64) -> DateTime {
    let days = jiff::Span::new().try_days(micros.div_euclid(DAY)).unwrap_or_default();
    let date = EPOCH.checked_add(days).unwrap_or(EPOCH);
    let time = jiff::SignedDuration::from_micros(micros.rem_euclid(DAY));
    date.to_datetime(Time::midnight().checked_add(time).unwrap_or_default())
}

/// Reads what AUTO detection takes: ISO 8601 dates, with a time and an offset perhaps.
pub(super) fn read(text: &str, env: &Env) -> Option<Moment> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(text.find(['T', ' ']).unwrap_or(text.len()))?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    let rest = rest.get(1..).unwrap_or_default().trim();
    let (time, zone) = rest.split_at_checked(rest.find(['Z', '+', '-', ' ']).unwrap_or(rest.len()))?;
    let time = if time.is_empty() { 0 } else { read_time(time)? };
    let local = micros(date.to_datetime(Time::midnight()))?.checked_add(time)?;
    let zone = zone.trim();
    if zone.is_empty() {
        let instant = to_instant(env, local);
        return Some(Moment { local, instant, offset: offset_at(env, instant) });
    }
    let offset = read_offset(zone)?;
    Some(Moment { local, instant: local - offset * 60_000_000, offset })
}

/// `Z`, `+01:00`, `-0800`, `+1`.
fn read_offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && (0..60).contains(&minutes) && hours >= 0).then_some(sign * (hours * 60 + minutes))
}

/// `HH:MI[:SS[.fraction]]` as microseconds.
pub(super) fn read_time(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let (hour, minute): (i8, i8) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (second, fraction) = parts.next().map_or(("0", ""), |s| s.split_once('.').unwrap_or((s, "")));
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    let fraction: i32 = fraction.chars().chain("000000000".chars()).take(9).collect::<String>().parse().ok()?;
    let time = Time::new(hour, minute, second.parse().ok()?, fraction).ok()?;
    micros(EPOCH.to_datetime(time))
}

/// The parts of a format, the longest first.
const PARTS: [&str; 24] = [
    "YYYY", "MMMM", "HH24", "HH12", "FF0", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FF7", "FF8", "FF9", "TZH", "TZM",
    "MON", "YY", "MM", "DD", "DY", "MI", "SS", "FF",
];

/// Cuts the next part off a format: a part, or one character that stands for itself.
fn next_part(format: &str) -> Option<(&str, &str, bool)> {
    if let Some(quoted) = format.strip_prefix('"')
        && let Some((inner, rest)) = quoted.split_once('"')
    {
        return Some((inner, rest, false));
    }
    let upper = |part: &str| format.get(..part.len()).is_some_and(|head| head.eq_ignore_ascii_case(part));
    for part in PARTS.iter().chain(["AM", "PM"].iter()) {
        if upper(part) {
            return Some((part, format.get(part.len()..)?, true));
        }
    }
    let first = format.chars().next()?;
    format.split_at_checked(first.len_utf8()).map(|(one, rest)| (one, rest, false))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The English name of a month, from 1.
pub(super) fn month_name(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
}

/// The English name of a day of the week, Monday first, from 1.
pub(super) fn day_name(day: i8) -> &'static str {
    usize::try_from(day - 1).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or_default()
}

/// A wall clock in a format.
pub(super) fn format(format: &str, local: i64, offset: i64) -> String {
    let at = civil(local);
    let mut text = String::new();
    let mut rest = format;
    while let Some((part, after, known)) = next_part(rest) {
        rest = after;
        if !known {
            text.push_str(part);
            continue;
        }
        let hour12 = if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 };
        text.push_str(&match part {
            "YYYY" => format!("{:04}", at.year()),
            "YY" => format!("{:02}", at.year().rem_euclid(100)),
            "MMMM" => month_name(at.month()).to_owned(),
            "MON" => month_name(at.month()).get(..3).unwrap_or_default().to_owned(),
            "MM" => format!("{:02}", at.month()),
            "DD" => format!("{:02}", at.day()),
            "DY" => day_name(at.weekday().to_monday_one_offset()).to_owned(),
            "HH24" => format!("{:02}", at.hour()),
            "HH12" => format!("{hour12:02}"),
            "MI" => format!("{:02}", at.minute()),
            "SS" => format!("{:02}", at.second()),
            "AM" | "PM" => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "TZH" => format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60),
            "TZM" => format!("{:02}", offset.abs() % 60),
            "FF" => format!("{:09}", at.subsec_nanosecond()),
            fraction => {
                let digits = fraction.get(2..).and_then(|d| d.parse::<usize>().ok()).unwrap_or(9);
                format!("{:09}", at.subsec_nanosecond()).get(..digits).unwrap_or_default().to_owned()
            }
        });
    }
    text
}

/// Reads a text in a format.
pub(super) fn read_as(format: &str, text: &str, env: &Env) -> Option<Moment> {
    if format.eq_ignore_ascii_case("AUTO") {
        return read(text, env);
    }
    let (mut year, mut month, mut day) = (1970_i16, 1_i8, 1_i8);
    let (mut hour, mut minute, mut second, mut nanos) = (0_i8, 0_i8, 0_i8, 0_i32);
    let (mut afternoon, mut offset_hours, mut offset_minutes) = (None, None::<i64>, 0_i64);
    let (mut rest, mut format) = (text.trim(), format);
    while let Some((part, after, known)) = next_part(format) {
        format = after;
        if !known {
            rest = rest.strip_prefix(part)?;
            continue;
        }
        let digits = |most: usize| {
            let end = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            rest.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
        };
        let after = match part {
            "YYYY" => {
                let (found, after) = digits(4)?;
                year = found.parse().ok()?;
                after
            }
            "YY" => {
                let (found, after) = digits(2)?;
                let short: i16 = found.parse().ok()?;
                year = if short < 70 { 2000 + short } else { 1900 + short };
                after
            }
            "MMMM" | "MON" => {
                let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                let (found, after) = rest.split_at_checked(letters)?;
                let index = MONTHS.iter().position(|name| {
                    name.eq_ignore_ascii_case(found) || name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(found))
                })?;
                month = i8::try_from(index + 1).ok()?;
                after
            }
            "DY" => rest.get(3..)?,
            "AM" | "PM" => {
                let (found, after) = rest.split_at_checked(2)?;
                afternoon = Some(found.eq_ignore_ascii_case("PM"));
                after
            }
            "TZH" => {
                let (sign, digits) = rest.split_at_checked(1)?;
                let (found, after) = digits.split_at_checked(2)?;
                let hours: i64 = found.parse().ok()?;
                offset_hours = Some(if sign == "-" { -hours } else { hours });
                after.strip_prefix(':').unwrap_or(after)
            }
            "MM" | "DD" | "HH24" | "HH12" | "MI" | "SS" | "TZM" => {
                let (found, after) = digits(2)?;
                let value: i8 = found.parse().ok()?;
                match part {
                    "MM" => month = value,
                    "DD" => day = value,
                    "MI" => minute = value,
                    "SS" => second = value,
                    "TZM" => offset_minutes = i64::from(value),
                    _ => hour = value,
                }
                after
            }
            _ => {
                let (found, after) = digits(9)?;
                nanos = found.chars().chain("000000000".chars()).take(9).collect::<String>().parse().ok()?;
                after
            }
        };
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let time = Time::new(hour, minute, second, nanos).ok()?;
    let local = micros(Date::new(year, month, day).ok()?.to_datetime(time))?;
    let Some(hours) = offset_hours else {
        let instant = to_instant(env, local);
        return Some(Moment { local, instant, offset: offset_at(env, instant) });
    };
    let offset = hours * 60 + if hours < 0 { -offset_minutes } else { offset_minutes };
    Some(Moment { local, instant: local - offset * 60_000_000, offset })
}
