//! What a kind's JSON schema says about one place in an entry.

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// All that may stand at one place. Without alternatives nothing is known and everything is let through.
#[derive(Clone, Debug)]
pub(super) struct Shape<'a> {
    root: &'a Json,
    alternatives: Vec<&'a Json>,
    secret: bool,
    named: bool,
}

/// References are followed this deep at most.
const DEEPEST: usize = 32;

impl<'a> Shape<'a> {
    /// The whole of a schema.
    pub(super) fn of(root: &'a Json) -> Self {
        let mut shape = Self { root, alternatives: Vec::new(), secret: false, named: false };
        shape.expand(root, 0);
        shape
    }

    fn nested(&self, schemas: impl Iterator<Item = &'a Json>) -> Self {
        let mut shape = Self { root: self.root, alternatives: Vec::new(), secret: false, named: false };
        schemas.for_each(|schema| shape.expand(schema, 0));
        shape
    }

    fn expand(&mut self, schema: &'a Json, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        if let Some(path) = schema.get("$ref").and_then(Json::as_str) {
            self.named = true;
            self.secret |= path.ends_with("/SecretRef");
            if let Some(target) = path.strip_prefix('#').and_then(|path| self.root.pointer(path)) {
                self.expand(target, depth + 1);
            }
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            let schemas = schema.get(several).and_then(Json::as_array);
            schemas.into_iter().flatten().for_each(|schema| self.expand(schema, depth + 1));
        }
        let says = ["type", "properties", "enum", "const"].iter().any(|key| schema.get(key).is_some());
        if says && schema.get("type").and_then(Json::as_str) != Some("null") {
            self.alternatives.push(schema);
        }
    }

    /// What may stand under a key.
    pub(super) fn field(&self, name: &str) -> Self {
        self.nested(self.alternatives.iter().filter_map(|schema| {
            let property = schema.get("properties").and_then(|all| all.get(name));
            property.or_else(|| schema.get("additionalProperties").filter(|rest| rest.is_object()))
        }))
    }

    /// What may stand in a list.
    pub(super) fn item(&self) -> Self {
        self.nested(self.alternatives.iter().filter_map(|schema| schema.get("items")))
    }

    /// Whether a secret belongs here.
    pub(super) fn is_secret(&self) -> bool {
        self.secret
    }

    /// The default of a key, where it is a value.
    pub(super) fn default_of(&self, name: &str) -> Option<&'a Json> {
        let of = |schema: &&'a Json| schema.get("properties")?.get(name)?.get("default");
        self.alternatives.iter().find_map(of).filter(|default| !default.is_null())
    }

    fn allows(&self, wanted: &str) -> bool {
        self.alternatives.iter().any(|schema| match schema.get("type") {
            Some(Json::String(kind)) => kind == wanted,
            Some(Json::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
            _ => false,
        })
    }

    /// Whether a text may stand here.
    pub(super) fn takes_text(&self) -> bool {
        self.allows("string") && !self.secret
    }

    /// Whether this is a plain text: no type of ours, which would know what to do with values that are known only after apply.
    pub(super) fn is_plain_text(&self) -> bool {
        !self.named && self.allows("string")
    }

    /// Whether a text may stand here, but neither a number nor a boolean.
    pub(super) fn takes_only_text(&self) -> bool {
        self.takes_text() && !["integer", "number", "boolean"].iter().any(|kind| self.allows(kind))
    }

    fn objects(&self) -> impl Iterator<Item = &'a Json> {
        self.alternatives.iter().copied().filter(|schema| {
            schema.get("properties").is_some() || schema.get("type").and_then(Json::as_str) == Some("object")
        })
    }

    /// The keys a table may have here, if only certain keys are allowed.
    pub(super) fn keys(&self) -> Option<BTreeSet<&'a str>> {
        let mut keys = BTreeSet::new();
        let mut objects = 0;
        for schema in self.objects() {
            if schema.get("additionalProperties") != Some(&Json::Bool(false)) {
                return None;
            }
            objects += 1;
            keys.extend(
                schema.get("properties").and_then(Json::as_object).into_iter().flatten().map(|(key, _)| key.as_str()),
            );
        }
        (objects > 0).then_some(keys)
    }

    /// The keys a table must have here, if there is only one sort of table that fits.
    pub(super) fn required(&self) -> Vec<&'a str> {
        let mut objects = self.objects();
        match (objects.next(), objects.next()) {
            (Some(schema), None) => {
                let required = schema.get("required").and_then(Json::as_array);
                required.into_iter().flatten().filter_map(Json::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a key is for, from its description: the first line.
    pub(super) fn about(&self, name: &str) -> Option<&'a str> {
        let of = |schema: &&'a Json| schema.get("properties")?.get(name)?.get("description")?.as_str();
        self.alternatives.iter().find_map(of).and_then(|text| text.lines().next())
    }
}
