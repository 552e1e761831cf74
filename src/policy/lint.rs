//! Documents that are valid and say less, or more, than they seem to.

use super::evaluate::condition;
use super::evaluate::{Identity, Kind, Policies, Principal, Request, Target, evaluate};
use super::{Document, Effect, Principals, Scope, Statement};
use crate::model::AccountId;

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind<'a> {
    /// Of an identity, such as the inline policy of a role.
    Identity,
    /// Of a bucket.
    Bucket,
    /// Of a KMS key in this account.
    Key(&'a AccountId),
    /// Of a role: who may assume it.
    Trust,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is likely not what was meant.
    Warning,
    /// It must not be applied.
    Error,
}

/// Something a document has wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The ID of the statement, if it is about one that has one.
    pub sid: Option<String>,
    /// What is wrong, a sentence without a period.
    pub message: String,
}

/// Finds what a document has wrong beyond its grammar.
pub fn lint(document: &Document, kind: PolicyKind<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        document.statements().iter().flat_map(|statement| of_statement(statement, kind)).collect();
    let mut add = |message: &str| {
        findings.push(Finding { severity: Severity::Error, sid: None, message: message.into() });
    };
    let sids: Vec<&String> = document.statements().iter().filter_map(|statement| statement.sid.as_ref()).collect();
    if sids.iter().zip(sids.iter().skip(1)).any(|(one, next)| one == next) {
        add("two statements have the same `Sid`, which must be unique in a document");
    }
    if let PolicyKind::Key(account) = kind
        && locks_out(document, account)
    {
        add(
            "no statement lets the account administer the key (`kms:PutKeyPolicy`), so nobody could change it any more",
        );
    }
    findings
}

fn of_statement(statement: &Statement, kind: PolicyKind<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |severity, message: &str| {
        findings.push(Finding { severity, sid: statement.sid.clone(), message: message.into() });
    };
    if statement.actions.is_none() {
        add(Severity::Error, "a statement without `Action` does nothing");
    }
    match (kind, &statement.resources) {
        (PolicyKind::Trust, Some(_)) => {
            add(Severity::Error, "a trust policy has no `Resource`: the role itself is meant");
        }
        (PolicyKind::Trust, None) | (_, Some(_)) => {}
        (_, None) => add(Severity::Error, "a statement without `Resource` does nothing"),
    }
    match (kind, &statement.principals) {
        (PolicyKind::Identity, Some(_)) => add(Severity::Error, "a policy of an identity has no `Principal`"),
        (PolicyKind::Identity, None) | (_, Some(_)) => {}
        (_, None) => add(Severity::Error, "the statement has no `Principal`"),
    }
    for operator in statement.conditions.keys().filter(|operator| !condition::is_known(operator)) {
        let message =
            format!("the condition operator `{operator}` is not known here, so the statement is never taken to allow");
        add(Severity::Warning, &message);
    }
    if statement.effect == Effect::Allow && statement.conditions.is_empty() && is_for_anyone(statement) {
        let severity = if kind == PolicyKind::Trust { Severity::Error } else { Severity::Warning };
        add(severity, "it allows anyone, without any condition");
    }
    findings
}

fn is_for_anyone(statement: &Statement) -> bool {
    match &statement.principals {
        Some(Scope::Only(Principals::Anyone) | Scope::AllBut(_)) => true,
        Some(Scope::Only(Principals::Of(types))) => {
            types.values().flatten().any(|who| who.val().as_known() == Some("*"))
        }
        None => false,
    }
}

/// Whether the account itself may no longer change the policy. Like AWS's own safety check, it asks for one principal that surely may.
fn locks_out(document: &Document, account: &AccountId) -> bool {
    let request = Request::new(Principal::Account(account.clone()), "kms:PutKeyPolicy", "*").with_nothing_else();
    let target = Target { owner: account, kind: Kind::Key, policy: Some(document) };
    let verdict =
        evaluate(&request, &Policies { identity: Identity::Policies(&[]), boundary: None, session: None, target });
    !verdict.is_allowed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, kind: PolicyKind<'_>) -> Vec<String> {
        lint(&Document::parse(text).unwrap(), kind).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn finds_what_aws_would_take_in_silence() {
        let account: AccountId = "123456789012".parse().unwrap();
        let key = PolicyKind::Key(&account);
        let root = r#"{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"kms:*","Resource":"*"}"#;
        let with = |more: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{root}{more}]}}"#);
        assert_eq!(found(&with(""), key), [""; 0]);
        let inert =
            r#",{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},"Action":"kms:Decrypt"}"#;
        assert_eq!(found(&with(inert), key), ["a statement without `Resource` does nothing"]);
        let denied = r#",{"Effect":"Deny","Principal":"*","Action":"kms:Put*","Resource":"*"}"#;
        assert!(found(&with(denied), key)[0].contains("nobody could change it"));
        let foreign =
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"kms:*","Resource":"*"}}"#;
        assert!(found(foreign, key)[0].contains("nobody could change it"));
    }

    #[test]
    fn finds_an_open_trust_policy() {
        let open = |who: &str, condition: &str| {
            format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{who},"Action":"sts:AssumeRole"{condition}}}}}"#)
        };
        for who in [r#""*""#, r#"{"AWS":"*"}"#, r#"{"AWS":["*","123456789012"]}"#] {
            assert_eq!(found(&open(who, ""), PolicyKind::Trust), ["it allows anyone, without any condition"], "{who}");
        }
        let condition = r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#;
        assert_eq!(found(&open(r#""*""#, condition), PolicyKind::Trust), [""; 0]);
        let odd = r#","Condition":{"StringSimilar":{"a":"b"}}"#;
        assert!(found(&open(r#"{"AWS":"123456789012"}"#, odd), PolicyKind::Trust)[0].contains("`StringSimilar`"));
        assert_eq!(found(&open(r#"{"AWS":"123456789012"}"#, ""), PolicyKind::Trust), [""; 0]);
    }
}
