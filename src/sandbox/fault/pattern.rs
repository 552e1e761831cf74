//! Patterns of names and statements: a glob over the whole text, or between slashes a regular expression that may match anywhere. Letter
//! case does not matter, and any run of white space is one blank.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pattern: {why}")]
pub struct BadPattern {
    text: String,
    why: String,
}

impl Pattern {
    /// Reads a pattern: `*` stands for anything, `?` for one character; `/…/` is a regular expression.
    ///
    /// # Errors
    /// The regular expression is none.
    pub fn new(text: &str) -> Result<Self, BadPattern> {
        let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| is_regex(inner));
        let source = inner.map_or_else(|| glob(text), str::to_owned);
        let regex = RegexBuilder::new(&source).case_insensitive(true).dot_matches_new_line(true).build();
        let regex = regex.map_err(|error| BadPattern { text: text.to_owned(), why: error.to_string() })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether a text fits.
    pub fn fits(&self, text: &str) -> bool {
        self.regex.is_match(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// A path such as `/chunks/` begins and ends with a slash as well; only what holds a sign of a regular expression is one.
fn is_regex(inner: &str) -> bool {
    inner.contains(['^', '$', '(', '[', '\\', '|', '+', '.'])
}

fn glob(text: &str) -> String {
    let mut out = String::from("^");
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            c => out.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out + "$"
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_regular_expressions() {
        for (pattern, text, fits) in [
            ("GetRole", "getrole", true),
            ("GetRole", "GetRolePolicy", false),
            ("Get*", "GetRolePolicy", true),
            ("arn:aws:s3:::a.b/?", "arn:aws:s3:::a.b/c", true),
            ("arn:aws:s3:::a.b", "arn:aws:s3:::axb", false),
            ("SHOW STAGES *", "show   stages\n in account", true),
            ("/^show (stages|streams)/", "SHOW STREAMS IN ACCOUNT", true),
            ("/^show (stages|streams)/", "SHOW TASKS", false),
            ("/chunks/*", "/chunks/1", true),
            ("/queries/", "/queries/", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().fits(text), fits, "{pattern} on {text}");
        }
        assert!(Pattern::new("/(/").unwrap_err().to_string().contains("`/(/` is not a pattern"));
    }
}
