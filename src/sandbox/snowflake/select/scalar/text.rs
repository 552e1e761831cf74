//! Functions of texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use regex_lite::{Regex, RegexBuilder};
use rusqlite::types::Value;

use super::{
    MOST_BYTES, Scalar, Want, a_boolean, a_number, a_text, an_array, bounded, count, given, invalid, open, strict,
    text_at, truth, whole_at,
};
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::select::types;

const T1: &[Want] = &[Want::Text];
const T2: &[Want] = &[Want::Text, Want::Text];
const T3: &[Want] = &[Want::Text, Want::Text, Want::Text];
const TN: &[Want] = &[Want::Text, Want::Whole];
const TNN: &[Want] = &[Want::Text, Want::Whole, Want::Whole];
const REGEX: &[Want] = &[Want::Text, Want::Text, Want::Text];
const SUBSTR: &[Want] = &[Want::Text, Want::Text, Want::Whole, Want::Whole, Want::Text, Want::Whole];
const COUNT: &[Want] = &[Want::Text, Want::Text, Want::Whole, Want::Text];
const REPLACE: &[Want] = &[Want::Text, Want::Text, Want::Text, Want::Whole, Want::Whole, Want::Text];

pub(super) static FUNCTIONS: &[Scalar] = &[
    strict("UPPER", T1, 1, a_text, |_, a| given(text_at(a, 0).to_uppercase())),
    strict("LOWER", T1, 1, a_text, |_, a| given(text_at(a, 0).to_lowercase())),
    strict("INITCAP", T1, 1, a_text, |_, a| given(capitals(text_at(a, 0)))),
    strict("LENGTH", T1, 1, a_number, |_, a| count(text_at(a, 0).chars().count())),
    strict("OCTET_LENGTH", T1, 1, a_number, |_, a| count(text_at(a, 0).len())),
    strict("TRIM", T2, 1, a_text, |_, a| given(text_at(a, 0).trim_matches(trimmed(a).as_slice()))),
    strict("LTRIM", T2, 1, a_text, |_, a| given(text_at(a, 0).trim_start_matches(trimmed(a).as_slice()))),
    strict("RTRIM", T2, 1, a_text, |_, a| given(text_at(a, 0).trim_end_matches(trimmed(a).as_slice()))),
    strict("SUBSTR", TNN, 2, a_text, |_, a| {
        given(substring(text_at(a, 0), whole_at(a, 1).unwrap_or(1), whole_at(a, 2)))
    }),
    strict("LEFT", TN, 2, a_text, |_, a| given(first(text_at(a, 0), whole_at(a, 1)))),
    strict("RIGHT", TN, 2, a_text, |_, a| {
        let text = text_at(a, 0);
        let keep = usize::try_from(whole_at(a, 1).unwrap_or(0)).unwrap_or(0);
        given(text.chars().skip(text.chars().count().saturating_sub(keep)).collect::<String>())
    }),
    strict("REPLACE", T3, 2, a_text, |_, a| match text_at(a, 1) {
        "" => given(text_at(a, 0)),
        what => {
            let grown = text_at(a, 0).matches(what).count().saturating_mul(text_at(a, 2).len());
            if grown > MOST_BYTES {
                return Err(fail::beyond("texts of more than 16 MB"));
            }
            given(text_at(a, 0).replace(what, text_at(a, 2)))
        }
    }),
    strict("TRANSLATE", T3, 3, a_text, |_, a| given(translated(text_at(a, 0), text_at(a, 1), text_at(a, 2)))),
    strict("SPLIT_PART", &[Want::Text, Want::Text, Want::Whole], 3, a_text, |_, a| given(split_part(a))),
    strict("SPLIT", T2, 2, an_array, |_, a| {
        let parts: Vec<&str> = match text_at(a, 1) {
            "" => vec![text_at(a, 0)],
            by => text_at(a, 0).split(by).collect(),
        };
        given(serde_json::json!(parts).to_string())
    }),
    open("CONCAT", T1, 1, a_text, |_, a| {
        if a.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        bounded((0..a.len()).map(|at| text_at(a, at)).collect())
    }),
    open("CONCAT_WS", T1, 2, a_text, |_, a| {
        if a.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        bounded((1..a.len()).map(|at| text_at(a, at)).collect::<Vec<_>>().join(text_at(a, 0)))
    }),
    strict("STARTSWITH", T2, 2, a_boolean, |_, a| truth(text_at(a, 0).starts_with(text_at(a, 1)))),
    strict("ENDSWITH", T2, 2, a_boolean, |_, a| truth(text_at(a, 0).ends_with(text_at(a, 1)))),
    strict("CONTAINS", T2, 2, a_boolean, |_, a| truth(text_at(a, 0).contains(text_at(a, 1)))),
    strict("POSITION", &[Want::Text, Want::Text, Want::Whole], 2, a_number, |_, a| {
        let from = usize::try_from(whole_at(a, 2).unwrap_or(1)).unwrap_or(1).max(1);
        let text: String = text_at(a, 1).chars().skip(from - 1).collect();
        let found = text.find(text_at(a, 0));
        count(found.map_or(0, |at| text.get(..at).map_or(0, |head| head.chars().count()) + from))
    }),
    strict("REVERSE", T1, 1, a_text, |_, a| given(text_at(a, 0).chars().rev().collect::<String>())),
    strict("REPEAT", TN, 2, a_text, |_, a| {
        let times = usize::try_from(whole_at(a, 1).unwrap_or(0)).unwrap_or(0);
        if text_at(a, 0).len().saturating_mul(times) > MOST_BYTES {
            return Err(fail::beyond("texts of more than 16 MB"));
        }
        given(text_at(a, 0).repeat(times))
    }),
    strict("LPAD", &[Want::Text, Want::Whole, Want::Text], 2, a_text, |_, a| {
        let padding = padding(a)?;
        given(first(&(padding + text_at(a, 0)), whole_at(a, 1)))
    }),
    strict("RPAD", &[Want::Text, Want::Whole, Want::Text], 2, a_text, |_, a| {
        let padding = padding(a)?;
        given(first(&(text_at(a, 0).to_owned() + &padding), whole_at(a, 1)))
    }),
    strict("ASCII", T1, 1, a_number, |_, a| {
        Ok(Value::Integer(text_at(a, 0).chars().next().map_or(0, |c| i64::from(u32::from(c)))))
    }),
    strict("CHR", &[Want::Whole], 1, a_text, |_, a| {
        let code = whole_at(a, 0).and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
        code.map_or_else(|| Err(invalid("Invalid character code")), |c| given(c.to_string()))
    }),
    strict("MD5", T1, 1, a_text, |_, a| given(hex(&Md5::digest(text_at(a, 0).as_bytes())))),
    strict("SHA1", T1, 1, a_text, |_, a| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text_at(a, 0).as_bytes());
        given(hex(digest.as_ref()))
    }),
    strict("SHA2", TN, 1, a_text, |_, a| {
        let algorithm = match whole_at(a, 1).unwrap_or(256) {
            224 => &aws_lc_rs::digest::SHA224,
            256 => &aws_lc_rs::digest::SHA256,
            384 => &aws_lc_rs::digest::SHA384,
            512 => &aws_lc_rs::digest::SHA512,
            other => return Err(invalid(&format!("Invalid digest size {other} for function SHA2"))),
        };
        given(hex(aws_lc_rs::digest::digest(algorithm, text_at(a, 0).as_bytes()).as_ref()))
    }),
    strict("HEX_ENCODE", T1, 1, a_text, |_, a| given(hex(text_at(a, 0).as_bytes()).to_uppercase())),
    strict("BASE64_ENCODE", T1, 1, a_text, |_, a| given(STANDARD.encode(text_at(a, 0)))),
    strict("BASE64_DECODE_STRING", T1, 1, a_text, |_, a| {
        let bytes = STANDARD.decode(text_at(a, 0)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.map_or_else(|| Err(invalid("The following string is not a legal base64-encoded value")), given)
    }),
    open("UUID_STRING", &[], 0, a_text, |_, _| given(uuid::Uuid::new_v4().to_string())),
    strict("REGEXP_LIKE", REGEX, 2, a_boolean, |_, a| {
        truth(regex(text_at(a, 1), text_at(a, 2), true)?.is_match(text_at(a, 0)))
    }),
    strict("REGEXP_COUNT", COUNT, 2, a_number, |_, a| {
        let text: String = text_at(a, 0).chars().skip(start(a, 2)).collect();
        count(regex(text_at(a, 1), text_at(a, 3), false)?.find_iter(&text).count())
    }),
    strict("REGEXP_SUBSTR", SUBSTR, 2, a_text, |_, a| regexp_substr(a)),
    strict("REGEXP_REPLACE", REPLACE, 2, a_text, |_, a| regexp_replace(a)),
    strict("REGEXP_INSTR", COUNT, 2, a_number, |_, a| {
        let skipped = start(a, 2);
        let text: String = text_at(a, 0).chars().skip(skipped).collect();
        let found = regex(text_at(a, 1), text_at(a, 3), false)?.find(&text).map(|found| found.start());
        count(found.map_or(0, |at| text.get(..at).map_or(0, |head| head.chars().count()) + skipped + 1))
    }),
    strict("EDITDISTANCE", T2, 2, a_number, |_, a| distance(text_at(a, 0), text_at(a, 1))),
    // `x LIKE pattern`, with the escape character and whether letters' case counts.
    strict("$LIKE", &[Want::Text, Want::Text, Want::Text, Want::Boolean], 4, a_boolean, |_, a| {
        truth(like(text_at(a, 0), text_at(a, 1), text_at(a, 2).chars().next(), whole_at(a, 3) == Some(1)))
    }),
    // The texts of a JSON array, joined: what LISTAGG ends with.
    strict("$JOIN", T2, 2, a_text, |_, a| {
        let parts: Vec<Option<String>> = serde_json::from_str(text_at(a, 0)).unwrap_or_default();
        bounded(parts.into_iter().flatten().collect::<Vec<_>>().join(text_at(a, 1)))
    }),
];

fn hex(bytes: &[u8]) -> String {
    types::hex(bytes).to_lowercase()
}

fn trimmed(args: &[Value]) -> Vec<char> {
    match args.get(1) {
        Some(Value::Text(text)) => text.chars().collect(),
        _ => vec![' '],
    }
}

fn first(text: &str, length: Option<i64>) -> String {
    text.chars().take(usize::try_from(length.unwrap_or(0)).unwrap_or(0)).collect()
}

fn capitals(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric();
    }
    out
}

/// Positions count from 1; negative ones from the end.
fn substring(text: &str, from: i64, length: Option<i64>) -> String {
    let total = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let start = match from {
        0 => 0,
        1.. => from - 1,
        _ => total.saturating_add(from),
    };
    if start < 0 || length.is_some_and(|length| length <= 0) {
        return String::new();
    }
    let take = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
    text.chars().skip(usize::try_from(start).unwrap_or(usize::MAX)).take(take).collect()
}

fn split_part(args: &[Value]) -> String {
    let (text, by) = (text_at(args, 0), text_at(args, 1));
    let parts: Vec<&str> = if by.is_empty() { vec![text] } else { text.split(by).collect() };
    let wanted = match whole_at(args, 2).unwrap_or(1) {
        0 => 0,
        at @ 1.. => usize::try_from(at - 1).unwrap_or(usize::MAX),
        at => match usize::try_from(at.unsigned_abs()).ok().and_then(|back| parts.len().checked_sub(back)) {
            Some(at) => at,
            None => return String::new(),
        },
    };
    parts.get(wanted).copied().unwrap_or_default().to_owned()
}

fn translated(text: &str, from: &str, to: &str) -> String {
    let to: Vec<char> = to.chars().collect();
    text.chars()
        .filter_map(|c| match from.chars().position(|found| found == c) {
            None => Some(c),
            Some(at) => to.get(at).copied(),
        })
        .collect()
}

fn padding(args: &[Value]) -> Fallible<String> {
    let length = usize::try_from(whole_at(args, 1).unwrap_or(0)).unwrap_or(0);
    if length > MOST_BYTES {
        return Err(fail::beyond("texts of more than 16 MB"));
    }
    let missing = length.saturating_sub(text_at(args, 0).chars().count());
    let by = if args.len() > 2 { text_at(args, 2) } else { " " };
    Ok(by.chars().cycle().take(if by.is_empty() { 0 } else { missing }).collect())
}

/// How many characters the position argument passes over.
fn start(args: &[Value], at: usize) -> usize {
    usize::try_from(whole_at(args, at).unwrap_or(1)).unwrap_or(1).saturating_sub(1)
}

fn regex(pattern: &str, parameters: &str, whole: bool) -> Fallible<Regex> {
    let pattern = if whole { format!("^(?:{pattern})$") } else { pattern.to_owned() };
    let (mut ignore_case, mut lines, mut dots) = (false, false, false);
    for parameter in parameters.chars() {
        match parameter {
            'c' => ignore_case = false,
            'i' => ignore_case = true,
            'm' => lines = true,
            's' => dots = true,
            'e' => {}
            other => return Err(invalid(&format!("Invalid regular expression parameter: '{other}'"))),
        }
    }
    RegexBuilder::new(&pattern)
        .case_insensitive(ignore_case)
        .multi_line(lines)
        .dot_matches_new_line(dots)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| fail::error("100048", "2201B", format!("Invalid regular expression: '{pattern}', {error}")))
}

fn regexp_substr(args: &[Value]) -> Fallible<Value> {
    let text: String = text_at(args, 0).chars().skip(start(args, 2)).collect();
    let occurrence = start(args, 3);
    let parameters = text_at(args, 4);
    let group = whole_at(args, 5).or(parameters.contains('e').then_some(1)).unwrap_or(0);
    let regex = regex(text_at(args, 1), parameters, false)?;
    let found = regex.captures_iter(&text).nth(occurrence);
    let found = found.as_ref().and_then(|c| c.get(usize::try_from(group).unwrap_or(usize::MAX)));
    Ok(found.map_or(Value::Null, |found| Value::Text(found.as_str().to_owned())))
}

/// `\\1` in the replacement is a group.
fn regexp_replace(args: &[Value]) -> Fallible<Value> {
    let skipped = start(args, 3);
    let all: Vec<char> = text_at(args, 0).chars().collect();
    let (head, tail) = all.split_at(skipped.min(all.len()));
    let text: String = tail.iter().collect();
    let occurrence = usize::try_from(whole_at(args, 4).unwrap_or(0)).unwrap_or(0);
    let regex = regex(text_at(args, 1), text_at(args, 5), false)?;
    let mut out: String = head.iter().collect();
    let mut last = 0;
    for (at, captures) in regex.captures_iter(&text).enumerate() {
        let Some(found) = captures.get(0) else { continue };
        if occurrence != 0 && at + 1 != occurrence {
            continue;
        }
        out.push_str(text.get(last..found.start()).unwrap_or_default());
        let mut template = text_at(args, 2).chars();
        while let Some(c) = template.next() {
            match (c, if c == '\\' { template.clone().next() } else { None }) {
                ('\\', Some(next)) => {
                    template.next();
                    match next.to_digit(10) {
                        Some(group) => out.push_str(captures.get(group as usize).map_or("", |g| g.as_str())),
                        None => out.push(next),
                    }
                }
                _ => out.push(c),
            }
        }
        last = found.end();
        if out.len() > MOST_BYTES {
            return Err(fail::beyond("texts of more than 16 MB"));
        }
    }
    out.push_str(text.get(last..).unwrap_or_default());
    bounded(out)
}

fn distance(one: &str, two: &str) -> Fallible<Value> {
    if one.len().saturating_mul(two.len()) > MOST_BYTES {
        return Err(fail::beyond("EDITDISTANCE of texts this long"));
    }
    count(strsim::levenshtein(one, two))
}

/// `%` stands for any characters, `_` for one.
pub(in crate::sandbox::snowflake::select) fn like(
    text: &str,
    pattern: &str,
    escape: Option<char>,
    ignore_case: bool,
) -> bool {
    let fold = |c: char| if ignore_case { c.to_lowercase().next().unwrap_or(c) } else { c };
    let text: Vec<char> = text.chars().map(fold).collect();
    let mut parts = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        parts.push(match c {
            c if Some(c) == escape => LikePart::One(fold(rest.next().unwrap_or(c))),
            '%' => LikePart::Many,
            '_' => LikePart::Any,
            c => LikePart::One(fold(c)),
        });
    }
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(LikePart::Many) => {
                retry = Some((part, at));
                part += 1;
                continue;
            }
            Some(LikePart::Any) => {}
            Some(LikePart::One(c)) if text.get(at) == Some(c) => {}
            _ => match retry {
                Some((many, from)) => {
                    retry = Some((many, from + 1));
                    part = many + 1;
                    at = from + 1;
                    continue;
                }
                None => return false,
            },
        }
        at += 1;
        part += 1;
    }
    parts.iter().skip(part).all(|part| matches!(part, LikePart::Many))
}

enum LikePart {
    One(char),
    Any,
    Many,
}
