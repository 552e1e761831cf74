//! What roles and users hold: inline policies, and managed policies that are attached to them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::accept;
use super::super::grammar::Purpose;
use super::super::store::World;
use super::super::wire::{Refused, percent_encode, refused};
use super::super::xml::Node;
use super::fields::Fields;
use super::{Outcome, managed, users};

/// Most managed policies on a role or user.
const ATTACHED: usize = 10;

/// Whose policies a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Role,
    User,
}

/// What one of them holds.
type Held<'w> = (&'w mut BTreeMap<String, String>, &'w mut BTreeSet<String>);

impl Of {
    /// The parameter that names it.
    fn parameter(self) -> &'static str {
        match self {
            Self::Role => "RoleName",
            Self::User => "UserName",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }

    /// Longest sum of its inline policies, white space not counted.
    fn inline_characters(self) -> usize {
        match self {
            Self::Role => 10_240,
            Self::User => 2_048,
        }
    }

    /// The name of the quota of attached policies.
    fn quota(self) -> &'static str {
        match self {
            Self::Role => "PoliciesPerRole",
            Self::User => "PoliciesPerUser",
        }
    }

    fn name(self, fields: &Fields) -> Result<&str, Refused> {
        fields.name(self.parameter(), 64)
    }

    fn find<'w>(self, world: &'w mut World, fields: &Fields) -> Result<Held<'w>, Refused> {
        let name = self.name(fields)?;
        match self {
            Self::Role => world.iam.role_mut(name).map(|role| (&mut role.inline, &mut role.attached)),
            Self::User => users::find_mut(world, name).map(|user| (&mut user.inline, &mut user.attached)),
        }
    }

    fn no_such_policy(self, policy: &str) -> Refused {
        refused(404, "NoSuchEntity", format!("The {} policy with name {policy} cannot be found.", self.word()))
    }
}

pub(super) fn put(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let (whose, name) = (of.name(fields)?, fields.name("PolicyName", 128)?);
    let text = fields.need("PolicyDocument")?;
    of.find(world, fields)?;
    accept(world, Purpose::Identity, text).map_err(|message| refused(400, "MalformedPolicyDocument", message))?;
    let (inline, _) = of.find(world, fields)?;
    let others: usize = inline.iter().filter(|(had, _)| *had != name).map(|(_, text)| managed::size(text)).sum();
    let most = of.inline_characters();
    if others + managed::size(text) > most {
        let message = format!("Maximum policy size of {most} bytes exceeded for {} {whose}", of.word());
        return Err(refused(409, "LimitExceeded", message));
    }
    inline.insert(name.into(), text.into());
    Ok(None)
}

pub(super) fn get(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let name = fields.name("PolicyName", 128)?;
    let (inline, _) = of.find(world, fields)?;
    let text = inline.get(name).ok_or_else(|| of.no_such_policy(name))?;
    let node = Node::new("").put(of.parameter(), of.name(fields)?).put("PolicyName", name);
    Ok(Some(node.put("PolicyDocument", percent_encode(text))))
}

pub(super) fn list(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let (inline, _) = of.find(world, fields)?;
    let names = inline.keys().map(|name| (name.as_str(), name));
    fields.page(names, |name| Node::leaf("member", name), Node::new(""), "PolicyNames").map(Some)
}

pub(super) fn delete(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let name = fields.name("PolicyName", 128)?;
    let (inline, _) = of.find(world, fields)?;
    inline.remove(name).map(|_| None).ok_or_else(|| of.no_such_policy(name))
}

pub(super) fn attach(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let arn = fields.need("PolicyArn")?;
    of.find(world, fields)?;
    if !managed::exists(world, arn) {
        return Err(refused(404, "NoSuchEntity", format!("Policy {arn} does not exist or is not attachable.")));
    }
    let (_, attached) = of.find(world, fields)?;
    if !attached.contains(arn) && attached.len() >= ATTACHED {
        return Err(refused(409, "LimitExceeded", format!("Cannot exceed quota for {}: {ATTACHED}", of.quota())));
    }
    attached.insert(arn.into());
    Ok(None)
}

pub(super) fn detach(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let arn = fields.need("PolicyArn")?;
    let (_, attached) = of.find(world, fields)?;
    if attached.remove(arn) {
        Ok(None)
    } else {
        Err(refused(404, "NoSuchEntity", format!("Policy {arn} was not found.")))
    }
}

pub(super) fn list_attached(of: Of, world: &mut World, fields: &Fields) -> Outcome {
    let (_, attached) = of.find(world, fields)?;
    let arns = attached.iter().map(|arn| (arn.as_str(), arn.as_str()));
    fields.page(arns, attached_node, Node::new(""), "AttachedPolicies").map(Some)
}

/// A policy that is attached, by name and ARN.
pub(super) fn attached_node(arn: &str) -> Node {
    Node::new("member").put("PolicyName", managed::name_of(arn)).put("PolicyArn", arn)
}
