//! Inline policies of roles, and managed policies attached to them.

use super::super::document::accept;
use super::super::grammar::Purpose;
use super::super::store::World;
use super::super::wire::{Refused, percent_encode, refused};
use super::super::xml::Node;
use super::fields::Fields;
use super::{Outcome, managed};

/// Longest sum of a role's inline policies, white space not counted.
const INLINE_CHARACTERS: usize = 10_240;
/// Most managed policies on a role.
const ATTACHED: usize = 10;

fn no_such_policy(policy: &str) -> Refused {
    refused(404, "NoSuchEntity", format!("The role policy with name {policy} cannot be found."))
}

pub(super) fn put(world: &mut World, fields: &Fields) -> Outcome {
    let (role, name) = (fields.name("RoleName", 64)?, fields.name("PolicyName", 128)?);
    let text = fields.need("PolicyDocument")?;
    world.iam.role(role)?;
    accept(world, Purpose::Identity, text).map_err(|message| refused(400, "MalformedPolicyDocument", message))?;
    let found = world.iam.role_mut(role)?;
    let others: usize = found.inline.iter().filter(|(had, _)| *had != name).map(|(_, text)| managed::size(text)).sum();
    if others + managed::size(text) > INLINE_CHARACTERS {
        let message = format!("Maximum policy size of {INLINE_CHARACTERS} bytes exceeded for role {role}");
        return Err(refused(409, "LimitExceeded", message));
    }
    found.inline.insert(name.into(), text.into());
    Ok(None)
}

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    let role = world.iam.role(fields.name("RoleName", 64)?)?;
    let name = fields.name("PolicyName", 128)?;
    let text = role.inline.get(name).ok_or_else(|| no_such_policy(name))?;
    let node = Node::new("").put("RoleName", &role.name).put("PolicyName", name);
    Ok(Some(node.put("PolicyDocument", percent_encode(text))))
}

pub(super) fn list(world: &mut World, fields: &Fields) -> Outcome {
    let role = world.iam.role(fields.name("RoleName", 64)?)?;
    let names = role.inline.keys().map(|name| (name.as_str(), name));
    fields.page(names, |name| Node::leaf("member", name), Node::new(""), "PolicyNames").map(Some)
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let name = fields.name("PolicyName", 128)?;
    let role = world.iam.role_mut(fields.name("RoleName", 64)?)?;
    role.inline.remove(name).map(|_| None).ok_or_else(|| no_such_policy(name))
}

pub(super) fn attach(world: &mut World, fields: &Fields) -> Outcome {
    let (role, arn) = (fields.name("RoleName", 64)?, fields.need("PolicyArn")?);
    world.iam.role(role)?;
    if !managed::exists(world, arn) {
        return Err(refused(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable.")));
    }
    let found = world.iam.role_mut(role)?;
    if !found.attached.contains(arn) && found.attached.len() >= ATTACHED {
        let message = format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED}");
        return Err(refused(409, "LimitExceeded", message));
    }
    found.attached.insert(arn.into());
    Ok(None)
}

pub(super) fn detach(world: &mut World, fields: &Fields) -> Outcome {
    let arn = fields.need("PolicyArn")?;
    let role = world.iam.role_mut(fields.name("RoleName", 64)?)?;
    if role.attached.remove(arn) {
        Ok(None)
    } else {
        Err(refused(404, "NoSuchEntity", format!("Policy {arn} was not found.")))
    }
}

pub(super) fn list_attached(world: &mut World, fields: &Fields) -> Outcome {
    let role = world.iam.role(fields.name("RoleName", 64)?)?;
    let arns = role.attached.iter().map(|arn| (arn.as_str(), arn.as_str()));
    fields.page(arns, attached_node, Node::new(""), "AttachedPolicies").map(Some)
}

/// A policy that is attached, by name and ARN.
pub(super) fn attached_node(arn: &str) -> Node {
    Node::new("member").put("PolicyName", managed::name_of(arn)).put("PolicyArn", arn)
}
