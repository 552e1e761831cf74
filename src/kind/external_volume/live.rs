//! External volumes as Snowflake shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;
use serde_json::Value as Json;

use super::location::{EncryptionType, Place};
use super::{EXTERNAL_ID, ExternalVolume, Props, Spec, USER_ARN};
use crate::cloud::{CloudError, Row, Rows, Session, Which};
use crate::kind::{Entry, show};
use crate::model::{Context, Found, Ident, Observed, Seen, Text, Val};

pub(super) async fn describe(
    session: &Session,
    names: &BTreeSet<&Ident>,
) -> Result<BTreeMap<Ident, Arc<Rows>>, CloudError> {
    let one = |name: &Ident| {
        let (text, name) = (Text::new("DESC EXTERNAL VOLUME").name(name), name.clone());
        async move { Ok::<_, CloudError>(show::about(session, &text).await?.map(|rows| (name, rows))) }
    };
    Ok(try_join_all(names.iter().map(|name| one(name))).await?.into_iter().flatten().collect())
}

/// Joins what SHOW and DESC told. A listed volume that cannot be described is hidden: it must not be taken for absent.
pub(super) fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    answers: &BTreeMap<Ident, Arc<Rows>>,
) -> Result<Observed<Props>, CloudError> {
    let mut found = BTreeMap::new();
    for (name, row) in rows {
        if let Some(answer) = answers.get(name) {
            found.insert(name.clone(), read(name, row, answer)?);
        }
    }
    let mut out = show::observed::<ExternalVolume, _>(entries, context, |spec| spec.name.clone(), found);
    for entry in entries {
        let name = &entry.spec.name;
        match (out.declared.get_mut(&entry.at), rows.contains_key(name)) {
            // A pinned ID is what will be in force, whatever is now.
            (Some(Seen::Present(found)), _) => {
                found.facts.extend(entry.spec.external_id.iter().map(|pin| (EXTERNAL_ID, pin.clone())));
            }
            (Some(seen), true) => {
                let role = &context.snowflake_role;
                *seen = Seen::Hidden(format!(
                    "external volume {name} is there but {role} cannot describe it: grant the role USAGE on it"
                ));
            }
            _ => {}
        }
    }
    Ok(out)
}

fn read(name: &Ident, row: &Row<'_>, desc: &Rows) -> Result<Found<Props>, CloudError> {
    let (comment, mark) = show::comment(desc.property("COMMENT").or(row.get("comment")));
    let mut numbered = BTreeMap::new();
    for line in desc.iter() {
        let number = line.get("property").and_then(|property| property.strip_prefix("STORAGE_LOCATION_")?.parse().ok());
        let Some(number) = number else { continue };
        let number: u32 = number;
        let json: Json = serde_json::from_str(line.get("property_value").unwrap_or_default()).map_err(|error| {
            let text = format!("location {number} of {name} is no JSON: {error}");
            CloudError::unexpected(Which::Snowflake, "DESC EXTERNAL VOLUME", text)
        })?;
        numbered.insert(number, json);
    }
    let text = |json: &Json, member: &str| {
        let text = json.get(member).and_then(Json::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let ids: BTreeSet<String> = numbered.values().filter_map(|json| text(json, "STORAGE_AWS_EXTERNAL_ID")).collect();
    let flag = |json: &Json, member: &str| match json.get(member) {
        Some(Json::Bool(on)) => *on,
        Some(Json::String(word)) => word.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let place = |json: &Json| Place {
        name: text(json, "NAME").unwrap_or_default(),
        url: text(json, "STORAGE_BASE_URL").unwrap_or_default(),
        role: Val::known(text(json, "STORAGE_AWS_ROLE_ARN").unwrap_or_default()),
        encryption: text(json, "ENCRYPTION_TYPE").unwrap_or_else(|| EncryptionType::None.word().to_owned()),
        key: text(json, "ENCRYPTION_KMS_KEY_ID").map(Val::known),
        privatelink: flag(json, "USE_PRIVATELINK_ENDPOINT"),
    };
    let writes = desc.property("ALLOW_WRITES").or(row.get("allow_writes"));
    let props = Props {
        name: name.clone(),
        comment,
        mark,
        places: numbered.values().map(place).collect(),
        external_id: (!ids.is_empty()).then(|| ids.iter().cloned().collect::<Vec<_>>().join(", ")),
        writes: writes.is_some_and(|text| text.eq_ignore_ascii_case("true")),
        wait: false,
        active: desc.property("ACTIVE").map(str::to_owned),
    };
    let first = numbered.values().next();
    let fact = |name, member: &str| Some((name, text(first?, member)?));
    let facts = [fact(USER_ARN, "STORAGE_AWS_IAM_USER_ARN"), fact(EXTERNAL_ID, "STORAGE_AWS_EXTERNAL_ID")];
    Ok(Found { props, facts: facts.into_iter().flatten().collect() })
}
