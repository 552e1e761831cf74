//! When a task or an alert runs: every so often, or by a cron expression. Snowflake keeps the text as it was written and accepts several
//! spellings, so both sides are read and compared by value.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// When a task or an alert runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Schedule {
    /// Again and again.
    Every(Interval),
    /// At the times of a cron expression.
    Cron {
        /// Minute, hour, day of month, month, day of week.
        fields: String,
        /// The time zone, such as `Europe/Vienna`; its case matters.
        zone: String,
    },
    /// A live schedule of a form this program does not know; a spec never holds one.
    Unknown(String),
}

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Interval {
    seconds: u32,
}

/// A text that is no schedule or interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASchedule {
    /// Not an interval.
    #[error("`{0}` is not an interval: expected a form like `10 MINUTES`, `45 SECONDS` or `2 HOURS`")]
    Interval(String),
    /// Not a cron expression.
    #[error("`{0}` is not a cron schedule: expected `USING CRON`, five fields and a time zone")]
    Cron(String),
}

impl Interval {
    /// How long it is.
    pub fn seconds(self) -> u32 {
        self.seconds
    }
}

impl FromStr for Interval {
    type Err = NotASchedule;
    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let refuse = || NotASchedule::Interval(text.into());
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
        let (number, unit) = text.split_at(end);
        let factor = match unit.trim().to_ascii_uppercase().as_str() {
            "S" | "SECOND" | "SECONDS" => 1,
            "M" | "MINUTE" | "MINUTES" => 60,
            "H" | "HOUR" | "HOURS" => 3600,
            _ => return Err(refuse()),
        };
        let number: u32 = number.parse().map_err(|_| refuse())?;
        Ok(Self { seconds: number.checked_mul(factor).ok_or_else(refuse)? })
    }
}

/// As statements need it: whole minutes as minutes, which every release understands.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) =
            if self.seconds.is_multiple_of(60) { (self.seconds / 60, "MINUTE") } else { (self.seconds, "SECOND") };
        let plural = if number == 1 { "" } else { "S" };
        write!(f, "{number} {unit}{plural}")
    }
}

impl FromStr for Schedule {
    type Err = NotASchedule;
    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [using, cron, ref rest @ ..]
                if using.eq_ignore_ascii_case("USING") && cron.eq_ignore_ascii_case("CRON") =>
            {
                match rest {
                    [fields @ .., zone] if fields.len() == 5 => {
                        Ok(Self::Cron { fields: fields.join(" ").to_ascii_uppercase(), zone: (*zone).into() })
                    }
                    _ => Err(NotASchedule::Cron(text.into())),
                }
            }
            _ => Ok(Self::Every(text.parse()?)),
        }
    }
}

impl Schedule {
    /// The schedule of a live task or alert.
    pub(crate) fn live(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self::Unknown(text.into()))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "{interval}"),
            Self::Cron { fields, zone } => write!(f, "USING CRON {fields} {zone}"),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = NotASchedule;
    fn try_from(text: String) -> Result<Self, NotASchedule> {
        text.parse()
    }
}

impl TryFrom<String> for Interval {
    type Error = NotASchedule;
    fn try_from(text: String) -> Result<Self, NotASchedule> {
        text.parse()
    }
}

impl schemars::JsonSchema for Schedule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Schedule".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let about = "`10 MINUTES` (or SECONDS, HOURS), or `USING CRON 0 9 * * MON-FRI Europe/Vienna`";
        schemars::json_schema!({ "type": "string", "description": about })
    }
}

impl schemars::JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "`10 MINUTES`, `45 SECONDS` or `2 HOURS`" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_schedule_many_spellings() {
        let equal = [
            ["5 minutes", "5 M", "300 SECONDS"],
            ["1 hour", "60 MINUTE", "3600 s"],
            ["45 SECONDS", "45s", " 45  second "],
            ["USING CRON 0 9 * * mon UTC", "using cron  0 9  * * MON UTC", "USING CRON 0 9 * * Mon UTC"],
        ];
        for spellings in equal {
            let [first, ..] = spellings;
            for other in spellings {
                assert_eq!(first.parse::<Schedule>().unwrap(), other.parse().unwrap(), "{first} and {other}");
            }
        }
        let zones = ["USING CRON 0 9 * * * Europe/Vienna", "USING CRON 0 9 * * * Europe/vienna"];
        assert_ne!(zones[0].parse::<Schedule>().unwrap(), zones[1].parse().unwrap());
        assert_ne!("5 MINUTES".parse::<Schedule>().unwrap(), "5 SECONDS".parse().unwrap());
    }

    #[test]
    fn refuses() {
        for text in
            ["", "5", "MINUTES", "5 days", "-5 MINUTES", "5.5 MINUTES", "99999999 HOURS", "USING CRON * * * * *"]
        {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
        assert_eq!(Schedule::live("whenever"), Schedule::Unknown("whenever".into()));
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(seconds in 0u32..10_000_000) {
            let interval = Interval { seconds };
            prop_assert_eq!(interval.to_string().parse::<Interval>().unwrap(), interval);
        }
    }
}
