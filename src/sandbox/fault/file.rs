//! Plans in files: TOML with a `seed` and a list of `[[fault]]`. Every key is known or refused, and every mistake has its place.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::rule::Rate;
use super::{Kind, Pattern, Plan, Problem, Problems, Rule, Span};
use crate::sandbox::calls::Cloud;

/// Keys that say where.
const PLACES: [&str; 9] = ["cloud", "who", "service", "operation", "resource", "mutating", "sql", "method", "path"];
/// Keys that say when.
const TIMES: [&str; 8] = ["call", "every", "times", "probability", "rate", "burst", "after", "for"];

/// What each kind takes besides: the first list must be there.
const KINDS: [(&str, &[&str], &[&str]); 20] = [
    ("refuse", &[], &["status", "code", "message"]),
    ("throttle", &[], &["retry_after"]),
    ("error500", &[], &["effect"]),
    ("error503", &[], &["effect"]),
    ("unreachable", &[], &[]),
    ("reset", &[], &[]),
    ("drop_answer", &[], &[]),
    ("cut_body", &[], &[]),
    ("half_answer", &[], &[]),
    ("delay", &["by"], &[]),
    ("stale_reads", &["lag"], &[]),
    ("iam_not_propagated", &["lag"], &[]),
    ("hidden", &[], &[]),
    ("show_cap", &[], &["rows"]),
    ("show_short", &[], &["rows"]),
    ("missing_row", &[], &["rows"]),
    ("session_expired", &[], &[]),
    ("session_gone", &[], &["code"]),
    ("in_progress", &[], &["polls"]),
    ("chunked", &[], &["inline", "rows", "key_only"]),
];

/// The names of all kinds of faults.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _, _)| *name)
}

/// Reads a plan. `path` is for messages only.
///
/// # Errors
/// All that is wrong with it.
pub fn read(path: &str, text: &str) -> Result<Plan, Problems> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut list: Vec<Problem> = errors
        .iter()
        .take(1)
        .map(|error| Problem::new(error.span().unwrap_or_default(), format!("this is not TOML: {}", error.message())))
        .collect();
    let mut plan = Plan::default();
    if list.is_empty() {
        plan = Reader { problems: &mut list }.plan(table.get_ref());
    }
    list.sort_by_key(|problem| (problem.span.start, problem.span.end));
    if list.is_empty() { Ok(plan) } else { Err(Problems { path: path.to_owned(), text: text.to_owned(), list }) }
}

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'p> {
    problems: &'p mut Vec<Problem>,
}

/// One `[[fault]]` while it is read.
struct Fields<'a, 't> {
    table: &'a DeTable<'t>,
    span: Range<usize>,
}

impl<'t> Fields<'_, 't> {
    fn get(&self, key: &str) -> Option<&Value<'t>> {
        self.table.get(key)
    }

    fn key_span(&self, key: &str) -> Range<usize> {
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key);
        found.map_or_else(|| self.span.clone(), |(name, _)| name.span())
    }
}

impl Reader<'_> {
    fn plan(&mut self, table: &DeTable<'_>) -> Plan {
        let mut plan = Plan::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("seed", _) => {
                    plan.seed = self.number(value, 0..=i64::MAX).unwrap_or_default().unsigned_abs();
                }
                ("fault", DeValue::Array(items)) => {
                    let rules: Vec<Rule> = items.iter().filter_map(|item| self.rule(item)).collect();
                    plan.rules.extend(rules);
                }
                ("fault", _) => {
                    let problem = Problem::new(value.span(), "`fault` must be a list of tables");
                    self.problems.push(problem.help("begin each fault with `[[fault]]`"));
                }
                _ => self.unknown(key, &["seed", "fault"], "a plan of faults"),
            }
        }
        plan
    }

    fn rule(&mut self, item: &Value<'_>) -> Option<Rule> {
        let DeValue::Table(table) = item.get_ref() else {
            self.problems.push(Problem::new(item.span(), "a fault must be a table"));
            return None;
        };
        // The place of a table in a list is its header; that of one without a header is all of it.
        let fields = Fields { table, span: item.span() };
        let before = self.problems.len();
        let Some(kind) = fields.get("kind") else {
            let problem = Problem::new(fields.span, "this fault does not say what happens");
            self.problems.push(problem.help("give its `kind`, such as `kind = \"throttle\"`"));
            return None;
        };
        let word = self.text(kind)?;
        let Some((_, needs, takes)) = KINDS.iter().find(|(name, _, _)| *name == word) else {
            let names = KINDS.map(|(name, _, _)| name);
            self.problems.push(nearest(kind.span(), "kind of fault", &word, &names));
            return None;
        };
        let known: Vec<&str> =
            ["kind", "name"].iter().chain(&PLACES).chain(&TIMES).chain(*needs).chain(*takes).copied().collect();
        for (key, _) in table {
            if !known.contains(&key.get_ref().as_ref()) {
                self.unknown(key, &known, &format!("a fault of the kind `{word}`"));
            }
        }
        for key in *needs {
            if fields.get(key).is_none() {
                let problem = Problem::new(kind.span(), format!("`{word}` needs `{key}`"));
                self.problems.push(problem.help(format!("add it, such as `{key} = \"5s\"`")));
            }
        }
        let mut rule = Rule::new(self.kind(&word, &fields)?);
        rule.name = fields.get("name").and_then(|value| self.text(value));
        self.place(&mut rule, &fields);
        self.when(&mut rule, &fields);
        (self.problems.len() == before).then_some(rule)
    }

    fn kind(&mut self, word: &str, fields: &Fields<'_, '_>) -> Option<Kind> {
        let count = |reader: &mut Self, key: &str, usual: usize| {
            let given = fields.get(key).and_then(|value| reader.number(value, 1..=1_000_000));
            given.and_then(|number| usize::try_from(number).ok()).unwrap_or(usual)
        };
        let text = |reader: &mut Self, key: &str| fields.get(key).and_then(|value| reader.text(value));
        let flag = |reader: &mut Self, key: &str| fields.get(key).and_then(|value| reader.flag(value)).unwrap_or(false);
        let span = |reader: &mut Self, key: &str| fields.get(key).and_then(|value| reader.span(value));
        Some(match word {
            "refuse" => {
                let status = fields.get("status").and_then(|value| self.number(value, 200..=599));
                let (code, message) = (text(self, "code"), text(self, "message"));
                if status.is_none() && code.is_none() {
                    let problem = Problem::new(fields.key_span("kind"), "`refuse` needs a `status` or a `code`");
                    self.problems.push(problem.help("add `code = \"AccessDenied\"`, or `status = 403`"));
                }
                Kind::Refuse {
                    status: status.and_then(|status| u16::try_from(status).ok()),
                    code: code.unwrap_or_default(),
                    message: message.unwrap_or_else(|| "Injected by the plan of faults.".to_owned()),
                }
            }
            "throttle" => {
                let wait = fields.get("retry_after").and_then(|value| self.number(value, 0..=3600));
                Kind::Throttle { retry_after: wait.and_then(|wait| u64::try_from(wait).ok()) }
            }
            "error500" => Kind::Failure { status: 500, effect: flag(self, "effect") },
            "error503" => Kind::Failure { status: 503, effect: flag(self, "effect") },
            "unreachable" => Kind::Unreachable,
            "reset" => Kind::Reset,
            "drop_answer" => Kind::DropAnswer,
            "cut_body" => Kind::CutBody,
            "half_answer" => Kind::HalfAnswer,
            "delay" => Kind::Delay(span(self, "by")?),
            "stale_reads" => Kind::StaleReads(span(self, "lag")?),
            "iam_not_propagated" => Kind::IamNotPropagated(span(self, "lag")?),
            "hidden" => Kind::Hidden,
            "show_cap" => Kind::ShowCap { rows: count(self, "rows", 10_000) },
            "show_short" => Kind::Missing { rows: count(self, "rows", 1), show: true },
            "missing_row" => Kind::Missing { rows: count(self, "rows", 1), show: false },
            "session_expired" => Kind::SessionExpired,
            "session_gone" => match text(self, "code").as_deref() {
                None | Some("390111") => Kind::SessionGone { master_expired: false },
                Some("390114") => Kind::SessionGone { master_expired: true },
                Some(_) => {
                    let at = fields.get("code").map_or_else(|| fields.span.clone(), Spanned::span);
                    let problem = Problem::new(at, "a session is gone with 390111 or with 390114");
                    self.problems.push(problem.help("use `kind = \"refuse\"` for any other code"));
                    return None;
                }
            },
            "in_progress" => Kind::InProgress { polls: count(self, "polls", 1) },
            _ => Kind::Chunked {
                inline: fields
                    .get("inline")
                    .and_then(|value| self.number(value, 0..=1_000_000))
                    .and_then(|number| usize::try_from(number).ok())
                    .unwrap_or(0),
                rows: count(self, "rows", 100),
                key_only: flag(self, "key_only"),
            },
        })
    }

    fn place(&mut self, rule: &mut Rule, fields: &Fields<'_, '_>) {
        if let Some(value) = fields.get("cloud") {
            let cloud = match self.text(value).as_deref() {
                Some("aws") => Some(Cloud::Aws),
                Some("snowflake") => Some(Cloud::Snowflake),
                Some(other) => {
                    self.problems.push(nearest(value.span(), "cloud", other, &["aws", "snowflake"]));
                    None
                }
                None => None,
            };
            if let (Some(cloud), Some(only)) = (cloud, rule.kind.cloud())
                && cloud != only
            {
                let title = if only == Cloud::Aws { "AWS" } else { "Snowflake" };
                let summary = format!("`{}` happens in {title} only", rule.kind.name());
                self.problems.push(Problem::new(value.span(), summary));
            }
            rule.place.cloud = cloud;
        }
        rule.place.mutating = fields.get("mutating").and_then(|value| self.flag(value));
        rule.place.method = fields.get("method").and_then(|value| self.text(value));
        let mut pattern = |key: &str| {
            let value = fields.get(key)?;
            let text = self.text(value)?;
            match Pattern::new(&text) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    let help = "`*` stands for anything, `?` for one character, `/…/` is a regular expression";
                    self.problems.push(Problem::new(value.span(), error.to_string()).help(help));
                    None
                }
            }
        };
        rule.place.who = pattern("who");
        rule.place.service = pattern("service");
        rule.place.operation = pattern("operation");
        rule.place.resource = pattern("resource");
        rule.place.sql = pattern("sql");
        rule.place.path = pattern("path");
        if let (Some(value), Some(Cloud::Aws)) = (fields.get("sql"), rule.place.cloud.or(rule.kind.cloud())) {
            self.problems
                .push(Problem::new(value.span(), "AWS has no statements").help("use `operation` or `resource`"));
        }
    }

    fn when(&mut self, rule: &mut Rule, fields: &Fields<'_, '_>) {
        let mut count = |key: &str| {
            let number = self.number(fields.get(key)?, 1..=i64::MAX)?;
            u64::try_from(number).ok()
        };
        (rule.when.call, rule.when.every, rule.when.times) = (count("call"), count("every"), count("times"));
        if let Some(value) = fields.get("probability") {
            rule.when.probability = self.real(value).filter(|chance| {
                let fits = (0.0..=1.0).contains(chance);
                if !fits {
                    self.problems.push(Problem::new(value.span(), "a probability is a number from 0 to 1"));
                }
                fits
            });
        }
        let length = |reader: &mut Self, key: &str| {
            let value = fields.get(key)?;
            reader.text(value).and_then(|text| reader.duration(value.span(), &text))
        };
        rule.when.after = length(self, "after");
        rule.when.lasting = length(self, "for");
        let rate = fields.get("rate").and_then(|value| self.rate(value));
        let burst = fields.get("burst").and_then(|value| self.number(value, 1..=1_000_000));
        match (rate, fields.get("burst")) {
            (Some(per_second), _) => {
                let burst = burst.and_then(|burst| u32::try_from(burst).ok()).map(f64::from);
                rule.when.rate = Some(Rate { per_second, burst: burst.unwrap_or(per_second).max(1.0) });
            }
            (None, Some(value)) if fields.get("rate").is_none() => {
                self.problems.push(Problem::new(value.span(), "`burst` needs a `rate`"));
            }
            _ => {}
        }
    }

    /// `15/s` or `90/m`, in calls per second.
    fn rate(&mut self, value: &Value<'_>) -> Option<f64> {
        let text = self.text(value)?;
        let rate = text.split_once('/').and_then(|(number, unit)| {
            let seconds = match unit.trim() {
                "s" => 1.0,
                "m" => 60.0,
                _ => return None,
            };
            let number: f64 = number.trim().parse().ok()?;
            (number.is_finite() && number > 0.0).then_some(number / seconds)
        });
        if rate.is_none() {
            let problem = Problem::new(value.span(), format!("`{text}` is not a rate"));
            self.problems.push(problem.help("write it like `15/s` or `90/m`"));
        }
        rate
    }

    /// One length of time, or the least and the most of a range.
    fn span(&mut self, value: &Value<'_>) -> Option<Span> {
        let DeValue::Array(ends) = value.get_ref() else {
            let text = self.text(value)?;
            return self.duration(value.span(), &text).map(Span::from);
        };
        let ends: Vec<&Value<'_>> = ends.iter().collect();
        let [least, most] = ends.as_slice() else {
            let problem = Problem::new(value.span(), "a range of times has two ends");
            self.problems.push(problem.help("write it like [\"1s\", \"5s\"]"));
            return None;
        };
        let (low, high) = (self.text(least)?, self.text(most)?);
        let (low, high) = (self.duration(least.span(), &low)?, self.duration(most.span(), &high)?);
        if low > high {
            self.problems.push(Problem::new(value.span(), "this range ends before it begins"));
            return None;
        }
        Some(Span::between(low, high))
    }

    fn duration(&mut self, span: Range<usize>, text: &str) -> Option<Duration> {
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "ms" => Some(0.001),
            "s" => Some(1.0),
            "m" => Some(60.0),
            "h" => Some(3600.0),
            _ => None,
        };
        let length = number.parse::<f64>().ok().zip(unit).and_then(|(number, unit)| {
            // A year is longer than any test waits for.
            Some(number * unit).filter(|seconds| *seconds <= 31_536_000.0).map(Duration::from_secs_f64)
        });
        if length.is_none() {
            let problem = Problem::new(span, format!("`{text}` is not a length of time"));
            self.problems.push(problem.help("write it like \"200ms\", \"1.5s\", \"2m\" or \"1h\""));
        }
        length
    }

    fn text(&mut self, value: &Value<'_>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => self.wrong(value, "a text in quotes"),
        }
    }

    fn flag(&mut self, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong(value, "`true` or `false`"),
        }
    }

    fn number(&mut self, value: &Value<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let DeValue::Integer(number) = value.get_ref() else { return self.wrong(value, "a whole number") };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ if *range.end() == i64::MAX => self.wrong(value, &format!("a whole number from {}", range.start())),
            _ => self.wrong(value, &format!("a whole number from {} to {}", range.start(), range.end())),
        }
    }

    fn real(&mut self, value: &Value<'_>) -> Option<f64> {
        let text = match value.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            _ => return self.wrong(value, "a number"),
        };
        text.parse().ok().or_else(|| self.wrong(value, "a number"))
    }

    fn wrong<T>(&mut self, value: &Value<'_>, wanted: &str) -> Option<T> {
        self.problems.push(Problem::new(value.span(), format!("this must be {wanted}")));
        None
    }

    fn unknown(&mut self, key: &Spanned<Cow<'_, str>>, known: &[&str], whose: &str) {
        let mut problem = nearest(key.span(), "key", key.get_ref(), known);
        problem.summary = format!("`{}` is not a key of {whose}", key.get_ref());
        self.problems.push(problem);
    }
}

/// A word that is not among those known, and the one that was probably meant.
fn nearest(span: Range<usize>, what: &str, word: &str, known: &[&str]) -> Problem {
    let closest = known.iter().map(|name| (strsim::jaro_winkler(word, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    let help = match closest {
        Some((likeness, name)) if likeness > 0.8 => format!("did you mean `{name}`?"),
        _ => format!("there are: {}", known.join(", ")),
    };
    Problem::new(span, format!("there is no {what} `{word}`")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rules() {
        let plan = read(
            "f.toml",
            "seed = 7\n[[fault]]\nkind = \"throttle\"\nservice = \"iam\"\nrate = \"15/s\"\nburst = 30\n\
             [[fault]]\nname = \"slow\"\nkind = \"delay\"\nby = [\"200ms\", \"1.5s\"]\nevery = 3\nafter = \"1m\"\nfor = \"1h\"\n",
        )
        .unwrap();
        assert_eq!(plan.seed, 7);
        let [throttle, slow] = plan.rules() else { panic!("{plan:?}") };
        assert_eq!(throttle.kind, Kind::Throttle { retry_after: None });
        assert_eq!(throttle.when.rate, Some(Rate { per_second: 15.0, burst: 30.0 }));
        assert_eq!(slow.kind, Kind::Delay(Span::between(Duration::from_millis(200), Duration::from_millis(1500))));
        assert_eq!((slow.name(), slow.when.every, slow.when.after), ("slow", Some(3), Some(Duration::from_mins(1))));
    }

    #[test]
    fn every_kind_can_be_written_and_keeps_its_name() {
        for (name, needs, _) in KINDS {
            let needs: Vec<String> = needs.iter().map(|key| format!("{key} = \"1s\"\n")).collect();
            let needs = needs.concat();
            let code = if name == "refuse" { "code = \"X\"\n" } else { "" };
            let plan = read("f.toml", &format!("[[fault]]\nkind = \"{name}\"\n{needs}{code}")).unwrap();
            assert_eq!(plan.rules()[0].name(), name);
        }
    }

    #[test]
    fn mistakes_have_a_place_and_a_hint() {
        for (text, marked, summary, help) in [
            (
                "[[fault]]\nkind = \"trottle\"",
                "\"trottle\"",
                "there is no kind of fault `trottle`",
                "did you mean `throttle`?",
            ),
            (
                "[[fault]]\nkind = \"reset\"\nservise = \"iam\"",
                "servise",
                "not a key of a fault of the kind `reset`",
                "`service`",
            ),
            ("[[fault]]\nkind = \"reset\"\nlag = \"5s\"", "lag", "not a key", "there are: kind"),
            ("[[fault]]\nkind = \"delay\"", "\"delay\"", "needs `by`", "by ="),
            ("[[fault]]\nkind = \"delay\"\nby = \"5\"", "\"5\"", "not a length of time", "200ms"),
            ("[[fault]]\nkind = \"delay\"\nby = \"1000000h\"", "\"1000000h\"", "not a length of time", "200ms"),
            ("[[fault]]\nkind = \"delay\"\nby = [\"5s\", \"1s\"]", "[\"5s\", \"1s\"]", "ends before it begins", ""),
            ("[[fault]]\nkind = \"throttle\"\nrate = \"15\"", "\"15\"", "not a rate", "15/s"),
            ("[[fault]]\nkind = \"throttle\"\nburst = 3", "3", "needs a `rate`", ""),
            ("[[fault]]\nkind = \"refuse\"", "kind", "needs a `status` or a `code`", "code ="),
            ("[[fault]]\nkind = \"reset\"\ncall = 0", "0", "whole number from 1", ""),
            ("[[fault]]\nkind = \"reset\"\nprobability = 1.5", "1.5", "from 0 to 1", ""),
            ("[[fault]]\nkind = \"reset\"\noperation = \"/(/\"", "\"/(/\"", "not a pattern", "regular expression"),
            ("[[fault]]\nkind = \"reset\"\ncloud = \"azure\"", "\"azure\"", "no cloud `azure`", "aws, snowflake"),
            ("[[fault]]\nkind = \"show_cap\"\ncloud = \"aws\"", "\"aws\"", "happens in Snowflake only", ""),
            ("[[fault]]\nkind = \"stale_reads\"\nlag = \"5s\"\nsql = \"x\"", "\"x\"", "no statements", "operation"),
            ("[[fault]]\nkind = \"session_gone\"\ncode = \"1\"", "\"1\"", "390111", "refuse"),
            ("[fault]\nkind = \"reset\"", "", "list of tables", "[[fault]]"),
            ("seeds = 1", "seeds", "not a key of a plan", "`seed`"),
            ("[[fault]]\ncall = 1", "", "does not say what happens", "kind"),
            ("[[fault", "", "not TOML", ""),
        ] {
            let problems = read("dir/f.toml", text).unwrap_err();
            let first = problems.iter().next().unwrap();
            assert!(first.summary.contains(summary), "{text}: {first:?}");
            assert!(first.help.as_deref().unwrap_or_default().contains(help), "{text}: {first:?}");
            if !marked.is_empty() {
                assert_eq!(text.get(first.span.clone()), Some(marked), "{text}");
            }
            assert!(problems.render(false).contains("dir/f.toml:"), "{problems}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let problems =
            read("f.toml", "[[fault]]\nkind = \"reset\"\nx = 1\ncall = 0\n[[fault]]\nkind = 1\n").unwrap_err();
        assert_eq!(problems.iter().count(), 3, "{problems}");
        let text = problems.render(false);
        assert!(text.contains("f.toml:3:1") && text.contains("f.toml:4:8") && text.contains("f.toml:6:8"), "{text}");
    }
}
