//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ACCOUNT;
use super::super::directory::unique_id;
use super::super::document::{Document, accept};
use super::super::grammar::Purpose;
use super::super::store::World;
use super::super::time::iso;
use super::super::wire::{Refused, percent_encode, refused};
use super::super::xml::Node;
use super::fields::Fields;
use super::{Outcome, Role, managed, tag_nodes};

/// Longest trust policy, white space not counted.
const TRUST_CHARACTERS: usize = 2048;

fn role_name(fields: &Fields) -> Result<&str, Refused> {
    fields.name("RoleName", 64)
}

fn trust(world: &World, text: &str) -> Result<Document, Refused> {
    let document =
        accept(world, Purpose::Trust, text).map_err(|message| refused(400, "MalformedPolicyDocument", message))?;
    if managed::size(text) > TRUST_CHARACTERS {
        let message = format!("Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS}");
        return Err(refused(409, "LimitExceeded", message));
    }
    Ok(document)
}

pub(super) fn boundary(world: &World, arn: &str) -> Result<String, Refused> {
    if managed::exists(world, arn) {
        Ok(arn.to_owned())
    } else {
        Err(refused(404, "NoSuchEntity", format!("Scope ARN: {arn} does not exist or is not attachable.")))
    }
}

pub(super) fn create(world: &mut World, fields: &Fields) -> Outcome {
    let name = role_name(fields)?;
    let path = fields.path("Path")?;
    let description = fields.description()?;
    let max_session = fields.max_session()?;
    let tags = fields.tags()?;
    let text = fields.need("AssumeRolePolicyDocument")?;
    if world.iam.roles.keys().any(|had| had.eq_ignore_ascii_case(name)) {
        return Err(refused(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let trust = trust(world, text)?;
    let boundary = fields.get("PermissionsBoundary").map(|arn| boundary(world, arn)).transpose()?;
    let role = Role {
        name: name.into(),
        path: path.into(),
        id: unique_id("AROA"),
        arn: format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
        created: world.now(),
        description,
        max_session,
        trust,
        boundary,
        tags,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        last_used: None,
    };
    world.iam.roles.insert(name.into(), role.clone());
    Ok(Some(Node::new("").with(shown(world, &role, Detail::Whole))))
}

/// How much of a role an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// `GetRole` and `CreateRole`: with tags, boundary and last use.
    Whole,
    /// `ListRoles`: without them.
    Short,
}

fn shown(world: &World, role: &Role, detail: Detail) -> Node {
    let node = Node::new("Role")
        .put("Path", &role.path)
        .put("RoleName", &role.name)
        .put("RoleId", &role.id)
        .put("Arn", &role.arn)
        .put("CreateDate", iso(role.created))
        .put("AssumeRolePolicyDocument", percent_encode(&role.trust.shown(world)))
        .put_some("Description", role.description.as_ref())
        .put("MaxSessionDuration", role.max_session);
    if detail == Detail::Short {
        return node;
    }
    node.extend(boundary_node(role.boundary.as_ref()))
        .extend((!role.tags.is_empty()).then(|| tag_nodes(&role.tags)))
        .with(last_used(role))
}

pub(super) fn boundary_node(boundary: Option<&String>) -> Option<Node> {
    let node = Node::new("PermissionsBoundary").put("PermissionsBoundaryType", "Policy");
    boundary.map(|arn| node.put("PermissionsBoundaryArn", arn))
}

pub(super) fn last_used(role: &Role) -> Node {
    match &role.last_used {
        Some((when, region)) => Node::new("RoleLastUsed").put("LastUsedDate", iso(*when)).put("Region", region),
        None => Node::new("RoleLastUsed"),
    }
}

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    let role = world.iam.role(role_name(fields)?)?;
    Ok(Some(Node::new("").with(shown(world, role, Detail::Whole))))
}

pub(super) fn list(world: &mut World, fields: &Fields) -> Outcome {
    let prefix = fields.get("PathPrefix").unwrap_or("/");
    let roles = world.iam.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    let show = |role: &Role| Node { name: "member".into(), ..shown(world, role, Detail::Short) };
    fields.page(roles.map(|(name, role)| (name.as_str(), role)), show, Node::new(""), "Roles").map(Some)
}

/// What a request leaves out goes back to its default.
pub(super) fn update(world: &mut World, fields: &Fields) -> Outcome {
    let name = role_name(fields)?;
    let (description, max_session) = (fields.description()?, fields.max_session()?);
    let role = world.iam.role_mut(name)?;
    role.description = description;
    role.max_session = max_session;
    Ok(Some(Node::new("")))
}

pub(super) fn update_trust(world: &mut World, fields: &Fields) -> Outcome {
    let name = role_name(fields)?;
    let text = fields.need("PolicyDocument")?;
    world.iam.role(name)?;
    let trust = trust(world, text)?;
    world.iam.role_mut(name)?.trust = trust;
    Ok(None)
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let name = role_name(fields)?;
    let role = world.iam.role(name)?;
    if !role.attached.is_empty() {
        return Err(refused(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(refused(409, "DeleteConflict", "Cannot delete entity, must delete policies first."));
    }
    world.iam.roles.remove(name);
    Ok(None)
}

pub(super) fn put_boundary(world: &mut World, fields: &Fields) -> Outcome {
    let name = role_name(fields)?;
    world.iam.role(name)?;
    let arn = boundary(world, fields.need("PermissionsBoundary")?)?;
    world.iam.role_mut(name)?.boundary = Some(arn);
    Ok(None)
}

pub(super) fn delete_boundary(world: &mut World, fields: &Fields) -> Outcome {
    world.iam.role_mut(role_name(fields)?)?.boundary = None;
    Ok(None)
}

pub(super) fn tag(world: &mut World, fields: &Fields) -> Outcome {
    let new = fields.tags()?;
    super::tag(&mut world.iam.role_mut(role_name(fields)?)?.tags, new)
}

pub(super) fn untag(world: &mut World, fields: &Fields) -> Outcome {
    super::untag(&mut world.iam.role_mut(role_name(fields)?)?.tags, fields);
    Ok(None)
}

pub(super) fn list_tags(world: &mut World, fields: &Fields) -> Outcome {
    super::list_tags(&world.iam.role(role_name(fields)?)?.tags, fields)
}

/// There are no instance profiles in the sandbox, so no role is in one.
pub(super) fn instance_profiles(world: &mut World, fields: &Fields) -> Outcome {
    world.iam.role(role_name(fields)?)?;
    Ok(Some(Node::new("").with(Node::new("InstanceProfiles")).put("IsTruncated", false)))
}
