//! Tags of AWS objects, the mark among them.
//!
//! Only the keys the spec names are managed: other keys belong to others (cost tools, organisations) and stay. So a key that leaves the
//! spec stays on the object, too.

use super::{Field, Problem};
use crate::model::{Mark, Tags};

/// How many tags of a user fit beside those of the mark: AWS takes 50.
const MOST: usize = 47;

/// What is wrong with the tags of an entry. Source: IAM user guide, "Rules for tagging"; S3 and KMS have the same or wider rules.
pub(crate) fn check(tags: &Tags) -> Vec<Problem> {
    let mut problems = Vec::new();
    let odd = |text: &str| text.chars().find(|c| !(c.is_alphanumeric() || " _.:/=+-@".contains(*c)));
    for (key, value) in tags {
        let mut wrong = |message: String| problems.push(Problem::new("tags", message));
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("snowssi:") {
            wrong(format!("the tag `{key}` begins with a reserved prefix"));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            wrong(format!("the tag `{key}` is too long or empty: a key has 1 to 128 characters, a value at most 256"));
        }
        if let Some(c) = odd(key).or_else(|| odd(value)) {
            wrong(format!("the tag `{key}` holds {c:?}, but tags hold letters, digits, spaces and `_.:/=+-@`"));
        }
    }
    if tags.len() > MOST {
        problems.push(Problem::new("tags", format!("there are {} tags, at most {MOST} fit", tags.len())));
    }
    problems
}

/// One field for each key.
pub(crate) fn fields(tags: &Tags) -> impl Iterator<Item = Field> {
    tags.iter().map(|(key, value)| Field::in_place_if_set(format!("tags.{key}"), Some(value.as_str())))
}

/// Live tags as the field of a spec, without those that AWS itself sets, for import.
pub(crate) fn exported(tags: &Tags) -> serde_json::Value {
    let own = tags.iter().filter(|(key, _)| !key.to_ascii_lowercase().starts_with("aws:"));
    own.map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str()))).collect()
}

/// All tags of a new object.
pub(crate) fn all(tags: &Tags, mark: Option<&Mark>) -> Tags {
    tags.clone().into_iter().chain(mark.map(Mark::tags).unwrap_or_default()).collect()
}

/// What has to be done about the tags of a live object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Retag {
    /// Tags to set.
    pub(crate) set: Tags,
    /// Keys to remove.
    pub(crate) remove: Vec<String>,
}

/// Compares tags and marks.
pub(crate) fn retag(want: (&Tags, Option<&Mark>), have: (&Tags, Option<&Mark>)) -> Retag {
    let live = all(have.0, have.1);
    let wanted = all(want.0, want.1);
    let ours = |mark: Option<&Mark>| mark.map(Mark::tags).unwrap_or_default();
    let kept = ours(want.1);
    Retag {
        // Tags of others stay. Those of the mark go with it.
        remove: ours(have.1).into_keys().filter(|key| !kept.contains_key(key)).collect(),
        set: wanted.into_iter().filter(|(key, value)| live.get(key) != Some(value)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mark::PROTECT_TAG;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn only_what_differs_is_set_and_foreign_tags_stay() {
        let mark = Mark { stack: "s".into(), address: "bucket.a".parse().unwrap(), protect: true };
        let open = Mark { protect: false, ..mark.clone() };
        let (want, have) = (tags(&[("a", "1"), ("b", "2")]), tags(&[("a", "1"), ("b", "x"), ("foreign", "y")]));
        let found = retag((&want, Some(&mark)), (&have, Some(&mark)));
        assert_eq!(found, Retag { set: tags(&[("b", "2")]), remove: vec![] });
        assert_eq!(retag((&have, Some(&open)), (&have, Some(&mark))).remove, [PROTECT_TAG]);
        assert_eq!(retag((&have, Some(&mark)), (&have, None)).set, mark.tags());
        assert_eq!(retag((&have, Some(&mark)), (&have, Some(&mark))), Retag::default());
        let forgotten = retag((&have, None), (&have, Some(&mark)));
        assert_eq!(forgotten.remove.len(), 3, "the mark goes, what others wrote stays");
        assert!(forgotten.set.is_empty());
    }

    #[test]
    fn refuses_what_aws_refuses() {
        assert_eq!(check(&tags(&[("cost centre", "a@b.c/d=e")])), []);
        for (key, value) in [("aws:x", ""), ("snowssi:stack", ""), ("", ""), ("a", "b*"), ("a\n", "")] {
            assert_eq!(check(&tags(&[(key, value)])).len(), 1, "{key:?}");
        }
    }
}
