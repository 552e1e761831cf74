//! Moments as resource monitors have them: minutes, in UTC.

use std::borrow::Cow;
use std::fmt::{self, Display};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

/// A moment, `2030-01-31 08:00`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Moment {
    /// A minute in UTC.
    At(DateTime),
    /// What Snowflake shows and nobody can read.
    Unread(String),
}

impl Moment {
    /// A moment as `SHOW` has it: seconds since the epoch, or a text with or without its offset.
    pub(super) fn read(text: &str) -> Self {
        let seconds = text.parse::<f64>().ok().and_then(|seconds| Timestamp::from_millisecond(millis(seconds)?).ok());
        let in_utc = |time: Timestamp| time.to_zoned(TimeZone::UTC).datetime();
        let with_offset = || {
            ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M %z"]
                .iter()
                .find_map(|format| Timestamp::strptime(format, text).ok())
        };
        let plain = || {
            ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
                .iter()
                .find_map(|format| DateTime::strptime(format, text).ok())
                .or_else(|| Date::strptime("%Y-%m-%d", text).ok().map(|date| date.at(0, 0, 0, 0)))
        };
        let read = seconds.map(in_utc).or_else(|| with_offset().map(in_utc)).or_else(plain);
        match read.and_then(|time| time.with().second(0).subsec_nanosecond(0).build().ok()) {
            Some(minute) => Self::At(minute),
            None => Self::Unread(text.to_owned()),
        }
    }

    /// Whether this is the beginning of the day of another moment.
    pub(super) fn dates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::At(this), Self::At(other)) => *this == other.date().at(0, 0, 0, 0),
            _ => false,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "within the bounds of the check")]
fn millis(seconds: f64) -> Option<i64> {
    // Below this it is a year, above no date at all.
    (10_000.0..1e11).contains(&seconds).then(|| (seconds * 1000.0).round() as i64)
}

impl TryFrom<String> for Moment {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let minute = DateTime::strptime("%Y-%m-%d %H:%M", &text).ok();
        let day = || Date::strptime("%Y-%m-%d", &text).ok().map(|date| date.at(0, 0, 0, 0));
        minute
            .or_else(day)
            .map(Self::At)
            .ok_or_else(|| format!("`{text}` is no moment such as `2030-01-31` or `2030-01-31 08:00`, in UTC"))
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M")),
            Self::Unread(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_in_every_form() {
        let wanted = Moment::try_from("2030-01-31 08:00".to_owned()).unwrap();
        for text in [
            "1896076800.000000000",
            "2030-01-31 08:00",
            "2030-01-31 08:00:00.000",
            "2030-01-31 00:00:00.000 -0800",
            "2030-01-31 10:00:30 +0200",
        ] {
            assert_eq!(Moment::read(text), wanted, "{text}");
        }
        assert_eq!(Moment::read("soon"), Moment::Unread("soon".into()));
        assert_eq!(Moment::try_from("2030-01-31".to_owned()).unwrap().to_string(), "2030-01-31 00:00");
        assert!(Moment::read("2030-01-31").dates(&wanted) && !wanted.dates(&wanted));
        for wrong in ["soon", "2030-13-01", "2030-01-31 08:00:00", ""] {
            assert!(Moment::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
