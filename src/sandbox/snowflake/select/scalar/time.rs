//! Functions of dates and times. They compute with wall clocks; the compiler takes times apart and puts them together again.

use jiff::civil::{Date, Time};
use rusqlite::types::Value;

use super::{Scalar, Want, a_number, a_text, given, strict, text_at, whole_at};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::select::convert::{Env, tz_parts};
use crate::sandbox::snowflake::select::moment::{self, civil, day_name, micros, month_name};
use crate::sandbox::snowflake::select::types::Type;

const M1: &[Want] = &[Want::Moment];
const PART: &[Want] = &[Want::Text, Want::Moment];

pub(super) static FUNCTIONS: &[Scalar] = &[
    // DATEADD: the part, how many, the time.
    strict("$DATEADD", &[Want::Text, Want::Whole, Want::Moment], 3, a_time, |_, a| {
        add(text_at(a, 0), whole_at(a, 1).unwrap_or(0), whole_at(a, 2).unwrap_or(0))
    }),
    strict("$DATEDIFF", &[Want::Text, Want::Moment, Want::Moment], 3, a_number, |_, a| {
        difference(text_at(a, 0), whole_at(a, 1).unwrap_or(0), whole_at(a, 2).unwrap_or(0)).map(Value::Integer)
    }),
    strict("$DATE_TRUNC", PART, 2, a_time, |_, a| {
        truncated(text_at(a, 0), whole_at(a, 1).unwrap_or(0)).map(Value::Integer)
    }),
    strict("$DATE_PART", PART, 2, a_number, |_, a| {
        part_of(text_at(a, 0), whole_at(a, 1).unwrap_or(0)).map(Value::Integer)
    }),
    // A wall clock with the offset of another time.
    strict(
        "$RETZ",
        &[Want::Whole, Want::Text],
        2,
        |_| Type::Tz(9),
        |_, a| {
            let (_, offset) = tz_parts(text_at(a, 1));
            given(format!("{} {}", whole_at(a, 0).unwrap_or(0) - offset * 60_000_000, offset + 1440))
        },
    ),
    // The instant of a TIMESTAMP_TZ, to compare by.
    strict("$INSTANT", &[Want::Text], 1, a_number, |_, a| Ok(Value::Integer(tz_parts(text_at(a, 0)).0))),
    // A wall clock, its offset and a format.
    strict("$FORMAT", &[Want::Whole, Want::Whole, Want::Text], 3, a_text, |_, a| {
        given(moment::format(text_at(a, 2), whole_at(a, 0).unwrap_or(0), whole_at(a, 1).unwrap_or(0)))
    }),
    strict("$OFFSET", &[Want::Text], 1, a_number, |_, a| Ok(Value::Integer(tz_parts(text_at(a, 0)).1))),
    // A text, a format, and whether what does not fit is NULL; gives a TIMESTAMP_TZ.
    strict(
        "$READ",
        &[Want::Text, Want::Text, Want::Boolean],
        3,
        |_| Type::Tz(9),
        |env, a| read(env, text_at(a, 0), text_at(a, 1), whole_at(a, 2) == Some(1)),
    ),
    strict(
        "LAST_DAY",
        &[Want::Moment, Want::Text],
        1,
        |_| Type::Ntz(9),
        |_, a| {
            let at = civil(whole_at(a, 0).unwrap_or(0)).date();
            let last = match part(if a.len() > 1 { text_at(a, 1) } else { "MONTH" })? {
                Part::Year => at.last_of_year(),
                Part::Month => at.last_of_month(),
                _ => return Err(unknown_part(text_at(a, 1))),
            };
            at_midnight(last)
        },
    ),
    strict("DAYNAME", M1, 1, a_text, |_, a| {
        given(day_name(civil(whole_at(a, 0).unwrap_or(0)).weekday().to_monday_one_offset()))
    }),
    strict("MONTHNAME", M1, 1, a_text, |_, a| {
        given(month_name(civil(whole_at(a, 0).unwrap_or(0)).month()).get(..3).unwrap_or_default())
    }),
    strict(
        "DATE_FROM_PARTS",
        &[Want::Whole, Want::Whole, Want::Whole],
        3,
        |_| Type::Date,
        |_, a| {
            let at = |n: usize| whole_at(a, n).unwrap_or(0);
            let first =
                i16::try_from(at(0)).ok().and_then(|year| Date::new(year, 1, 1).ok()).ok_or_else(out_of_range)?;
            let moved = add("MONTH", at(1) - 1, micros(first.to_datetime(Time::midnight())).unwrap_or(0))?;
            let Value::Integer(moved) = moved else { return Err(out_of_range()) };
            Ok(Value::Integer(moved.div_euclid(DAY) + at(2) - 1))
        },
    ),
    strict(
        "ADD_MONTHS",
        &[Want::Moment, Want::Whole],
        2,
        |_| Type::Ntz(9),
        |_, a| {
            let (at, months) = (whole_at(a, 0).unwrap_or(0), whole_at(a, 1).unwrap_or(0));
            let Value::Integer(moved) = add("MONTH", months, at)? else { return Err(out_of_range()) };
            // The last day of a month stays the last day.
            let (old, new) = (civil(at).date(), civil(moved).date());
            if old == old.last_of_month() { at_midnight(new.last_of_month()) } else { Ok(Value::Integer(moved)) }
        },
    ),
    strict(
        "MONTHS_BETWEEN",
        &[Want::Moment, Want::Moment],
        2,
        |_| Type::Real,
        |_, a| {
            let (one, two) = (civil(whole_at(a, 0).unwrap_or(0)).date(), civil(whole_at(a, 1).unwrap_or(0)).date());
            let months = f64::from(
                (i32::from(one.year()) - i32::from(two.year())) * 12 + i32::from(one.month()) - i32::from(two.month()),
            );
            let both_last = one == one.last_of_month() && two == two.last_of_month();
            let days = if both_last { 0.0 } else { f64::from(one.day() - two.day()) / 31.0 };
            Ok(Value::Real(months + days))
        },
    ),
    strict(
        "NEXT_DAY",
        &[Want::Moment, Want::Text],
        2,
        |_| Type::Ntz(9),
        |_, a| {
            let wanted = (1..=7).find(|day| {
                text_at(a, 1)
                    .get(..2)
                    .is_some_and(|head| day_name(*day).get(..2).is_some_and(|n| n.eq_ignore_ascii_case(head)))
            });
            let wanted = i64::from(wanted.ok_or_else(|| unknown_part(text_at(a, 1)))?);
            let at = whole_at(a, 0).unwrap_or(0).div_euclid(DAY);
            let today = i64::from(civil(at * DAY).weekday().to_monday_one_offset());
            Ok(Value::Integer((at + (wanted - today - 1).rem_euclid(7) + 1) * DAY))
        },
    ),
];

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

fn a_time(_: &[Type]) -> Type {
    Type::Ntz(9)
}

fn out_of_range() -> SqlError {
    fail::error("100200", "22008", "Date or time out of range")
}

fn at_midnight(date: Date) -> Fallible<Value> {
    micros(date.to_datetime(Time::midnight())).map(Value::Integer).ok_or_else(out_of_range)
}

/// A part of a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::snowflake::select) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    DayOfWeekIso,
    DayOfYear,
    YearOfWeek,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    EpochSecond,
    EpochMillisecond,
    EpochMicrosecond,
    EpochNanosecond,
}

/// Which part a word means.
pub(in crate::sandbox::snowflake::select) fn part(word: &str) -> Fallible<Part> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "year" | "y" | "yy" | "yyy" | "yyyy" | "yr" | "years" | "yrs" => Part::Year,
        "quarter" | "q" | "qtr" | "qtrs" | "quarters" => Part::Quarter,
        "month" | "mm" | "mon" | "mons" | "months" => Part::Month,
        "week" | "w" | "wk" | "weekofyear" | "woy" | "wy" | "weeks" | "weekiso" | "week_iso" | "weekofyeariso" => {
            Part::Week
        }
        "day" | "d" | "dd" | "days" | "dayofmonth" => Part::Day,
        "dayofweek" | "weekday" | "dow" | "dw" => Part::DayOfWeek,
        "dayofweekiso" | "dayofweek_iso" | "weekday_iso" | "dow_iso" | "dw_iso" => Part::DayOfWeekIso,
        "dayofyear" | "yearday" | "doy" | "dy" => Part::DayOfYear,
        "yearofweek" | "yearofweekiso" => Part::YearOfWeek,
        "hour" | "h" | "hh" | "hr" | "hours" | "hrs" => Part::Hour,
        "minute" | "m" | "mi" | "min" | "minutes" | "mins" => Part::Minute,
        "second" | "s" | "sec" | "seconds" | "secs" => Part::Second,
        "millisecond" | "ms" | "msec" | "milliseconds" => Part::Millisecond,
        "microsecond" | "us" | "usec" | "microseconds" => Part::Microsecond,
        "nanosecond" | "ns" | "nsec" | "nanosec" | "nsecond" | "nanoseconds" => Part::Nanosecond,
        "epoch_second" | "epoch" | "epoch_seconds" => Part::EpochSecond,
        "epoch_millisecond" | "epoch_milliseconds" => Part::EpochMillisecond,
        "epoch_microsecond" | "epoch_microseconds" => Part::EpochMicrosecond,
        "epoch_nanosecond" | "epoch_nanoseconds" => Part::EpochNanosecond,
        _ => return Err(unknown_part(word)),
    })
}

fn unknown_part(word: &str) -> SqlError {
    fail::error("001008", "22023", format!("SQL compilation error:\n'{word}' is not a valid date/time component."))
}

/// The length of a part that always has the same length.
fn length(part: Part) -> Option<i64> {
    Some(match part {
        Part::Week => 7 * DAY,
        Part::Day | Part::DayOfYear | Part::DayOfWeek => DAY,
        Part::Hour => 3600 * SECOND,
        Part::Minute => 60 * SECOND,
        Part::Second => SECOND,
        Part::Millisecond => 1000,
        Part::Microsecond => 1,
        _ => return None,
    })
}

fn months(part: Part) -> Option<i64> {
    Some(match part {
        Part::Year => 12,
        Part::Quarter => 3,
        Part::Month => 1,
        _ => return None,
    })
}

fn add(word: &str, many: i64, at: i64) -> Fallible<Value> {
    let found = part(word)?;
    if let Some(length) = length(found) {
        return length.checked_mul(many).and_then(|by| at.checked_add(by)).map(Value::Integer).ok_or_else(out_of_range);
    }
    if found == Part::Nanosecond {
        return Ok(Value::Integer(at + many.div_euclid(1000)));
    }
    let Some(by) = months(found).and_then(|months| months.checked_mul(many)) else { return Err(unknown_part(word)) };
    let span = jiff::Span::new().try_months(by).map_err(|_| out_of_range())?;
    let moved = civil(at).checked_add(span).map_err(|_| out_of_range())?;
    micros(moved).map(Value::Integer).ok_or_else(out_of_range)
}

/// How many borders of the part lie between.
fn difference(word: &str, from: i64, to: i64) -> Fallible<i64> {
    let found = part(word)?;
    if found == Part::Nanosecond {
        return (to - from).checked_mul(1000).ok_or_else(out_of_range);
    }
    if found == Part::Week {
        // 1970-01-01 was a Thursday; weeks begin on Mondays.
        let week = |at: i64| (at.div_euclid(DAY) + 3).div_euclid(7);
        return Ok(week(to) - week(from));
    }
    if let Some(length) = length(found) {
        return Ok(to.div_euclid(length) - from.div_euclid(length));
    }
    let Some(size) = months(found) else { return Err(unknown_part(word)) };
    let index = |at: i64| {
        let at = civil(at);
        (i64::from(at.year()) * 12 + i64::from(at.month()) - 1).div_euclid(size)
    };
    Ok(index(to) - index(from))
}

fn truncated(word: &str, at: i64) -> Fallible<i64> {
    let found = part(word)?;
    if found == Part::Week {
        let days = at.div_euclid(DAY);
        return Ok((days - (days + 3).rem_euclid(7)) * DAY);
    }
    if let Some(length) = length(found) {
        return Ok(at - at.rem_euclid(length));
    }
    if found == Part::Nanosecond {
        return Ok(at);
    }
    let Some(size) = months(found).and_then(|size| i8::try_from(size).ok()) else { return Err(unknown_part(word)) };
    let date = civil(at).date();
    let month = (date.month() - 1) / size * size + 1;
    let first = Date::new(date.year(), month, 1).map_err(|_| out_of_range())?;
    micros(first.to_datetime(Time::midnight())).ok_or_else(out_of_range)
}

fn part_of(word: &str, at: i64) -> Fallible<i64> {
    let clock = civil(at);
    let iso = clock.date().iso_week_date();
    Ok(match part(word)? {
        Part::Year => clock.year().into(),
        Part::Quarter => i64::from((clock.month() - 1) / 3 + 1),
        Part::Month => clock.month().into(),
        Part::Week => iso.week().into(),
        Part::YearOfWeek => iso.year().into(),
        Part::Day => clock.day().into(),
        Part::DayOfWeek => clock.weekday().to_sunday_zero_offset().into(),
        Part::DayOfWeekIso => clock.weekday().to_monday_one_offset().into(),
        Part::DayOfYear => clock.day_of_year().into(),
        Part::Hour => clock.hour().into(),
        Part::Minute => clock.minute().into(),
        Part::Second => clock.second().into(),
        Part::Millisecond => at.rem_euclid(SECOND) / 1000,
        Part::Microsecond => at.rem_euclid(SECOND),
        Part::Nanosecond => at.rem_euclid(SECOND) * 1000,
        Part::EpochSecond => at.div_euclid(SECOND),
        Part::EpochMillisecond => at.div_euclid(1000),
        Part::EpochMicrosecond => at,
        Part::EpochNanosecond => at.checked_mul(1000).ok_or_else(out_of_range)?,
    })
}

fn read(env: &Env, text: &str, format: &str, quietly: bool) -> Fallible<Value> {
    match moment::read_as(format, text, env) {
        Some(found) => Ok(Value::Text(format!("{} {}", found.instant, found.offset + 1440))),
        None if quietly => Ok(Value::Null),
        None => {
            let text = format!("Can't parse '{text}' as timestamp with format '{format}'");
            Err(fail::error("100096", "22007", text))
        }
    }
}
