//! IAM: roles and users, their policies, managed policies, and access keys. It is global: the region of a request does not matter.
//!
//! Source of limits, error codes and defaults: IAM API reference and "IAM and AWS STS quotas".

mod access_keys;
mod details;
mod fields;
mod held;
mod managed;
mod roles;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::store::World;
use super::wire::{Answer, Asked, Refused, Reply, refused};
use super::xml::Node;

pub(super) use fields::Fields;
pub(super) use managed::document_of;

/// All of IAM.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Roles by name.
    pub(super) roles: BTreeMap<String, Role>,
    /// Customer managed policies by ARN.
    pub(super) policies: BTreeMap<String, Policy>,
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: i64,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) max_session: u32,
    pub(super) trust: Document,
    #[serde(default)]
    pub(super) boundary: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) inline: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) attached: BTreeSet<String>,
    /// When and in which region it was last used.
    #[serde(default)]
    pub(super) last_used: Option<(i64, String)>,
}

/// A customer managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Policy {
    name: String,
    path: String,
    id: String,
    arn: String,
    created: i64,
    updated: i64,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Versions by number, with their document and creation time.
    versions: BTreeMap<u32, (String, i64)>,
    default: u32,
    /// The number the next version gets: numbers are never used twice.
    next: u32,
}

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Answers one request.
pub(super) fn answer(world: &mut World, asked: &Asked, operation: &str) -> Answer {
    use held::Of::Role;
    let fields = Fields::read(asked)?;
    let result = match operation {
        "CreateRole" => roles::create(world, &fields),
        "GetRole" => roles::get(world, &fields),
        "ListRoles" => roles::list(world, &fields),
        "UpdateRole" => roles::update(world, &fields),
        "UpdateAssumeRolePolicy" => roles::update_trust(world, &fields),
        "DeleteRole" => roles::delete(world, &fields),
        "PutRolePermissionsBoundary" => roles::put_boundary(world, &fields),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(world, &fields),
        "TagRole" => roles::tag(world, &fields),
        "UntagRole" => roles::untag(world, &fields),
        "ListRoleTags" => roles::list_tags(world, &fields),
        "ListInstanceProfilesForRole" => roles::instance_profiles(world, &fields),
        "PutRolePolicy" => held::put(Role, world, &fields),
        "GetRolePolicy" => held::get(Role, world, &fields),
        "ListRolePolicies" => held::list(Role, world, &fields),
        "DeleteRolePolicy" => held::delete(Role, world, &fields),
        "AttachRolePolicy" => held::attach(Role, world, &fields),
        "DetachRolePolicy" => held::detach(Role, world, &fields),
        "ListAttachedRolePolicies" => held::list_attached(Role, world, &fields),
        "CreatePolicy" => managed::create(world, &fields),
        "GetPolicy" => managed::get(world, &fields),
        "DeletePolicy" => managed::delete(world, &fields),
        "ListPolicies" => managed::list(world, &fields),
        "ListEntitiesForPolicy" => managed::entities(world, &fields),
        "CreatePolicyVersion" => managed::create_version(world, &fields),
        "GetPolicyVersion" => managed::get_version(world, &fields),
        "ListPolicyVersions" => managed::list_versions(world, &fields),
        "SetDefaultPolicyVersion" => managed::set_default_version(world, &fields),
        "DeletePolicyVersion" => managed::delete_version(world, &fields),
        "GetAccountAuthorizationDetails" => details::get(world, &fields),
        "TagPolicy" => managed::tag(world, &fields),
        "UntagPolicy" => managed::untag(world, &fields),
        "ListPolicyTags" => managed::list_tags(world, &fields),
        _ => return of_users(world, &fields, operation),
    }?;
    Ok(reply(operation, result, NAMESPACE))
}

fn of_users(world: &mut World, fields: &Fields, operation: &str) -> Answer {
    use held::Of::User;
    let result = match operation {
        "CreateUser" => users::create(world, fields),
        "GetUser" => users::get(world, fields),
        "ListUsers" => users::list(world, fields),
        "DeleteUser" => users::delete(world, fields),
        "PutUserPermissionsBoundary" => users::put_boundary(world, fields),
        "DeleteUserPermissionsBoundary" => users::delete_boundary(world, fields),
        "TagUser" => users::tag(world, fields),
        "UntagUser" => users::untag(world, fields),
        "ListUserTags" => users::list_tags(world, fields),
        "PutUserPolicy" => held::put(User, world, fields),
        "GetUserPolicy" => held::get(User, world, fields),
        "ListUserPolicies" => held::list(User, world, fields),
        "DeleteUserPolicy" => held::delete(User, world, fields),
        "AttachUserPolicy" => held::attach(User, world, fields),
        "DetachUserPolicy" => held::detach(User, world, fields),
        "ListAttachedUserPolicies" => held::list_attached(User, world, fields),
        "CreateAccessKey" => access_keys::create(world, fields),
        "ListAccessKeys" => access_keys::list(world, fields),
        "UpdateAccessKey" => access_keys::update(world, fields),
        "DeleteAccessKey" => access_keys::delete(world, fields),
        "GetAccessKeyLastUsed" => access_keys::last_used(world, fields),
        other => Err(refused(501, "NotImplemented", format!("the sandbox does not know iam:{other}"))),
    }?;
    Ok(reply(operation, result, NAMESPACE))
}

/// Puts a result into the envelope of the query protocol.
pub(super) fn reply(operation: &str, result: Option<Node>, namespace: &str) -> Reply {
    let result = result.map(|node| Node { name: format!("{operation}Result"), ..node });
    let metadata = Node::new("ResponseMetadata").put("RequestId", uuid::Uuid::new_v4());
    Reply::xml(&Node::new(format!("{operation}Response")).extend(result).with(metadata), namespace)
}

/// What an operation gives: the children of its result, or nothing.
type Outcome = Result<Option<Node>, Refused>;

fn no_such_role(name: &str) -> Refused {
    refused(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

impl State {
    fn role(&self, name: &str) -> Result<&Role, Refused> {
        self.roles.get(name).ok_or_else(|| no_such_role(name))
    }

    fn role_mut(&mut self, name: &str) -> Result<&mut Role, Refused> {
        self.roles.get_mut(name).ok_or_else(|| no_such_role(name))
    }
}

fn tag_nodes(tags: &BTreeMap<String, String>) -> Node {
    let member = |(key, value): (&String, &String)| Node::new("member").put("Key", key).put("Value", value);
    Node::new("Tags").extend(tags.iter().map(member))
}

/// Adds tags to those that are there.
fn tag(tags: &mut BTreeMap<String, String>, new: BTreeMap<String, String>) -> Outcome {
    let mut all = tags.clone();
    all.extend(new);
    if all.len() > 50 {
        return Err(refused(409, "LimitExceeded", "The number of tags has reached the maximum limit of 50."));
    }
    *tags = all;
    Ok(None)
}

fn untag(tags: &mut BTreeMap<String, String>, fields: &Fields) {
    fields.list("TagKeys").iter().for_each(|key| drop(tags.remove(key)));
}

fn list_tags(tags: &BTreeMap<String, String>, fields: &Fields) -> Outcome {
    let show = |(key, value): (&String, &String)| Node::new("member").put("Key", key).put("Value", value);
    fields.page(tags.iter().map(|tag| (tag.0.as_str(), tag)), show, Node::new(""), "Tags").map(Some)
}
