//! External volumes on S3.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{ResultSet, SessionState};
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::{Name, Parser};
use super::props::{Props, Value};
use super::show::{Beyond, DESCRIBE, Filter, SHOW, Sheet, true_false};
use super::simulator::Simulator;
use super::state::{Body, Id, Kind};

/// An external volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExternalVolume {
    /// The first is the active one.
    pub(super) locations: Vec<Location>,
    pub(super) writes: bool,
}

/// A storage location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Location {
    name: String,
    provider: String,
    base_url: String,
    role_arn: String,
    external_id: String,
    encryption: String,
    kms_key: String,
    privatelink: bool,
}

fn location(cx: &Context<'_>, props: &mut Props) -> Fallible<Location> {
    let name = props.text("NAME")?;
    let provider = props.choice("STORAGE_PROVIDER", &["S3", "S3CHINA", "S3GOV"])?;
    let url = props.text("STORAGE_BASE_URL")?;
    let role = props.text("STORAGE_AWS_ROLE_ARN")?;
    let external_id = props.text("STORAGE_AWS_EXTERNAL_ID")?;
    let mut encryption = props.nested("ENCRYPTION")?.unwrap_or_default();
    let privatelink = props.boolean("USE_PRIVATELINK_ENDPOINT")?.unwrap_or(false);
    let (Some(name), Some(provider), Some(base_url), Some(role_arn)) = (&name, &provider, &url, &role) else {
        let lacking = [
            ("NAME", name.is_none()),
            ("STORAGE_PROVIDER", provider.is_none()),
            ("STORAGE_BASE_URL", url.is_none()),
            ("STORAGE_AWS_ROLE_ARN", role.is_none()),
        ];
        let names: Vec<&str> = lacking.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        return Err(fail::missing_options(&names));
    };
    if !base_url.starts_with(&format!("{}://", provider.to_lowercase())) {
        return Err(fail::bad_url(provider));
    }
    let way = encryption.choice("TYPE", &["AWS_SSE_S3", "AWS_SSE_KMS", "NONE"])?;
    let kms_key = encryption.text("KMS_KEY_ID")?.unwrap_or_default();
    encryption.finish()?;
    Ok(Location {
        name: name.clone(),
        provider: provider.clone(),
        base_url: base_url.clone(),
        role_arn: role_arn.clone(),
        external_id: external_id.unwrap_or_else(|| cx.see().new_external_id()),
        encryption: way.unwrap_or_else(|| "NONE".into()),
        kms_key,
        privatelink,
    })
}

/// `CREATE [OR REPLACE] EXTERNAL VOLUME …`, after the kind.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let place = p.mark_place();
    let mut props = Props::read(p)?;
    p.end()?;
    let written = match props.any("STORAGE_LOCATIONS") {
        None => return Err(fail::missing_options(&["STORAGE_LOCATIONS"])),
        Some(Value::List(values)) if !values.is_empty() => values,
        Some(_) => return Err(p.unexpected_at(place)),
    };
    let mut locations: Vec<Location> = Vec::new();
    for value in written {
        let Value::Props(mut one) = value else { return Err(p.unexpected_at(place)) };
        let location = location(cx, &mut one)?;
        one.finish()?;
        add(&mut locations, location)?;
    }
    let writes = props.boolean("ALLOW_WRITES")?.unwrap_or(true);
    let comment = props.text("COMMENT")?;
    props.finish()?;
    let slot = match cx.claim(Kind::ExternalVolume, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    cx.put(&slot, comment, Body::ExternalVolume(ExternalVolume { locations, writes }));
    Ok(created("External volume", &slot.name))
}

/// The code of a second location of one name is not known; the words are the simulator's.
fn add(locations: &mut Vec<Location>, location: Location) -> Fallible<()> {
    if locations.iter().any(|other| other.name.eq_ignore_ascii_case(&location.name)) {
        return Err(fail::already_exists(&location.name));
    }
    locations.push(location);
    Ok(())
}

/// `ALTER EXTERNAL VOLUME n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(mut next) = cx.see().external_volume(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    if p.eat("REMOVE STORAGE_LOCATION") {
        let name = p.text()?;
        p.end()?;
        let volume = cx.see().bare_name(id);
        let Some(index) = next.locations.iter().position(|location| location.name == name) else {
            return Err(fail::missing("Storage location", &name));
        };
        if index == 0 {
            let text = format!(
                "SQL compilation error:\nThe active storage location {name} cannot be removed on external volume {volume}."
            );
            return Err(fail::error("393926", "42601", text));
        }
        next.locations.remove(index);
    } else {
        let adds = p.eat("ADD");
        if !adds {
            p.need("SET")?;
        }
        let place = p.mark_place();
        let mut props = Props::read(p)?;
        p.end()?;
        if adds {
            let Some(mut one) = props.nested("STORAGE_LOCATION")? else { return Err(p.unexpected_at(place)) };
            let location = location(cx, &mut one)?;
            one.finish()?;
            add(&mut next.locations, location)?;
        } else {
            if props.is_empty() {
                return Err(p.unexpected());
            }
            next.writes = props.boolean("ALLOW_WRITES")?.unwrap_or(next.writes);
            comment = props.text("COMMENT")?;
        }
        props.finish()?;
    }
    cx.demand(id, &[])?;
    let state = cx.edit();
    if let Some(volume) = state.external_volume_mut(id) {
        *volume = next;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// `SHOW EXTERNAL VOLUMES`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::ExternalVolume, false)?;
    let mut sheet = Sheet::new(SHOW, &["name", "allow_writes", "comment"]);
    for object in filter.objects(cx, Kind::ExternalVolume, Beyond::Cut)? {
        let Some(it) = cx.see().external_volume(object.id) else { continue };
        sheet.row([(&object.name).into(), true_false(it.writes), (&object.comment).into()]);
    }
    Ok(sheet.done())
}

/// `DESC EXTERNAL VOLUME n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let (Some(it), Some(object)) = (cx.see().external_volume(id), cx.see().get(id)) else {
        return Err(fail::nowhere());
    };
    let columns = ["parent_property", "property", "property_type", "property_value", "property_default"];
    let mut sheet = Sheet::new(DESCRIBE, &columns);
    let mut row = |parent: &str, property: &str, kind: &str, value: String, default: &str| {
        sheet.row([parent.into(), property.into(), kind.into(), value.into(), default.into()]);
    };
    row("", "ALLOW_WRITES", "Boolean", it.writes.to_string(), "true");
    for (index, location) in it.locations.iter().enumerate() {
        let json = json!({
            "NAME": location.name,
            "STORAGE_PROVIDER": location.provider,
            "STORAGE_BASE_URL": location.base_url,
            "STORAGE_ALLOWED_LOCATIONS": [format!("{}*", location.base_url)],
            "STORAGE_AWS_ROLE_ARN": location.role_arn,
            "STORAGE_AWS_IAM_USER_ARN": cx.see().volume_user_arn(),
            "STORAGE_AWS_EXTERNAL_ID": location.external_id,
            "ENCRYPTION_TYPE": location.encryption,
            "ENCRYPTION_KMS_KEY_ID": location.kms_key,
            "USE_PRIVATELINK_ENDPOINT": location.privatelink.to_string(),
        });
        row("STORAGE_LOCATIONS", &format!("STORAGE_LOCATION_{}", index + 1), "String", json.to_string(), "");
    }
    let active = it.locations.first().map(|location| location.name.clone()).unwrap_or_default();
    row("STORAGE_LOCATIONS", "ACTIVE", "String", active, "");
    row("", "COMMENT", "String", object.comment.clone(), "");
    Ok(sheet.done())
}

/// `SYSTEM$VERIFY_EXTERNAL_VOLUME(name)`, of its owner alone: assumes the role of the active location; where writes are allowed, a file is written,
/// read, listed and deleted.
pub(super) async fn verify(
    simulator: &Simulator,
    session: &mut SessionState,
    query_id: &str,
    name: &str,
) -> Fallible<String> {
    let (location, writes, principal) = simulator.with(session, query_id, |cx| {
        let id = cx.object_with(Kind::ExternalVolume, &Name::read(name)?, &[], "SELECT")?;
        let volume = cx.see().external_volume(id).ok_or_else(fail::nowhere)?;
        let first = volume.locations.first().cloned().ok_or_else(fail::nowhere)?;
        Ok((first, volume.writes, cx.see().volume_user_arn()))
    })?;
    let rest = location.base_url.split_once("://").map_or("", |(_, rest)| rest);
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let door = simulator.door();
    let assumed = door.assume(&principal, &location.role_arn, &location.external_id).await;
    let key = format!("{prefix}{}verify_{query_id}", if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" });
    let passed = |outcome: Result<(), super::super::door::Refusal>| match outcome {
        Ok(()) => "PASSED".to_owned(),
        Err(refusal) => fail::cause(&refusal),
    };
    let mut results = vec![(
        "awsRoleArnValidationResult",
        assumed.as_ref().map_or_else(|refusal| fail::assume_refused(refusal).message, |_| "PASSED".to_owned()),
    )];
    let actions = ["writeResult", "readResult", "listResult", "deleteResult"];
    match &assumed {
        Ok(by) if writes => {
            results.push((actions[0], passed(door.put(by, bucket, &key, b"verify".to_vec()).await)));
            results.push((actions[1], passed(door.get(by, bucket, &key).await.map(|_| ()))));
            results.push((actions[2], passed(door.list(by, bucket, prefix).await.map(|_| ()))));
            results.push((actions[3], passed(door.delete(by, bucket, &key).await)));
        }
        _ => results.extend(actions.map(|action| (action, "SKIPPED".to_owned()))),
    }
    let success = results.iter().all(|(_, result)| result == "PASSED" || result == "SKIPPED");
    let mut answer = json!({
        "success": success,
        "storageLocationSelectionResult": "PASSED",
        "storageLocationName": location.name,
        "servicePrincipalProperties": format!("STORAGE_AWS_IAM_USER_ARN: {principal}; STORAGE_AWS_EXTERNAL_ID: {}", location.external_id),
        "location": location.base_url,
    });
    for (name, result) in results {
        answer[name] = result.into();
    }
    Ok(answer.to_string())
}
