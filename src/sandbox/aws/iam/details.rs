//! `GetAccountAuthorizationDetails`: users, roles and managed policies of the account with their documents, page by page.

use super::super::store::World;
use super::super::time::iso;
use super::super::wire::percent_encode;
use super::super::xml::Node;
use super::fields::Fields;
use super::{Outcome, Role, held, managed, roles, tag_nodes, users};

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    let filter = fields.list("Filter");
    let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|one| one == kind);
    let (want_roles, want_policies) = (wanted("Role"), wanted("LocalManagedPolicy"));
    let roles = world.iam.roles.values().filter(|_| want_roles);
    let policies = world.iam.policies.values().filter(|_| want_policies);
    let users = world.directory.users.iter().filter(|_| wanted("User"));
    // One list of both, so that a page can end anywhere.
    let mut items: Vec<(String, Node)> = roles.map(|role| (format!("1{}", role.name), detail(world, role))).collect();
    items.extend(policies.map(|policy| (format!("2{}", policy.arn), managed::with_documents(world, policy))));
    items.extend(users.map(|(arn, user)| (format!("0{}", users::name_of(arn)), users::detail(arn, user))));
    let (mut role_list, mut policy_list) = (Node::new("RoleDetailList"), Node::new("Policies"));
    let mut user_list = Node::new("UserDetailList");
    let sort = |(key, node): (String, Node)| {
        let list = match key.as_bytes().first() {
            Some(b'0') => &mut user_list,
            Some(b'1') => &mut role_list,
            _ => &mut policy_list,
        };
        list.kids.push(node);
        Node::default()
    };
    let pairs: Vec<(&str, (String, Node))> = items.iter().map(|item| (item.0.as_str(), item.clone())).collect();
    let mut page = fields.page(pairs.into_iter(), sort, Node::new(""), "")?;
    page.kids.retain(|kid| !kid.name.is_empty());
    let empty = Node::new("").with(user_list).with(Node::new("GroupDetailList"));
    Ok(Some(empty.with(role_list).with(policy_list).extend(page.kids)))
}

/// A role as this call shows it: without description and session length.
fn detail(world: &World, role: &Role) -> Node {
    let inline = role
        .inline
        .iter()
        .map(|(name, text)| Node::new("member").put("PolicyName", name).put("PolicyDocument", percent_encode(text)));
    Node::new("member")
        .put("Path", &role.path)
        .put("RoleName", &role.name)
        .put("RoleId", &role.id)
        .put("Arn", &role.arn)
        .put("CreateDate", iso(role.created))
        .put("AssumeRolePolicyDocument", percent_encode(&role.trust.shown(world)))
        .with(Node::new("InstanceProfileList"))
        .with(Node::new("RolePolicyList").extend(inline))
        .with(Node::new("AttachedManagedPolicies").extend(role.attached.iter().map(|arn| held::attached_node(arn))))
        .extend(roles::boundary_node(role.boundary.as_ref()))
        .with(tag_nodes(&role.tags))
        .with(roles::last_used(role))
}
