//! The two texts of a policy whose spelling matters less than their meaning: names without case, and principals.

use std::cmp::Ordering;
use std::fmt;

use crate::model::{Facts, Val};

/// A name whose case AWS ignores: an action, a condition operator or a condition key. The case it was written in is kept for display.
#[derive(Clone)]
pub struct Name(String);

impl Name {
    /// A name as written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As compared.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// A principal: an ARN, an account ID, a unique ID (`AROA…`, `AIDA…`), a service, `*`, or a fact that is known later.
///
/// `123456789012` and `arn:<partition>:iam::123456789012:root` are one principal: services turn the first into the second. An account
/// lives in one partition, so the partition of the long form does not matter here; what was written is what is sent.
///
/// A unique ID is never equal to an ARN: AWS shows it when the principal was deleted, and a new one of the same name is another principal.
#[derive(Clone)]
pub struct Who(Val);

impl Who {
    /// A principal as written.
    pub fn new(text: impl Into<Val>) -> Self {
        Self(text.into())
    }

    /// As written.
    pub fn val(&self) -> &Val {
        &self.0
    }

    /// As compared: an account as its bare ID.
    pub fn folded(&self) -> Val {
        self.account().map_or_else(|| self.0.clone(), Val::known)
    }

    /// The account, if this principal is a whole account.
    pub fn account(&self) -> Option<&str> {
        let text = self.0.as_known()?;
        let id = match text.splitn(6, ':').collect::<Vec<_>>()[..] {
            ["arn", partition, "iam", "", id, "root"] if partition.starts_with("aws") => id,
            _ => text,
        };
        (id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
    }

    /// Whether this is the unique ID that AWS shows in place of a deleted role or user.
    pub fn is_unique_id(&self) -> bool {
        self.0.as_known().is_some_and(|text| {
            ["AROA", "AIDA"].iter().any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
                && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    }

    pub(super) fn resolve(&self, facts: &Facts) -> Self {
        Self(self.0.resolve(facts))
    }
}

impl Ord for Who {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl PartialOrd for Who {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Who {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Who {}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
