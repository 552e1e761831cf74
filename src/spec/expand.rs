//! The plain entries that modules, `for_each`, variables and templates stand for, as a spec: what `snowssi expand` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::model::{EntryInfo, Model};
use super::shape::Shape;
use super::template;
use crate::kind;
use crate::model::val::{Piece, token};
use crate::model::{Address, Val};

/// The spec without modules, `for_each`, variables and locals. It plans as the original does, but for the addresses: what was one instance among
/// several has an address of its own, and the comment before it says which one it had.
///
/// Values that are known only after apply stay references. Sensitive values are hidden.
pub fn expand(model: &Model) -> String {
    let lookups: Vec<Address> = model.lookups.iter().flat_map(|batch| batch.addresses()).collect();
    let labels = labels(model.entries.keys().chain(&lookups));
    let writer = Writer { labels: &labels };
    let mut out = String::new();
    writer.section(&mut out, "[stack]", &[("name", Json::String(model.stack.clone()))]);
    let settings = [("[aws]", json(model.aws.as_ref())), ("[snowflake]", json(model.snowflake.as_ref()))];
    for (header, fields) in settings {
        let fields: Vec<(&str, Json)> = fields.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        if !fields.is_empty() {
            out.push('\n');
            writer.section(&mut out, header, &fields);
        }
    }
    for at in &lookups {
        let Some(label) = labels.get(at) else { continue };
        let name = model.fields.get(at).and_then(|fields| fields.get("name")).cloned().unwrap_or_default();
        out.push('\n');
        writer.section(&mut out, &format!("[data.{}.{label}]", at.kind()), &[("name", name)]);
    }
    for known in kind::all() {
        let schema = known.schema().to_value();
        let shape = Shape::of(&schema);
        for (at, fields) in model.fields.iter().filter(|(at, _)| at.kind() == known.name() && !at.is_data()) {
            let Some(label) = labels.get(at) else { continue };
            if label != at.label() || !at.module().is_root() {
                let _ = writeln!(out, "\n# {at}");
            } else {
                out.push('\n');
            }
            let _ = writeln!(out, "[{}.{label}]", at.kind());
            for (key, value) in ordered(fields, &shape) {
                writer.field(&mut out, key, value);
            }
            if let Some(info) = model.entries.get(at) {
                writer.meta(&mut out, info, known.protected());
            }
        }
    }
    for output in &model.outputs {
        let mut fields = Vec::new();
        if let Some(description) = &output.description {
            fields.push(("description", Json::String(description.clone())));
        }
        fields.push(("value", Json::String(tokens(&output.value))));
        if output.sensitive {
            fields.push(("sensitive", Json::Bool(true)));
        }
        out.push('\n');
        writer.section(&mut out, &format!("[output.{}]", key_of(&output.name)), &fields);
    }
    model.sources.redact(&out)
}

/// A label for each entry, unlike all others of its kind.
fn labels<'a>(all: impl Iterator<Item = &'a Address>) -> BTreeMap<&'a Address, String> {
    let mut taken: BTreeSet<(bool, &str, String)> = BTreeSet::new();
    let mut labels = BTreeMap::new();
    // Entries that keep their labels come first, as their addresses do.
    for at in all {
        let path = at.module().to_string().replace("module.", "").replace(['.', ':'], "_");
        let parts = [Some(path.as_str()).filter(|path| !path.is_empty()), Some(at.label()), at.key()];
        let whole = parts.into_iter().flatten().collect::<Vec<_>>().join("_");
        let numbered = (2..).map(|number| format!("{whole}_{number}"));
        let free = std::iter::once(whole.clone())
            .chain(numbered)
            .find(|label| !taken.contains(&(at.is_data(), at.kind(), label.clone())));
        let label = free.unwrap_or(whole);
        taken.insert((at.is_data(), at.kind(), label.clone()));
        labels.insert(at, label);
    }
    labels
}

/// What names a thing first, then the rest.
fn ordered<'a>(fields: &'a Map<String, Json>, shape: &Shape<'_>) -> Vec<(&'a str, &'a Json)> {
    let required = shape.required();
    let rank = |key: &str| required.iter().position(|known| *known == key).unwrap_or(required.len());
    let mut fields: Vec<(&str, &Json)> = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
    fields.sort_by_key(|(key, _)| rank(key));
    fields
}

fn json<T: serde::Serialize>(settings: Option<&T>) -> Map<String, Json> {
    match settings.map(serde_json::to_value) {
        Some(Ok(Json::Object(map))) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

/// The text in which each value that is known later stands as a token.
fn tokens(value: &Val) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Lit(text) => text.clone(),
        Piece::Later(fact) => token::of(fact),
    };
    value.pieces().iter().map(piece).collect()
}

struct Writer<'a> {
    labels: &'a BTreeMap<&'a Address, String>,
}

impl Writer<'_> {
    fn section(&self, out: &mut String, header: &str, fields: &[(&str, Json)]) {
        let _ = writeln!(out, "{header}");
        fields.iter().for_each(|(key, value)| self.field(out, key, value));
    }

    fn meta(&self, out: &mut String, info: &EntryInfo, protected: bool) {
        if info.protect != protected {
            self.field(out, "protect", &Json::Bool(info.protect));
        }
        if info.adopt {
            self.field(out, "adopt", &Json::Bool(true));
        }
        let first = info.depends_on.iter().filter_map(|at| Some(format!("{}.{}", at.kind(), self.labels.get(at)?)));
        let first: Vec<Json> = first.map(Json::String).collect();
        if !first.is_empty() {
            self.field(out, "depends_on", &Json::Array(first));
        }
    }

    fn field(&self, out: &mut String, key: &str, value: &Json) {
        let _ = writeln!(out, "{} = {}", key_of(key), self.value(value));
    }

    fn value(&self, value: &Json) -> String {
        match value {
            Json::String(text) => text_of(&self.text(text)),
            Json::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.value(item)).collect::<Vec<_>>().join(", "))
            }
            Json::Object(map) => {
                let pair = |(key, value): (&String, &Json)| format!("{} = {}", key_of(key), self.value(value));
                format!("{{ {} }}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }

    /// A text as a template that gives it: tokens become references again, and what looks like a template is kept from being one.
    fn text(&self, text: &str) -> String {
        let Ok(value) = token::split(text) else { return text.to_owned() };
        let literal = |text: &str| {
            if template::is_template(text) { format!("{{% raw %}}{text}{{% endraw %}}") } else { text.to_owned() }
        };
        let data = |at: &Address| if at.is_data() { "data." } else { "" };
        let reference = |at: &Address| match self.labels.get(at) {
            Some(label) if label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                format!("{}{}.{label}", data(at), at.kind())
            }
            Some(label) => format!("{}{}['{label}']", data(at), at.kind()),
            None => at.to_string(),
        };
        let piece = |piece: &Piece| match piece {
            Piece::Lit(text) => literal(text),
            Piece::Later(fact) => format!("{{{{ {}.{} }}}}", reference(&fact.of), fact.name),
        };
        value.pieces().iter().map(piece).collect()
    }
}

fn key_of(key: &str) -> String {
    if Address::is_word(key) { key.to_owned() } else { toml::Value::String(key.to_owned()).to_string() }
}

/// A string as TOML writes it; one of several lines over several lines.
fn text_of(text: &str) -> String {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    if text.contains('\n') && !text.contains("'''") && !text.ends_with('\'') && text.chars().all(plain) {
        return format!("'''\n{text}'''");
    }
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_differ() {
        let all: Vec<Address> = ["box.a_b", "box.a.b", "module.a.box.b", "job.a_b", "module.a:b.module.c.box.d.e"]
            .map(|text| text.parse().unwrap())
            .into();
        let labels: Vec<String> = labels(all.iter()).into_iter().map(|(at, label)| format!("{at} {label}")).collect();
        let expected = [
            "box.a.b a_b",
            "box.a_b a_b_2",
            "job.a_b a_b",
            "module.a.box.b a_b_3",
            "module.a:b.module.c.box.d.e a_b_c_d_e",
        ];
        assert_eq!(labels.len(), expected.len());
        let distinct: BTreeSet<&str> = labels.iter().map(|text| text.rsplit(' ').next().unwrap()).collect();
        assert_eq!(distinct.len(), 4, "{labels:?}");
    }

    #[test]
    fn texts_are_toml() {
        for text in ["a", "a\nb", "it's\n'quoted'", "\u{1}", "'''\n", "x\n'", "\\ \" \r\n"] {
            let toml = format!("a = {}", text_of(text));
            assert_eq!(toml.parse::<toml::Table>().unwrap()["a"].as_str(), Some(text), "{toml}");
        }
    }
}
