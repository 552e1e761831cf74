//! How a request was decided, and by what.

use std::fmt;

use super::Kind;

/// How a request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is allowed.
    Allow,
    /// A statement denies it, or may deny it.
    ExplicitDeny,
    /// Nothing, or not enough, allows it.
    ImplicitDeny,
}

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of the principal's, counted from one.
    Identity(usize),
    /// The permissions boundary of the principal.
    Boundary,
    /// A policy of the session, counted from one.
    Session(usize),
    /// The policy of what the request is about.
    Target(Kind),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(at) => write!(f, "identity policy {at}"),
            Self::Boundary => f.write_str("the permissions boundary"),
            Self::Session(at) => write!(f, "session policy {at}"),
            Self::Target(kind) => f.write_str(kind.policy()),
        }
    }
}

/// One statement of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// The document.
    pub origin: Origin,
    /// The ID of the statement, if it has one.
    pub sid: Option<String>,
    /// Its place among [`Document::statements`](crate::policy::Document::statements), counted from one.
    pub index: usize,
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) => write!(f, "statement `{sid}` of {}", self.origin),
            None => write!(f, "statement {} of {}", self.index, self.origin),
        }
    }
}

/// Where an allowance was needed and is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// In the policies of the principal.
    Identity,
    /// In its permissions boundary.
    Boundary,
    /// In the policies of the session.
    Session,
    /// In the policy of what the request is about.
    Target,
}

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The statement that decided. Nothing decided an implicit deny, and no statement that can be seen an allowance that was presumed.
    pub decided_by: Option<Decider>,
    /// What an implicit deny lacked.
    pub lacks: Option<Lack>,
    /// What was not known or not understood, if knowing it might have led to another decision.
    pub unsure: Option<String>,
    /// Why, a sentence without a period.
    pub reason: String,
}

impl Verdict {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }

    pub(super) fn allow(by: Option<Decider>, reason: String) -> Self {
        Self { decision: Decision::Allow, decided_by: by, lacks: None, unsure: None, reason }
    }

    pub(super) fn explicit(Denial { by, unsure }: Denial) -> Self {
        let reason = match &unsure {
            None => format!("{by} denies it"),
            Some(why) => format!("{by} may deny it: {why}"),
        };
        Self { decision: Decision::ExplicitDeny, decided_by: Some(by), lacks: None, unsure, reason }
    }

    pub(super) fn implicit(lacks: Lack, doubts: &[String], reason: &str) -> Self {
        let unsure = (!doubts.is_empty()).then(|| doubts.join("; "));
        let reason = unsure.iter().fold(reason.to_owned(), |reason, doubts| format!("{reason}; {doubts}"));
        Self { decision: Decision::ImplicitDeny, decided_by: None, lacks: Some(lacks), unsure, reason }
    }
}

/// A statement that denies a request, or may.
pub(super) struct Denial {
    pub(super) by: Decider,
    pub(super) unsure: Option<String>,
}
