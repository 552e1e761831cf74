//! From a place in the value of a TOML string back to its place in the file.

use std::ops::Range;

use super::source::Location;

/// The place of a range of a string's value. `text` is the file, `at` the string with its quotes.
pub(super) fn within(text: &str, at: Location, value: &str, range: &Range<usize>) -> Location {
    let raw = text.get(at.start..at.end).unwrap_or_default();
    if raw == value {
        return Location::new(at.file, at.start + range.start..at.start + range.end);
    }
    match (offset(raw, value, range.start), offset(raw, value, range.end)) {
        (Some(start), Some(end)) => Location::new(at.file, at.start + start..at.start + end),
        _ => at,
    }
}

fn offset(raw: &str, value: &str, wanted: usize) -> Option<usize> {
    let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let triple = raw.len() >= 6 && raw.starts_with(&quote.to_string().repeat(3));
    let mut at = if triple { 3 } else { 1 };
    if triple {
        let rest = raw.get(at..)?;
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let mut done = 0;
    while done < wanted {
        let rest = raw.get(at..)?;
        let c = rest.chars().next()?;
        if quote == '"' && c == '\\' {
            let kind = rest.chars().nth(1)?;
            let hex = match kind {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                kind if kind.is_whitespace() => {
                    at += 1 + rest[1..].len() - rest[1..].trim_start().len();
                    continue;
                }
                _ => 0,
            };
            at += 1 + kind.len_utf8() + hex;
            done += value.get(done..)?.chars().next()?.len_utf8();
        } else if value.get(done..)?.starts_with(c) {
            at += c.len_utf8();
            done += c.len_utf8();
        } else if c == '\r' {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::source::Sources;

    #[test]
    fn finds_the_place_through_quotes_and_escapes() {
        for (raw, value) in [
            ("\"ab{{x}}\"", "ab{{x}}"),
            ("'ab{{x}}'", "ab{{x}}"),
            ("\"\"\"\nab{{x}}\"\"\"", "ab{{x}}"),
            ("'''\r\nab{{x}}'''", "ab{{x}}"),
            ("\"a\\u00e9\\n\\\"{{x}}\"", "aé\n\"{{x}}"),
            ("\"\"\"a\\\n   b{{x}}\"\"\"", "ab{{x}}"),
        ] {
            assert_eq!(toml::from_str::<toml::Table>(&format!("k = {raw}")).unwrap()["k"].as_str(), Some(value));
            let file = Sources::default().add(std::path::Path::new("x"), String::new());
            let text = format!("k = {raw}");
            let at = value.find("{{x}}").unwrap();
            let found = within(&text, Location::new(file, 4..text.len()), value, &(at..at + 5));
            assert_eq!(&text[found.start..found.end], "{{x}}", "{raw}");
        }
    }
}
