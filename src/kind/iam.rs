//! What roles, users and managed policies have in common: names, paths, and the policies that are attached to somebody.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fields, OnReplace, Problem, Ref, statements};
use crate::model::{Arn, LiveId, Val};
use crate::policy::{Document, Statement};

/// The inline policy that holds everything an entry allows.
pub(crate) const INLINE: &str = "snowssi-access";

/// The path under which the objects of a stack are found again.
pub(crate) fn default_path(stack: &str) -> String {
    format!("/snowssi/{stack}/")
}

/// What is wrong with a name. Source: IAM user guide, "IAM and AWS STS quotas".
pub(crate) fn name(field: &str, what: &str, name: &str, most: usize) -> Option<Problem> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    let good = (1..=most).contains(&name.len()) && name.chars().all(fits);
    (!good).then(|| Problem::new(field, format!("a {what}'s name has 1 to {most} letters, digits or `+=,.@_-`")))
}

/// What is wrong with a path.
pub(crate) fn path(path: &str) -> Option<Problem> {
    let between = path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && !path.contains("//");
    let good = between && path.chars().all(|c| c.is_ascii_graphic());
    let message = "a path begins and ends with `/`, has no two in a row, and at most 512 characters without spaces";
    (!good).then(|| Problem::new("path", message))
}

/// What is wrong with the managed policies of a role or user: those whose ARN is known.
pub(crate) fn attached(policies: &BTreeSet<Val>, boundary: Option<&Val>) -> Vec<Problem> {
    let wrong = |(field, val): (&str, &Val)| {
        let text = val.as_known()?;
        let good = text.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("policy/"));
        let hint = "write `{{ iam_policy.x.arn }}`, or `arn:aws:iam::aws:policy/…` for one of AWS's own";
        (!good).then(|| Problem::new(field, format!("`{text}` is not the ARN of a managed policy")).hint(hint))
    };
    let policies = policies.iter().map(|val| ("managed_policies", val));
    policies.chain(boundary.map(|val| ("permissions_boundary", val))).filter_map(wrong).collect()
}

/// What is wrong with a description.
pub(crate) fn description(text: &str) -> Option<Problem> {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    let good = text.chars().count() <= 1000 && text.chars().all(fits);
    (!good).then(|| Problem::new("description", "a description has at most 1000 characters, all of Latin-1"))
}

/// The fields that name an object for import: by its name, or by its ARN, which tells its path.
///
/// # Errors
/// Why this can be neither.
pub(crate) fn named(text: &str, what: &str, most: usize) -> Result<Fields, String> {
    let (path, own) = match text.parse::<Arn>() {
        Err(_) => (None, text),
        Ok(arn) if arn.service() != "iam" || !arn.resource().starts_with(&format!("{what}/")) => {
            return Err(format!("`{text}` is not the ARN of a {what}"));
        }
        Ok(_) => {
            let rest = text.split_once(&format!(":{what}/")).map_or("", |(_, rest)| rest);
            let (path, own) = rest.rsplit_once('/').unwrap_or(("", rest));
            (Some(if path.is_empty() { "/".to_owned() } else { format!("/{path}/") }), own)
        }
    };
    if let Some(problem) = name("name", what, own, most) {
        return Err(problem.message);
    }
    let mut fields = Fields::from([("name", own.into())]);
    fields.extend(path.map(|path| ("path", path.into())));
    Ok(fields)
}

/// A policy as the field `statements`, for import.
pub(crate) fn written(document: &Document) -> serde_json::Value {
    statements::written(document.statements().iter().cloned())
}

/// What inline policies say that are not ours; `None` if one cannot be read.
pub(crate) fn foreign(inline: &BTreeMap<String, String>) -> Option<Vec<Statement>> {
    let documents = inline.values().map(|text| statements::live(text).ok());
    let all = documents.collect::<Option<Vec<_>>>()?;
    Some(all.iter().flat_map(Document::statements).cloned().collect())
}

/// Statements of several policies as the field `statements`, for import. A name that two of them have is left to one.
pub(crate) fn joined(statements: impl IntoIterator<Item = Statement>) -> serde_json::Value {
    let mut names = BTreeSet::new();
    let unique = statements.into_iter().map(|statement| {
        let sid = statement.sid.clone().filter(|sid| names.insert(sid.clone()));
        Statement { sid, ..statement }
    });
    statements::written(unique)
}

/// The managed policies somebody refers to. One that is replaced under the same ARN is another one, so it must be attached again.
pub(crate) fn refs(policies: &BTreeSet<Val>, boundary: Option<&Val>) -> Vec<Ref> {
    let to = |val: &Val, why: &'static str| {
        val.as_known().map(|arn| Ref { to: policy(arn), why, on_replace: OnReplace::Relink })
    };
    let attached = policies.iter().filter_map(|val| to(val, "a managed policy that is attached to it"));
    attached.chain(boundary.and_then(|val| to(val, "its permissions boundary"))).collect()
}

/// The live name of a managed policy.
pub(crate) fn policy(arn: &str) -> LiveId {
    LiveId::new("iam_policy", arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_its_name_or_its_arn() {
        let fields = |text: &str| named(text, "policy", 128).map(|fields| serde_json::json!(fields).to_string());
        assert_eq!(fields("read").unwrap(), r#"[["name","read"]]"#);
        let table = [("policy/read", "/"), ("policy/a/b/read", "/a/b/")];
        for (end, path) in table {
            let found = fields(&format!("arn:aws:iam::111122223333:{end}")).unwrap();
            assert_eq!(found, format!(r#"[["name","read"],["path","{path}"]]"#));
        }
        for bad in ["a b", "", "arn:aws:iam::111122223333:role/read"] {
            assert!(fields(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_what_iam_refuses() {
        for good in ["r", "a+b=c,d.e@f_g-h"] {
            assert_eq!(name("name", "role", good, 64), None);
        }
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(name("name", "role", bad, 64).is_some(), "{bad}");
        }
        for (text, good) in
            [("/", true), ("/a/b/", true), ("a/", false), ("/a", false), ("/a//b/", false), ("/ /", false)]
        {
            assert_eq!(path(text).is_none(), good, "{text}");
        }
        let policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:role/x", "x"].map(Val::from);
        let found = attached(&BTreeSet::from(policies), Some(&"arn:aws:s3:::b".into()));
        let fields: Vec<&str> = found.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["managed_policies", "managed_policies", "permissions_boundary"]);
    }
}
