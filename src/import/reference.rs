//! References in the place of literals: `{{ bucket.data.name }}` instead of the name of a bucket that has an entry.
//!
//! Only what surely means the object becomes a reference: a field that names objects of one kind, an ARN, a URL of a bucket. SQL texts and what
//! people wrote for people stay as they are.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::model::ident::parts;
use crate::model::{Address, LiveId};

/// An object that has an entry, in the import or in the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where its entry stands.
    pub at: Address,
    /// What it is called in its cloud.
    pub id: LiveId,
    /// Its ARN, if it has one that is known.
    pub arn: Option<String>,
}

/// Fields whose texts are nobody's name.
const LITERAL: [&str; 13] = [
    "as",
    "when",
    "comment",
    "description",
    "config",
    "name",
    "tags",
    "columns",
    "session_parameters",
    "external_id",
    "generation",
    "secret",
    "Sid",
];

/// Fields that name objects of a kind and are not called like it.
const NAMING: [(&str, &str); 11] = [
    ("after", "task"),
    ("finalize", "task"),
    ("stages", "stage"),
    ("on_stage", "stage"),
    ("on_table", "table"),
    ("on_view", "view"),
    ("on_external_table", "external_table"),
    ("on_dynamic_table", "dynamic_table"),
    ("file_format.name", "file_format"),
    ("error_integration", "notification_integration"),
    ("success_integration", "notification_integration"),
];

/// All objects that have entries, found by what they are called.
#[derive(Debug)]
pub(super) struct References<'a> {
    by_name: BTreeMap<(&'a str, &'a str), &'a Address>,
    by_arn: BTreeMap<&'a str, &'a Address>,
}

impl<'a> References<'a> {
    pub(super) fn new(known: &'a [Known]) -> Self {
        let by_name = known.iter().map(|one| ((one.id.kind.as_str(), one.id.name.as_str()), &one.at)).collect();
        let by_arn = known.iter().filter_map(|one| Some((one.arn.as_deref()?, &one.at))).collect();
        Self { by_name, by_arn }
    }

    /// A field of an entry as a template: what stands for another object refers to its entry, everything else means itself.
    pub(super) fn field(&self, own: &Address, field: &str, value: &Json) -> Json {
        match value {
            Json::String(text) => self.text(own, field, text).unwrap_or_else(|| escape(text)).into(),
            Json::Array(items) => items.iter().map(|item| self.field(own, field, item)).collect(),
            Json::Object(table) => {
                let one = |(name, value): (&String, &Json)| {
                    let inner = match field {
                        "file_format" => format!("{field}.{name}"),
                        literal if LITERAL.contains(&literal) => literal.to_owned(),
                        _ => name.clone(),
                    };
                    (name.clone(), self.field(own, &inner, value))
                };
                Json::Object(table.iter().map(one).collect::<Map<_, _>>())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }

    fn text(&self, own: &Address, field: &str, text: &str) -> Option<String> {
        if LITERAL.contains(&field) {
            return None;
        }
        let naming = NAMING.iter().find(|(name, _)| *name == field).map_or(field, |(_, kind)| kind);
        let found = self.named(naming, text).or_else(|| self.located(text)).or_else(|| self.arn(text));
        let (at, attribute, rest) = found.filter(|(at, ..)| *at != own)?;
        Some(format!("{{{{ {}.{attribute} }}}}{}", path(at), escape(&rest)))
    }

    /// The object of a kind that is called so; or the schema's database, where only that has an entry.
    fn named(&self, kind: &str, text: &str) -> Option<(&'a Address, &'static str, String)> {
        if let Some(at) = self.by_name.get(&(kind, text)).filter(|_| kind == "bucket") {
            return Some((at, "name", String::new()));
        }
        let parts = parts(text).ok()?;
        let whole = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        let attribute = if parts.len() == 1 { "name" } else { "fqn" };
        if let Some(at) = self.by_name.get(&(kind, whole.as_str())) {
            return Some((at, attribute, String::new()));
        }
        match &parts[..] {
            [database, schema] if kind == "schema" => {
                let database = database.to_string();
                let at: &'a Address =
                    self.by_name.iter().find(|((kind, name), _)| *kind == "database" && *name == database)?.1;
                Some((at, "fqn", format!(".{}", schema.written())))
            }
            _ => None,
        }
    }

    /// A place in a bucket.
    fn located(&self, text: &str) -> Option<(&'a Address, &'static str, String)> {
        let (bucket, rest) = text.strip_prefix("s3://")?.split_once('/')?;
        Some((self.by_name.get(&("bucket", bucket))?, "url", rest.to_owned()))
    }

    /// The ARN of an object, or of something in it.
    fn arn(&self, text: &str) -> Option<(&'a Address, &'static str, String)> {
        let ends = text.match_indices('/').map(|(end, _)| end).chain([text.len()]).rev();
        let mut whole = ends.filter_map(|end| Some((*self.by_arn.get(text.get(..end)?)?, text.get(end..)?)));
        whole.next().map(|(at, rest)| (at, "arn", rest.to_owned()))
    }
}

/// An address in a template; a part that is no word of the template language is put in brackets.
fn path(at: &Address) -> String {
    let part = |text: &str| {
        let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let word = word && !text.starts_with(|c: char| c.is_ascii_digit());
        if word { format!(".{text}") } else { format!("['{text}']") }
    };
    format!("{}{}{}", at.kind(), part(at.label()), at.key().map(part).unwrap_or_default())
}

/// A text as a template that gives it back.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let opens = ["{{", "{%", "{#"].into_iter().find(|open| from.starts_with(open));
        let taken = opens.map_or(1, str::len);
        match opens {
            Some(open) => out.push_str(&format!("{{{{ '{open}' }}}}")),
            None => out.push('{'),
        }
        rest = from.get(taken..).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(at: &str, name: &str, arn: Option<&str>) -> Known {
        let at: Address = at.parse().unwrap();
        Known { id: LiveId::new(at.kind(), name), at, arn: arn.map(Into::into) }
    }

    #[test]
    fn what_names_an_object_refers_to_its_entry() {
        let all = [
            known("bucket.in", "acme-in", Some("arn:aws:s3:::acme-in")),
            known("bucket.data.in-bound", "acme-keyed", None),
            known("iam_role.r", "arn:aws:iam::111122223333:role/x/r", Some("arn:aws:iam::111122223333:role/x/r")),
            known("database.d", "\"D\"", None),
            known("schema.s", "\"D\".\"S\"", None),
            known("stage.landing", "\"D\".\"S\".\"LANDING\"", None),
            known("warehouse.w", "\"W\"", None),
        ];
        let references = References::new(&all);
        let own: Address = "stream.x".parse().unwrap();
        let table = [
            ("schema", json!("D.S"), json!("{{ schema.s.fqn }}")),
            ("schema", json!("D.PUBLIC"), json!("{{ database.d.fqn }}.PUBLIC")),
            ("database", json!("D"), json!("{{ database.d.name }}")),
            ("warehouse", json!("W"), json!("{{ warehouse.w.name }}")),
            ("name", json!("W"), json!("W")),
            ("on_stage", json!("D.S.LANDING"), json!("{{ stage.landing.fqn }}")),
            ("on_table", json!("D.S.LANDING"), json!("D.S.LANDING")),
            ("url", json!("s3://acme-in/a/"), json!("{{ bucket.in.url }}a/")),
            ("url", json!("s3://acme-keyed/"), json!("{{ bucket.data['in-bound'].url }}")),
            ("url", json!("s3://other/"), json!("s3://other/")),
            ("logging", json!({ "bucket": "acme-in" }), json!({ "bucket": "{{ bucket.in.name }}" })),
            ("role", json!("arn:aws:iam::111122223333:role/x/r"), json!("{{ iam_role.r.arn }}")),
            ("role", json!("arn:aws:iam::111122223333:role/x/r2"), json!("arn:aws:iam::111122223333:role/x/r2")),
            (
                "statements",
                json!([{ "Resource": ["arn:aws:s3:::acme-in/*"] }]),
                json!([{ "Resource": ["{{ bucket.in.arn }}/*"] }]),
            ),
            ("as", json!("SELECT '{{ x }}', W"), json!("SELECT '{{ '{{' }} x }}', W")),
            ("comment", json!("{% a {# b {"), json!("{{ '{%' }} a {{ '{#' }} b {")),
        ];
        for (field, value, wanted) in table {
            assert_eq!(references.field(&own, field, &value), wanted, "{field}");
        }
        let itself: Address = "schema.s".parse().unwrap();
        assert_eq!(references.field(&itself, "schema", &json!("D.S")), json!("D.S"));
    }
}
