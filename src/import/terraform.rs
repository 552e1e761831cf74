//! What a Terraform state says exists: names to import, and nothing else. Properties are read from the clouds, never from the state.
//!
//! Source: Terraform documentation, "JSON Output Format" and the state file version 4; the names of resources and attributes are those of the
//! providers `hashicorp/aws` and `snowflakedb/snowflake`.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::follow::Lead;
use crate::model::{Ident, ObjectName, SchemaName};

/// The largest state that is read, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// What a state leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Objects that a kind can manage.
    pub leads: BTreeSet<Lead>,
    /// What is left out: addresses in Terraform's words, and why.
    pub left: Vec<(String, String)>,
}

/// Parts of an object that a kind manages with the object itself.
const PARTS: [(&str, &str); 14] = [
    ("aws_s3_bucket_versioning", "bucket"),
    ("aws_s3_bucket_public_access_block", "bucket"),
    ("aws_s3_bucket_server_side_encryption_configuration", "bucket"),
    ("aws_s3_bucket_ownership_controls", "bucket"),
    ("aws_s3_bucket_policy", "bucket"),
    ("aws_s3_bucket_lifecycle_configuration", "bucket"),
    ("aws_s3_bucket_logging", "bucket"),
    ("aws_s3_bucket_notification", "bucket"),
    ("aws_iam_role_policy", "iam_role"),
    ("aws_iam_role_policy_attachment", "iam_role"),
    ("aws_iam_user_policy", "iam_user"),
    ("aws_iam_user_policy_attachment", "iam_user"),
    ("aws_iam_policy_attachment", "iam_policy"),
    ("aws_kms_key_policy", "kms_key"),
];

/// Objects in schemas, by the beginning of their resources' names; the longest that fits counts.
const IN_SCHEMA: [(&str, &str); 9] = [
    ("snowflake_stage_internal", ""),
    ("snowflake_stage", "stage"),
    ("snowflake_file_format", "file_format"),
    ("snowflake_stream", "stream"),
    ("snowflake_table_constraint", ""),
    ("snowflake_table", "table"),
    ("snowflake_task", "task"),
    ("snowflake_view", "view"),
    ("snowflake_pipe", "pipe"),
];

/// Reads a state of version 4.
///
/// # Errors
/// Why the text is no such state.
pub fn read(text: &str) -> Result<Found, String> {
    // The reader itself refuses what is nested too deep.
    let state: Json = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    match state["version"].as_u64() {
        Some(4) => {}
        Some(version) => return Err(format!("it is a state of version {version}, version 4 is read")),
        None => return Err("it is no Terraform state: it has no `version`".to_owned()),
    }
    let resources = state["resources"].as_array().ok_or("it is no Terraform state: it has no `resources`")?;
    let managed = resources.iter().filter(|resource| resource["mode"].as_str() == Some("managed"));
    let mut found = Found::default();
    let mut keys = Keys::default();
    for resource in managed {
        let sort = resource["type"].as_str().unwrap_or_default();
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let address = address(resource, instance);
            match lead(sort, &instance["attributes"], &mut keys) {
                Ok(Some(lead)) => drop(found.leads.insert(lead)),
                Ok(None) => keys.places.extend((sort == "aws_kms_key").then_some(address)),
                Err(why) => found.left.push((address, why)),
            }
        }
    }
    // A key is managed by its alias.
    let without = keys.arns.iter().zip(&keys.places).filter(|(arn, _)| !keys.aliased.contains(*arn));
    let why = "the state has no alias of it, and a key is found by its alias";
    found.left.extend(without.map(|(_, place)| (place.clone(), why.to_owned())));
    found.left.sort();
    Ok(found)
}

/// Keys by ARN, those that an alias points at, and where the keys stand.
#[derive(Debug, Default)]
struct Keys {
    arns: Vec<String>,
    places: Vec<String>,
    aliased: BTreeSet<String>,
}

/// `module.x.aws_s3_bucket.data["in"]`.
fn address(resource: &Json, instance: &Json) -> String {
    let text = |name: &str| resource[name].as_str().unwrap_or_default();
    let module = resource["module"].as_str().map(|module| format!("{module}.")).unwrap_or_default();
    let key = instance.get("index_key").map(|key| format!("[{key}]")).unwrap_or_default();
    format!("{module}{}.{}{key}", text("type"), text("name"))
}

/// What a resource leads to; nothing where something else leads to the same.
fn lead(sort: &str, attributes: &Json, keys: &mut Keys) -> Result<Option<Lead>, String> {
    let text = |name: &str| {
        let value = attributes[name].as_str().filter(|text| !text.is_empty());
        value.ok_or_else(|| format!("the state does not tell its `{name}`"))
    };
    let ident = |name: &str| {
        let stored = Ident::stored(text(name)?).map_err(|error| format!("its `{name}`: {error}"))?;
        Ok::<Ident, String>(stored)
    };
    if PARTS.iter().any(|(part, _)| *part == sort) {
        return Ok(None);
    }
    let lead = match sort {
        "aws_s3_bucket" => {
            let region = attributes["region"].as_str().map(|region| format!("@{region}")).unwrap_or_default();
            Lead::new("bucket", format!("{}{region}", text("bucket")?))
        }
        "aws_kms_key" => {
            keys.arns.push(text("arn")?.to_owned());
            return Ok(None);
        }
        "aws_kms_alias" => {
            keys.aliased.extend(attributes["target_key_arn"].as_str().map(str::to_owned));
            Lead::new("kms_key", text("name")?)
        }
        "aws_iam_role" => Lead::new("iam_role", text("arn")?),
        "aws_iam_policy" => Lead::new("iam_policy", text("arn")?),
        "aws_iam_user" => Lead::new("iam_user", text("arn")?),
        "snowflake_storage_integration" | "snowflake_storage_integration_aws" => {
            Lead::new("storage_integration", ident("name")?.written())
        }
        "snowflake_database" => Lead::new("database", ident("name")?.written()),
        "snowflake_warehouse" => Lead::new("warehouse", ident("name")?.written()),
        "snowflake_schema" => {
            Lead::new("schema", SchemaName { database: ident("database")?, schema: ident("name")? }.written())
        }
        sort => {
            let fits = IN_SCHEMA.iter().filter(|(begin, _)| sort.starts_with(begin));
            let kind = fits.max_by_key(|(begin, _)| begin.len()).map(|(_, kind)| *kind).filter(|kind| !kind.is_empty());
            let kind = kind.ok_or("there is no kind for it")?;
            let schema = SchemaName { database: ident("database")?, schema: ident("schema")? };
            Lead::new(kind, ObjectName { schema, name: ident("name")? }.written())
        }
    };
    Ok(Some(lead))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn state(resources: &[(&str, Json)]) -> String {
        let resource = |(sort, attributes): &(&str, Json)| json!({ "mode": "managed", "type": sort, "name": "x", "instances": [{ "attributes": attributes }] });
        json!({ "version": 4, "resources": resources.iter().map(resource).collect::<Vec<_>>() }).to_string()
    }

    #[test]
    fn resources_lead_to_objects() {
        let text = state(&[
            ("aws_s3_bucket", json!({ "bucket": "acme", "region": "eu-west-1" })),
            ("aws_s3_bucket_versioning", json!({ "bucket": "acme" })),
            ("aws_kms_key", json!({ "arn": "arn:aws:kms:eu-west-1:111122223333:key/1" })),
            (
                "aws_kms_alias",
                json!({ "name": "alias/a", "target_key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1" }),
            ),
            ("aws_kms_key", json!({ "arn": "arn:aws:kms:eu-west-1:111122223333:key/2" })),
            ("aws_iam_role", json!({ "arn": "arn:aws:iam::111122223333:role/r" })),
            ("snowflake_database", json!({ "name": "db" })),
            ("snowflake_schema", json!({ "database": "DB", "name": "S" })),
            ("snowflake_stage_external_s3", json!({ "database": "DB", "schema": "S", "name": "A" })),
            ("snowflake_stage_internal", json!({ "database": "DB", "schema": "S", "name": "B" })),
            ("snowflake_stream_on_directory_table", json!({ "database": "DB", "schema": "S", "name": "C" })),
            ("snowflake_task", json!({ "database": "DB", "schema": "S" })),
            ("snowflake_user", json!({ "name": "U" })),
        ]);
        let Found { leads, left } = read(&text).unwrap();
        let wanted = [
            ("bucket", "acme@eu-west-1"),
            ("database", "\"db\""),
            ("iam_role", "arn:aws:iam::111122223333:role/r"),
            ("kms_key", "alias/a"),
            ("schema", "DB.S"),
            ("stage", "DB.S.A"),
            ("stream", "DB.S.C"),
        ];
        assert_eq!(leads, wanted.map(|(kind, name)| Lead::new(kind, name)).into());
        let left: Vec<&str> = left.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(left, ["aws_kms_key.x", "snowflake_stage_internal.x", "snowflake_task.x", "snowflake_user.x"]);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let deep = format!("{{\"version\":4,\"resources\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for text in ["", "[]", "{}", "{\"version\":3,\"resources\":[]}", "{\"version\":4}", deep.as_str()] {
            assert!(read(text).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused(text in "[{}\\[\\]\",:a-z0-9]{0,60}") {
            let _ = read(&text);
            let _ = read(&format!("{{\"version\":4,\"resources\":[{{\"mode\":\"managed\",\"type\":\"snowflake_task\",\"instances\":[{{\"attributes\":{text}}}]}}]}}"));
        }
    }
}
