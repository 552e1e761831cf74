//! Managed policies: the customer's with their versions, and AWS's own, which are known by their ARN.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ACCOUNT;
use super::super::directory::unique_id;
use super::super::document::accept;
use super::super::grammar::Purpose;
use super::super::store::World;
use super::super::time::iso;
use super::super::wire::{Refused, percent_encode, refused};
use super::super::xml::Node;
use super::fields::{Fields, invalid};
use super::{Outcome, Policy, tag_nodes};

/// Longest managed policy, white space not counted.
const CHARACTERS: usize = 6144;
/// Most versions of one policy.
const VERSIONS: usize = 5;
const AWS_OWN: &str = "arn:aws:iam::aws:policy/";

/// The length IAM counts: characters that are not white space.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The name at the end of a policy's ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Whether there is a policy with this ARN. Every well-formed ARN of an AWS managed policy counts as one.
pub(super) fn exists(world: &World, arn: &str) -> bool {
    let own = |name: &str| !name.is_empty() && !name.ends_with('/') && !name.contains(['*', ' ']);
    world.iam.policies.contains_key(arn) || arn.strip_prefix(AWS_OWN).is_some_and(own)
}

/// The document in force. Of AWS's own policies the sandbox knows those whose content fits in a line; the others allow nothing here.
pub(in crate::sandbox::aws) fn document_of(world: &World, arn: &str) -> Option<String> {
    if let Some(policy) = world.iam.policies.get(arn) {
        return policy.versions.get(&policy.default).map(|(text, _)| text.clone());
    }
    let actions = match arn.strip_prefix(AWS_OWN)? {
        "AdministratorAccess" => r#""*""#,
        "AmazonS3FullAccess" => r#"["s3:*","s3-object-lambda:*"]"#,
        "AmazonS3ReadOnlyAccess" => {
            r#"["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"]"#
        }
        _ => return None,
    };
    Some(format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}"#))
}

fn no_such_policy(arn: &str) -> Refused {
    refused(404, "NoSuchEntity", format!("Policy {arn} was not found."))
}

fn find<'a>(world: &'a World, fields: &Fields) -> Result<&'a Policy, Refused> {
    let arn = fields.need("PolicyArn")?;
    world.iam.policies.get(arn).ok_or_else(|| no_such_policy(arn))
}

fn find_mut<'a>(world: &'a mut World, fields: &Fields) -> Result<&'a mut Policy, Refused> {
    let arn = fields.need("PolicyArn")?;
    world.iam.policies.get_mut(arn).ok_or_else(|| no_such_policy(arn))
}

fn document(world: &World, fields: &Fields) -> Result<String, Refused> {
    let text = fields.need("PolicyDocument")?;
    accept(world, Purpose::Identity, text).map_err(|message| refused(400, "MalformedPolicyDocument", message))?;
    if size(text) > CHARACTERS {
        return Err(refused(409, "LimitExceeded", format!("Cannot exceed quota for PolicySize: {CHARACTERS}")));
    }
    Ok(text.to_owned())
}

pub(super) fn create(world: &mut World, fields: &Fields) -> Outcome {
    let (name, path) = (fields.name("PolicyName", 128)?, fields.path("Path")?);
    let (description, tags) = (fields.description()?, fields.tags()?);
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}");
    if world.iam.policies.values().any(|policy| policy.name.eq_ignore_ascii_case(name)) {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(refused(409, "EntityAlreadyExists", message));
    }
    let text = document(world, fields)?;
    let created = world.now();
    let policy = Policy {
        name: name.into(),
        path: path.into(),
        id: unique_id("ANPA"),
        arn: arn.clone(),
        created,
        updated: created,
        description,
        tags,
        versions: BTreeMap::from([(1, (text, created))]),
        default: 1,
        next: 2,
    };
    let node = shown(world, &policy);
    world.iam.policies.insert(arn, policy);
    Ok(Some(Node::new("").with(node)))
}

/// A role or user, as far as managed policies are concerned.
struct Holder<'w> {
    is_role: bool,
    name: &'w str,
    id: &'w str,
    attached: &'w BTreeSet<String>,
    boundary: Option<&'w String>,
}

impl Holder<'_> {
    fn uses(&self, arn: &String, usage: Option<&str>) -> bool {
        match usage {
            Some("PermissionsBoundary") => self.boundary == Some(arn),
            Some(_) => self.attached.contains(arn),
            None => self.attached.contains(arn) || self.boundary == Some(arn),
        }
    }
}

fn holders(world: &World) -> impl Iterator<Item = Holder<'_>> {
    let roles = world.iam.roles.values().map(|role| Holder {
        is_role: true,
        name: &role.name,
        id: &role.id,
        attached: &role.attached,
        boundary: role.boundary.as_ref(),
    });
    let users = world.directory.users.iter().map(|(arn, user)| Holder {
        is_role: false,
        name: name_of(arn),
        id: &user.id,
        attached: &user.attached,
        boundary: user.boundary.as_ref(),
    });
    roles.chain(users)
}

fn shown(world: &World, policy: &Policy) -> Node {
    let attached = holders(world).filter(|holder| holder.attached.contains(&policy.arn)).count();
    let bounding = holders(world).filter(|holder| holder.boundary == Some(&policy.arn)).count();
    Node::new("Policy")
        .put("PolicyName", &policy.name)
        .put("PolicyId", &policy.id)
        .put("Arn", &policy.arn)
        .put("Path", &policy.path)
        .put("DefaultVersionId", format!("v{}", policy.default))
        .put("AttachmentCount", attached)
        .put("PermissionsBoundaryUsageCount", bounding)
        .put("IsAttachable", true)
        .put_some("Description", policy.description.as_ref())
        .put("CreateDate", iso(policy.created))
        .put("UpdateDate", iso(policy.updated))
        .extend((!policy.tags.is_empty()).then(|| tag_nodes(&policy.tags)))
}

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    Ok(Some(Node::new("").with(shown(world, find(world, fields)?))))
}

pub(super) fn list(world: &mut World, fields: &Fields) -> Outcome {
    let prefix = fields.get("PathPrefix").unwrap_or("/");
    let policies = world.iam.policies.iter().filter(|(_, policy)| policy.path.starts_with(prefix));
    let show = |policy: &Policy| {
        let mut node = Node { name: "member".into(), ..shown(world, policy) };
        node.kids.retain(|kid| kid.name != "Tags" && kid.name != "Description");
        node
    };
    fields.page(policies.map(|(arn, policy)| (arn.as_str(), policy)), show, Node::new(""), "Policies").map(Some)
}

pub(super) fn entities(world: &mut World, fields: &Fields) -> Outcome {
    let arn = &find(world, fields)?.arn;
    let usage = fields.get("PolicyUsageFilter");
    let users: Vec<(String, Holder<'_>)> = holders(world)
        .filter(|holder| holder.uses(arn, usage))
        .map(|holder| (format!("{}{}", if holder.is_role { "1" } else { "2" }, holder.name), holder))
        .collect();
    let (mut roles, mut others) = (Node::new("PolicyRoles"), Node::new("PolicyUsers"));
    let sort = |holder: &Holder<'_>| {
        let (list, kind) = if holder.is_role { (&mut roles, "Role") } else { (&mut others, "User") };
        let node = Node::new("member").put(&format!("{kind}Name"), holder.name);
        list.kids.push(node.put(&format!("{kind}Id"), holder.id));
        Node::default()
    };
    let mut page = fields.page(users.iter().map(|(key, holder)| (key.as_str(), holder)), sort, Node::new(""), "")?;
    page.kids.retain(|kid| !kid.name.is_empty());
    Ok(Some(Node::new("").with(Node::new("PolicyGroups")).with(others).with(roles).extend(page.kids)))
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let policy = find(world, fields)?;
    let arn = policy.arn.clone();
    if holders(world).any(|holder| holder.uses(&arn, None)) {
        let message = "Cannot delete a policy attached to entities.";
        return Err(refused(409, "DeleteConflict", message));
    }
    if policy.versions.len() > 1 {
        let message = "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                       versions. The default version is deleted with the policy.";
        return Err(refused(409, "DeleteConflict", message));
    }
    world.iam.policies.remove(&arn);
    Ok(None)
}

pub(super) fn create_version(world: &mut World, fields: &Fields) -> Outcome {
    let full = find(world, fields)?.versions.len() >= VERSIONS;
    let text = document(world, fields)?;
    if full {
        let message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                       existing version.";
        return Err(refused(409, "LimitExceeded", message));
    }
    let created = world.now();
    let policy = find_mut(world, fields)?;
    let number = policy.next;
    policy.next += 1;
    policy.updated = created;
    policy.versions.insert(number, (text, created));
    if fields.get("SetAsDefault") == Some("true") {
        policy.default = number;
    }
    Ok(Some(Node::new("").with(version(policy, number, None))))
}

fn version(policy: &Policy, number: u32, text: Option<&str>) -> Node {
    let created = policy.versions.get(&number).map(|(_, created)| iso(*created));
    Node::new("PolicyVersion")
        .put_some("Document", text.map(percent_encode))
        .put("VersionId", format!("v{number}"))
        .put("IsDefaultVersion", number == policy.default)
        .put_some("CreateDate", created)
}

/// The number of a version that is there.
fn number(policy: &Policy, fields: &Fields) -> Result<u32, Refused> {
    let text = fields.need("VersionId")?;
    let number: u32 = text
        .strip_prefix('v')
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| invalid(format!("`{text}` is not a version of a policy")))?;
    if policy.versions.contains_key(&number) {
        Ok(number)
    } else {
        let message = format!("Policy {} version {text} does not exist or is not attachable.", policy.arn);
        Err(refused(404, "NoSuchEntity", message))
    }
}

pub(super) fn get_version(world: &mut World, fields: &Fields) -> Outcome {
    let policy = find(world, fields)?;
    let number = number(policy, fields)?;
    let text = policy.versions.get(&number).map(|(text, _)| text.as_str());
    Ok(Some(Node::new("").with(version(policy, number, text))))
}

pub(super) fn list_versions(world: &mut World, fields: &Fields) -> Outcome {
    let policy = find(world, fields)?;
    let names: Vec<(String, u32)> =
        policy.versions.keys().rev().map(|n| (format!("{:010}", u32::MAX - n), *n)).collect();
    let show = |number: u32| Node { name: "member".into(), ..version(policy, number, None) };
    fields.page(names.iter().map(|(key, n)| (key.as_str(), *n)), show, Node::new(""), "Versions").map(Some)
}

pub(super) fn set_default_version(world: &mut World, fields: &Fields) -> Outcome {
    let policy = find_mut(world, fields)?;
    policy.default = number(policy, fields)?;
    Ok(None)
}

pub(super) fn delete_version(world: &mut World, fields: &Fields) -> Outcome {
    let policy = find_mut(world, fields)?;
    let number = number(policy, fields)?;
    if number == policy.default {
        return Err(refused(409, "DeleteConflict", "Cannot delete the default version of a policy."));
    }
    policy.versions.remove(&number);
    Ok(None)
}

pub(super) fn tag(world: &mut World, fields: &Fields) -> Outcome {
    let new = fields.tags()?;
    super::tag(&mut find_mut(world, fields)?.tags, new)
}

pub(super) fn untag(world: &mut World, fields: &Fields) -> Outcome {
    super::untag(&mut find_mut(world, fields)?.tags, fields);
    Ok(None)
}

pub(super) fn list_tags(world: &mut World, fields: &Fields) -> Outcome {
    super::list_tags(&find(world, fields)?.tags, fields)
}

/// The versions with their documents, as account-wide reads show them.
pub(super) fn with_documents(world: &World, policy: &Policy) -> Node {
    let mut node = Node { name: "member".into(), ..shown(world, policy) };
    node.kids.retain(|kid| kid.name != "Tags");
    let versions = policy
        .versions
        .iter()
        .rev()
        .map(|(number, (text, _))| Node { name: "member".into(), ..version(policy, *number, Some(text)) });
    node.with(Node::new("PolicyVersionList").extend(versions))
}
