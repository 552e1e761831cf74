//! Texts with wildcards and variables. Source: IAM user guide, "IAM policy elements: Variables and tags".

use super::Request;
use crate::model::Val;
use crate::policy::{Name, Version};

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A character of the text.
    Char(char),
    /// A character that came out of a variable: never a wildcard, never what parts the fields of an ARN.
    Value(char),
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
                steps.extend(variable(inside, syntax, request)?.chars().map(Step::Value));
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

    /// Whether this is `*` alone.
    pub(super) fn is_anything(&self) -> bool {
        self.0 == [Step::Any]
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        matches(&self.0, text, |c| c)
    }

    /// Whether the whole text matches, whatever the case of ASCII letters.
    pub(super) fn matches_ignoring_case(&self, text: &str) -> bool {
        matches(&self.0, text, |c| c.to_ascii_lowercase())
    }

    /// Whether all characters are ASCII, so that nothing but ASCII's rules can be meant by ignoring case.
    pub(super) fn is_ascii(&self) -> bool {
        self.0.iter().all(|step| match step {
            Step::Char(c) | Step::Value(c) => c.is_ascii(),
            Step::One | Step::Any => true,
        })
    }

    /// Whether an ARN matches field by field: a wildcard never spans the colons between the first five fields and the resource. `None` if
    /// one of the two is no ARN.
    pub(super) fn matches_arn(&self, arn: &str) -> Option<bool> {
        let patterns = self.fields();
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        (patterns.len() == 6 && fields.len() == 6)
            .then(|| patterns.iter().zip(fields).all(|(pattern, field)| matches(pattern, field, |c| c)))
    }

    /// Whether a wildcard stands in the field of the service, where none may.
    pub(super) fn is_open_at_the_service(&self) -> bool {
        self.fields().get(2).is_some_and(|service| service.iter().any(|step| matches!(step, Step::One | Step::Any)))
    }

    /// Whether a variable stands before the last field, where none may.
    pub(super) fn has_early_variable(&self) -> bool {
        self.fields().iter().take(5).flat_map(|field| field.iter()).any(|step| matches!(step, Step::Value(_)))
    }

    fn fields(&self) -> Vec<&[Step]> {
        self.0.splitn(6, |step| *step == Step::Char(':')).collect()
    }
}

/// The value of `${inside}`.
fn variable(inside: &str, syntax: Syntax, request: &Request) -> Result<String, String> {
    if ["*", "?", "$"].contains(&inside) {
        return Ok(inside.into());
    }
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key, Some(default.ok_or_else(|| format!("`${{{inside}}}` is not a variable with a default in quotes"))?))
        }
    };
    let key = key.trim();
    match (request.values(&Name::from(key))?, default) {
        ([value], Some(_)) if value.is_empty() => Err(format!("`${{{key}}}` is empty, and has a default")),
        ([value], _) if syntax.wildcards && value.contains(['*', '?']) => {
            Err(format!("the value of `${{{key}}}` has a wildcard in it"))
        }
        ([value], _) => Ok(value.clone()),
        ([], Some(default)) => Ok(default.into()),
        ([], None) => Err(format!("the request has no value for the variable `${{{key}}}`")),
        (_, _) => Err(format!("the variable `${{{key}}}` has several values")),
    }
}

/// Linear in the text for each `*`: on a mismatch only the last `*` takes one character more.
fn matches(pattern: &[Step], text: &str, fold: impl Fn(char) -> char) -> bool {
    let text: Vec<char> = text.chars().map(&fold).collect();
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
            (Some(Step::Char(want) | Step::Value(want)), Some(have)) if fold(*want) == *have => {
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
