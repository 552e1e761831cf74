//! The Resource Groups Tagging API: `GetResources` over the buckets, keys and topics of a region. It does not list IAM roles, as AWS's does not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::store::World;
use super::wire::{Answer, Asked, Reply, refused};

/// Answers one request.
pub(super) fn answer(world: &World, asked: &Asked) -> Answer {
    let input: Value = serde_json::from_slice(&asked.body)
        .map_err(|_| refused(400, "SerializationException", "the request is not JSON"))?;
    if !asked.header("x-amz-target").is_some_and(|target| target.ends_with(".GetResources")) {
        return Err(refused(501, "NotImplemented", "the sandbox only knows tag:GetResources"));
    }
    let size = match input.get("ResourcesPerPage").map(Value::as_u64) {
        None => 50,
        Some(Some(size @ 1..=100)) => usize::try_from(size).unwrap_or(100),
        Some(_) => return Err(refused(400, "InvalidParameterException", "ResourcesPerPage must be between 1 and 100")),
    };
    let list = |name: &str| input.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (filters, types) = (list("TagFilters"), list("ResourceTypeFilters"));
    let from = input.get("PaginationToken").and_then(Value::as_str).unwrap_or_default();
    let buckets = world.buckets.iter().filter(|(_, bucket)| bucket.region == asked.region);
    let buckets = buckets.map(|(name, bucket)| (format!("arn:aws:s3:::{name}"), "s3:bucket", bucket.tags()));
    let keys = world.kms.get(&asked.region).into_iter().flat_map(|region| region.keys.values());
    let keys = keys.map(|key| (key.arn.clone(), "kms:key", key.tags.clone()));
    let topics = world.topics.get(&asked.region).into_iter().flat_map(|topics| topics.values());
    let topics = topics.map(|topic| (topic.arn().to_owned(), "sns", topic.tags().clone()));
    let mut found: Vec<_> = keys.chain(topics).chain(buckets).collect();
    found.retain(|(arn, kind, tags)| {
        let service = kind.split(':').next().unwrap_or_default();
        let type_fits = types.is_empty() || types.iter().any(|wanted| wanted == kind || wanted == service);
        arn.as_str() >= from && !tags.is_empty() && type_fits && filters.iter().all(|filter| fits(tags, filter))
    });
    found.sort();
    let next = found.get(size).map_or_else(String::new, |(arn, ..)| arn.clone());
    found.truncate(size);
    let tags = |tags: BTreeMap<String, String>| -> Vec<Value> {
        tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    };
    let mappings: Vec<Value> =
        found.into_iter().map(|(arn, _, has)| json!({ "ResourceARN": arn, "Tags": tags(has) })).collect();
    Ok(Reply::json(&json!({ "ResourceTagMappingList": mappings, "PaginationToken": next })))
}

/// A filter fits a resource that has its key with one of its values, or with any value if it names none.
fn fits(tags: &BTreeMap<String, String>, filter: &Value) -> bool {
    let key = filter.get("Key").and_then(Value::as_str).unwrap_or_default();
    let values = filter.get("Values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tags.get(key).is_some_and(|has| values.is_empty() || values.iter().any(|value| value == has))
}
