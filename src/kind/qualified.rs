//! What all kinds of objects in schemas share: a full name out of the fields `schema` and `name`, and where they live.

use serde_json::json;

use super::{Attribute, Fields, OnReplace, Ref, Source};
use crate::model::{Ident, LiveId, ObjectName, SchemaName};

/// The attribute `fqn`: the full name with every part quoted, as statements need it.
pub const FQN: Attribute = Attribute {
    name: "fqn",
    about: "Its full name, each part quoted: `\"DATABASE\".\"SCHEMA\".\"NAME\"`.",
    from: Source::Computed(full_name),
};

/// The schema an object lives in, and its database, which may be declared without the schema (`PUBLIC` comes with it). If they are
/// replaced, all they hold is gone.
pub fn home(schema: &SchemaName) -> Vec<Ref> {
    let to = |to: LiveId, why: &'static str| Ref { to, why, on_replace: OnReplace::Replace };
    vec![to(LiveId::new("database", &schema.database), "its database"), to(LiveId::new("schema", schema), "its schema")]
}

/// The fields of an entry about the object of this full name, for import.
///
/// # Errors
/// Why the text is no full name, a sentence without a period.
pub fn named(name: &str) -> Result<Fields, String> {
    let name: ObjectName = name.parse().map_err(|error| format!("`{name}` is not `DATABASE.SCHEMA.NAME`: {error}"))?;
    Ok(exported(&name))
}

/// The fields that name an object in a schema.
pub fn exported(name: &ObjectName) -> Fields {
    vec![("schema", json!(name.schema.written())), ("name", json!(name.name.written()))]
}

fn full_name(field: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let get = |name: &str| field(name).ok_or_else(|| format!("`{name}` is missing"));
    let schema: SchemaName = get("schema")?.parse().map_err(|error| format!("`schema`: {error}"))?;
    let name: Ident = get("name")?.parse().map_err(|error| format!("`name`: {error}"))?;
    Ok(schema.object(&name).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_folds() {
        let field = |name: &str| Some(if name == "schema" { "db.\"s\"" } else { "t" }.to_owned());
        assert_eq!(full_name(&field).unwrap(), "\"DB\".\"s\".\"T\"");
        assert!(full_name(&|name| field(name).filter(|_| name == "schema")).unwrap_err().contains("`name`"));
    }
}
