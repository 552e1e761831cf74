//! Texts with wildcards and variables.

use super::Request;
use crate::model::Val;
use crate::policy::{Name, Version};

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A text of a policy, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Step>);

/// What `*`, `?` and `${` mean in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) wildcards: bool,
    pub(super) version: Version,
}

impl Pattern {
    /// Reads a text, putting in the variables of the request.
    ///
    /// # Errors
    /// Why the text cannot be compared: a fact that is not known yet, or a variable the request has no single value for.
    pub(super) fn new(val: &Val, syntax: Syntax, request: &Request) -> Result<Self, String> {
        let text = val.as_known().ok_or("a value in it is known only after apply")?;
        let mut steps = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("${").filter(|_| syntax.version == Version::V2012) {
                let (inside, after) =
                    after.split_once('}').ok_or_else(|| format!("`{text}` has an unclosed variable"))?;
                steps.extend(variable(inside, request)?.chars().map(Step::Char));
                rest = after;
                continue;
            }
            steps.push(match c {
                '*' if syntax.wildcards => Step::Any,
                '?' if syntax.wildcards => Step::One,
                c => Step::Char(c),
            });
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        Ok(Self(steps))
    }

    /// A pattern without variables, such as an action.
    pub(super) fn plain(text: &str) -> Self {
        let step = |c| match c {
            '*' => Step::Any,
            '?' => Step::One,
            c => Step::Char(c),
        };
        Self(text.chars().map(step).collect())
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        matches(&self.0, &text)
    }

    /// Whether the whole text matches, whatever the case of ASCII letters.
    pub(super) fn matches_ignoring_case(&self, text: &str) -> bool {
        let lower = |step: &Step| match step {
            Step::Char(c) => Step::Char(c.to_ascii_lowercase()),
            step => step.clone(),
        };
        let text: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
        matches(&self.0.iter().map(lower).collect::<Vec<_>>(), &text)
    }

    /// Whether an ARN matches field by field: a wildcard never spans the colons between the first five fields and the resource. A pattern
    /// that is `*` alone matches every ARN.
    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        if self.0 == [Step::Any] {
            return true;
        }
        let patterns: Vec<&[Step]> = self.0.splitn(6, |step| *step == Step::Char(':')).collect();
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        patterns.len() == 6
            && fields.len() == 6
            && patterns.iter().zip(fields).all(|(pattern, field)| matches(pattern, &field.chars().collect::<Vec<_>>()))
    }
}

/// The value of `${inside}`.
fn variable(inside: &str, request: &Request) -> Result<String, String> {
    if ["*", "?", "$"].contains(&inside) {
        return Ok(inside.into());
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            (key.trim(), default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\'')))
        }
        None => (inside.trim(), None),
    };
    match (request.values(&Name::from(key))?, default) {
        ([value], _) => Ok(value.clone()),
        ([], Some(default)) => Ok(default.into()),
        ([], None) => Err(format!("the request has no value for the variable `${{{key}}}`")),
        (_, _) => Err(format!("the variable `${{{key}}}` has several values")),
    }
}

/// Linear in the text for each `*`: on a mismatch only the last `*` takes one character more.
fn matches(pattern: &[Step], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(read)) {
            (None, None) => return true,
            (Some(Step::Any), _) => {
                retry = Some((at, read));
                at += 1;
                continue;
            }
            (Some(Step::One), Some(_)) => {
                (at, read) = (at + 1, read + 1);
                continue;
            }
            (Some(Step::Char(want)), Some(have)) if want == have => {
                (at, read) = (at + 1, read + 1);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                retry = Some((star, from + 1));
                (at, read) = (star + 1, from + 1);
            }
            _ => return false,
        }
    }
}
