//! IAM users of the account.

use super::super::directory::{User, unique_id};
use super::super::store::World;
use super::super::time::iso;
use super::super::wire::{Refused, percent_encode, refused};
use super::super::xml::Node;
use super::super::{ACCOUNT, CALLER};
use super::fields::Fields;
use super::{Outcome, held, roles, tag_nodes};

fn no_such_user(name: &str) -> Refused {
    refused(404, "NoSuchEntity", format!("The user with name {name} cannot be found."))
}

/// The ARN of the user of this name; the case of letters matters for finding one.
pub(super) fn arn_of(world: &World, name: &str) -> Result<String, Refused> {
    world.directory.users.keys().find(|arn| name_of(arn) == name).cloned().ok_or_else(|| no_such_user(name))
}

pub(super) fn find_mut<'w>(world: &'w mut World, name: &str) -> Result<&'w mut User, Refused> {
    let found = world.directory.users.iter_mut().find(|(arn, _)| name_of(arn) == name);
    found.map(|(_, user)| user).ok_or_else(|| no_such_user(name))
}

/// The user a request names.
pub(super) fn named<'w>(world: &'w mut World, fields: &Fields) -> Result<&'w mut User, Refused> {
    find_mut(world, fields.name("UserName", 64)?)
}

pub(super) fn create(world: &mut World, fields: &Fields) -> Outcome {
    let (name, path, tags) = (fields.name("UserName", 64)?, fields.path("Path")?, fields.tags()?);
    let taken = |arn: &String| name_of(arn).eq_ignore_ascii_case(name);
    if world.directory.users.keys().any(taken) || name_of(CALLER).eq_ignore_ascii_case(name) {
        return Err(refused(409, "EntityAlreadyExists", format!("User with name {name} already exists.")));
    }
    let boundary = fields.get("PermissionsBoundary").map(|arn| roles::boundary(world, arn)).transpose()?;
    let arn = format!("arn:aws:iam::{ACCOUNT}:user{path}{name}");
    let user = User { id: unique_id("AIDA"), created: world.now(), boundary, tags, ..User::default() };
    let node = shown(&arn, &user, Detail::Whole);
    world.directory.users.insert(arn, user);
    Ok(Some(Node::new("").with(node)))
}

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    let node = if fields.get("UserName").is_some() {
        let arn = arn_of(world, fields.name("UserName", 64)?)?;
        world.directory.users.get(&arn).map(|user| shown(&arn, user, Detail::Whole))
    } else {
        let id = world.unique_id_of(CALLER).unwrap_or_default().to_owned();
        Some(shown(CALLER, &User { id, ..User::default() }, Detail::Whole))
    };
    Ok(Some(Node::new("").extend(node)))
}

pub(super) fn list(world: &mut World, fields: &Fields) -> Outcome {
    let prefix = fields.get("PathPrefix").unwrap_or("/");
    let users = world.directory.users.iter().filter(|(arn, _)| path_of(arn).starts_with(prefix));
    let show = |(arn, user): (&String, &User)| Node { name: "member".into(), ..shown(arn, user, Detail::Short) };
    fields.page(users.map(|user| (name_of(user.0), user)), show, Node::new(""), "Users").map(Some)
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let arn = arn_of(world, fields.name("UserName", 64)?)?;
    let user = world.directory.users.get(&arn).ok_or_else(|| no_such_user(&arn))?;
    let conflict = |message: &str| Err(refused(409, "DeleteConflict", message));
    if !user.keys.is_empty() {
        return conflict("Cannot delete entity, must delete access keys first.");
    }
    if !user.attached.is_empty() {
        return conflict("Cannot delete entity, must detach all policies first.");
    }
    if !user.inline.is_empty() {
        return conflict("Cannot delete entity, must delete policies first.");
    }
    world.directory.users.remove(&arn);
    Ok(None)
}

pub(super) fn put_boundary(world: &mut World, fields: &Fields) -> Outcome {
    named(world, fields)?;
    let arn = roles::boundary(world, fields.need("PermissionsBoundary")?)?;
    named(world, fields)?.boundary = Some(arn);
    Ok(None)
}

pub(super) fn delete_boundary(world: &mut World, fields: &Fields) -> Outcome {
    named(world, fields)?.boundary = None;
    Ok(None)
}

pub(super) fn tag(world: &mut World, fields: &Fields) -> Outcome {
    let new = fields.tags()?;
    super::tag(&mut named(world, fields)?.tags, new)
}

pub(super) fn untag(world: &mut World, fields: &Fields) -> Outcome {
    super::untag(&mut named(world, fields)?.tags, fields);
    Ok(None)
}

pub(super) fn list_tags(world: &mut World, fields: &Fields) -> Outcome {
    super::list_tags(&named(world, fields)?.tags, fields)
}

pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn path_of(arn: &str) -> String {
    let path = arn.split_once(":user").map_or("/", |(_, rest)| rest.rsplit_once('/').map_or("/", |(path, _)| path));
    format!("{}/", path.trim_end_matches('/'))
}

/// How much of a user an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// `GetUser` and `CreateUser`: with tags and boundary.
    Whole,
    /// `ListUsers`: without them.
    Short,
}

fn shown(arn: &str, user: &User, detail: Detail) -> Node {
    let node = Node::new("User")
        .put("Path", path_of(arn))
        .put("UserName", name_of(arn))
        .put("UserId", &user.id)
        .put("Arn", arn)
        .put("CreateDate", iso(user.created));
    if detail == Detail::Short {
        return node;
    }
    node.extend(roles::boundary_node(user.boundary.as_ref()))
        .extend((!user.tags.is_empty()).then(|| tag_nodes(&user.tags)))
}

/// A user as account-wide reads show it.
pub(super) fn detail(arn: &str, user: &User) -> Node {
    let mut node = Node { name: "member".into(), ..shown(arn, user, Detail::Short) };
    let inline = user
        .inline
        .iter()
        .map(|(name, text)| Node::new("member").put("PolicyName", name).put("PolicyDocument", percent_encode(text)));
    let attached = user.attached.iter().map(|arn| held::attached_node(arn));
    node = node.with(Node::new("UserPolicyList").extend(inline)).with(Node::new("GroupList"));
    node.with(Node::new("AttachedManagedPolicies").extend(attached))
        .extend(roles::boundary_node(user.boundary.as_ref()))
        .with(tag_nodes(&user.tags))
}
