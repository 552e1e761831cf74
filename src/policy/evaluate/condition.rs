//! Whether the conditions of a statement hold. Source: IAM user guide, "Condition operators" and "Creating a condition with multiple keys or
//! values".

use std::collections::BTreeSet;

use super::Request;
use super::compare::{Compare, Test, compare};
use super::statement::Match;
use crate::model::Val;
use crate::policy::{Conditions, Name, Version};

/// Whether all operators hold for all their keys.
pub(super) fn all(request: &Request, conditions: &Conditions, version: Version) -> Match {
    let mut holds = Match::Yes;
    for (name, keys) in conditions {
        let Some(operator) = Operator::read(name) else {
            holds = holds.and(Match::Unknown(format!("the condition operator `{name}` is not known")));
            continue;
        };
        for (key, values) in keys {
            let one = match request.values(key) {
                _ if values.is_empty() => Match::Unknown(format!("`{key}` is compared with no value at all")),
                _ if operator.many == Many::One && operator.test != Test::Null && holds_several(key) => {
                    Match::Unknown(format!("`{key}` may have several values, and its operator is for one"))
                }
                Ok(given) => operator.holds(given, values, version, request),
                Err(why) => Match::Unknown(why),
            };
            holds = holds.and(one);
        }
    }
    holds
}

/// Keys that need `ForAllValues:` or `ForAnyValue:`. Source: the service authorization reference, keys of type `ArrayOf…`.
const SEVERAL: [&str; 8] = [
    "aws:calledvia",
    "aws:principalorgpaths",
    "aws:principalservicenameslist",
    "aws:tagkeys",
    "kms:encryptioncontextkeys",
    "kms:grantoperations",
    "kms:resourcealiases",
    "s3:requestobjecttagkeys",
];

fn holds_several(key: &Name) -> bool {
    SEVERAL.contains(&key.folded().as_str())
}

/// Whether this is an operator that conditions are decided by.
pub(in crate::policy) fn is_known(name: &Name) -> bool {
    Operator::read(name).is_some()
}

/// How several values of a key in the request count.
#[derive(Clone, Copy, PartialEq)]
enum Many {
    /// There is one value.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

struct Operator {
    many: Many,
    test: Test,
    negated: bool,
    if_exists: bool,
}

impl Operator {
    fn read(name: &Name) -> Option<Self> {
        let name = name.folded();
        let (many, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Many::All, rest),
            Some(("foranyvalue", rest)) => (Many::Any, rest),
            Some(_) => return None,
            None => (Many::One, name.as_str()),
        };
        let (name, if_exists) = name.strip_suffix("ifexists").map_or((name, false), |name| (name, true));
        let (test, negated) = test(name)?;
        (!(test == Test::Null && (if_exists || many != Many::One))).then_some(Self { many, test, negated, if_exists })
    }

    fn holds(&self, given: &[String], wanted: &BTreeSet<Val>, version: Version, request: &Request) -> Match {
        if self.test == Test::Null {
            return null(given, wanted);
        }
        let one = |given: &String| {
            let found = wanted
                .iter()
                .fold(Match::No, |found, wanted| found.or(compare(self.test, given, wanted, version, request)));
            if self.negated { found.not() } else { found }
        };
        match (given, self.many) {
            ([], Many::Any) if self.if_exists => {
                Match::Unknown("`ForAnyValue` with `IfExists` on an absent key is not documented".into())
            }
            ([], Many::Any) => Match::No,
            ([], Many::All) => Match::Yes,
            ([], Many::One) => Match::from_bool(self.if_exists || self.negated),
            // To these operators a set that holds nothing but the empty text is empty, and so may be anything.
            (given, Many::All | Many::Any) if given.iter().any(String::is_empty) => {
                Match::Unknown("a value in the request is empty, which counts as none for a set".into())
            }
            ([given], _) => one(given),
            (_, Many::One) => Match::Unknown("a key has several values, and its operator is for one".into()),
            (given, Many::All) => given.iter().fold(Match::Yes, |all, given| all.and(one(given))),
            (given, Many::Any) => given.iter().fold(Match::No, |any, given| any.or(one(given))),
        }
    }
}

/// The test of an operator's name in lower case, and whether the name turns it round.
fn test(name: &str) -> Option<(Test, bool)> {
    let compared = |name: &str| match name {
        "equals" => Some((Compare::Equal, false)),
        "notequals" => Some((Compare::Equal, true)),
        "lessthan" => Some((Compare::Less, false)),
        "lessthanequals" => Some((Compare::LessOrEqual, false)),
        "greaterthan" => Some((Compare::Greater, false)),
        "greaterthanequals" => Some((Compare::GreaterOrEqual, false)),
        _ => None,
    };
    if let Some(name) = name.strip_prefix("numeric") {
        return compared(name).map(|(compare, negated)| (Test::Number(compare), negated));
    }
    if let Some(name) = name.strip_prefix("date") {
        return compared(name).map(|(compare, negated)| (Test::Date(compare), negated));
    }
    Some(match name {
        "stringequals" => (Test::Text { like: false, case: true }, false),
        "stringnotequals" => (Test::Text { like: false, case: true }, true),
        "stringequalsignorecase" => (Test::Text { like: false, case: false }, false),
        "stringnotequalsignorecase" => (Test::Text { like: false, case: false }, true),
        "stringlike" => (Test::Text { like: true, case: true }, false),
        "stringnotlike" => (Test::Text { like: true, case: true }, true),
        "arnequals" | "arnlike" => (Test::Arn, false),
        "arnnotequals" | "arnnotlike" => (Test::Arn, true),
        "bool" => (Test::Bool, false),
        "binaryequals" => (Test::Binary, false),
        "null" => (Test::Null, false),
        "ipaddress" => (Test::Ip, false),
        "notipaddress" => (Test::Ip, true),
        _ => return None,
    })
}

/// `true` wants the key to be absent. An empty value is a key that is there with a value that may count as none.
fn null(given: &[String], wanted: &BTreeSet<Val>) -> Match {
    if given.iter().any(String::is_empty) {
        return Match::Unknown("a value in the request is empty, which `Null` may take for absent".into());
    }
    wanted.iter().fold(Match::No, |found, wanted| {
        found.or(match wanted.as_known() {
            Some("true") => Match::from_bool(given.is_empty()),
            Some("false") => Match::from_bool(!given.is_empty()),
            _ => Match::Unknown("`Null` needs `true` or `false`".into()),
        })
    })
}
