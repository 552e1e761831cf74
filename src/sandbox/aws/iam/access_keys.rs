//! Access keys of users: what signs requests in their names. Without a user named, a request would be about the caller's own keys, which
//! the sandbox does not give away.

use super::super::directory::AccessKey;
use super::super::store::World;
use super::super::time::iso;
use super::super::wire::{Refused, refused};
use super::super::xml::Node;
use super::Outcome;
use super::fields::{Fields, invalid};
use super::users;

/// Most keys of one user.
const KEYS: usize = 2;

fn no_such_key(id: &str) -> Refused {
    refused(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found."))
}

fn status(key: &AccessKey) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

pub(super) fn create(world: &mut World, fields: &Fields) -> Outcome {
    let created = world.now();
    let name = fields.name("UserName", 64)?;
    let user = users::named(world, fields)?;
    if user.keys.len() >= KEYS {
        return Err(refused(409, "LimitExceeded", format!("Cannot exceed quota for AccessKeysPerUser: {KEYS}")));
    }
    let random = || uuid::Uuid::new_v4().simple().to_string();
    let id = format!("AKIA{}", random().to_ascii_uppercase().get(..16).unwrap_or_default());
    // 40 characters as AWS has them, among them those that need care in a literal of a statement or a form.
    let secret = format!("{}/+{}", random(), random().get(..6).unwrap_or_default());
    let key = AccessKey { id: id.clone(), secret: secret.clone(), active: true, created, used: None };
    let node = Node::new("AccessKey")
        .put("UserName", name)
        .put("AccessKeyId", &id)
        .put("Status", status(&key))
        .put("SecretAccessKey", secret)
        .put("CreateDate", iso(created));
    user.keys.push(key);
    Ok(Some(Node::new("").with(node)))
}

pub(super) fn list(world: &mut World, fields: &Fields) -> Outcome {
    let name = fields.name("UserName", 64)?;
    let user = users::named(world, fields)?;
    let show = |key: &AccessKey| {
        Node::new("member")
            .put("UserName", name)
            .put("AccessKeyId", &key.id)
            .put("Status", status(key))
            .put("CreateDate", iso(key.created))
    };
    fields.page(user.keys.iter().map(|key| (key.id.as_str(), key)), show, Node::new(""), "AccessKeyMetadata").map(Some)
}

pub(super) fn update(world: &mut World, fields: &Fields) -> Outcome {
    let id = fields.need("AccessKeyId")?;
    let active = match fields.need("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => return Err(invalid(format!("`{other}` is not a status of an access key"))),
    };
    let user = users::named(world, fields)?;
    let key = user.keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_such_key(id))?;
    key.active = active;
    Ok(None)
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let id = fields.need("AccessKeyId")?;
    let user = users::named(world, fields)?;
    let before = user.keys.len();
    user.keys.retain(|key| key.id != id);
    if user.keys.len() < before { Ok(None) } else { Err(no_such_key(id)) }
}

pub(super) fn last_used(world: &mut World, fields: &Fields) -> Outcome {
    let id = fields.need("AccessKeyId")?;
    let found = world.directory.users.iter().find_map(|(arn, user)| {
        let key = user.keys.iter().find(|key| key.id == id)?;
        Some((users::name_of(arn), key))
    });
    let Some((name, key)) = found else {
        // AWS does not tell whose keys of others are.
        let message =
            "User is not authorized to perform: iam:GetAccessKeyLastUsed because the access key is not in this account";
        return Err(refused(403, "AccessDenied", message));
    };
    let used = match &key.used {
        Some((at, region)) => {
            Node::new("AccessKeyLastUsed").put("LastUsedDate", iso(*at)).put("ServiceName", "s3").put("Region", region)
        }
        None => Node::new("AccessKeyLastUsed").put("ServiceName", "N/A").put("Region", "N/A"),
    };
    Ok(Some(Node::new("").put("UserName", name).with(used)))
}
