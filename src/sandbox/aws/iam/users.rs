//! IAM users of the account, as far as policies name them: they can be created, read and deleted, and hold nothing.

use super::super::directory::{User, unique_id};
use super::super::store::World;
use super::super::time::iso;
use super::super::wire::{Refused, refused};
use super::super::xml::Node;
use super::super::{ACCOUNT, CALLER};
use super::Outcome;
use super::fields::Fields;

pub(super) fn create(world: &mut World, fields: &Fields) -> Outcome {
    let (name, path) = (fields.name("UserName", 64)?, fields.path("Path")?);
    let taken = |arn: &String| name_of(arn).eq_ignore_ascii_case(name);
    if world.directory.users.keys().any(taken) || name_of(CALLER).eq_ignore_ascii_case(name) {
        return Err(refused(409, "EntityAlreadyExists", format!("User with name {name} already exists.")));
    }
    let arn = format!("arn:aws:iam::{ACCOUNT}:user{path}{name}");
    let created = world.now();
    world.directory.users.insert(arn.clone(), User { id: unique_id("AIDA"), created });
    Ok(Some(Node::new("").with(shown(world, &arn))))
}

pub(super) fn get(world: &mut World, fields: &Fields) -> Outcome {
    let arn = match fields.get("UserName") {
        Some(_) => find(world, fields)?,
        None => CALLER.to_owned(),
    };
    Ok(Some(Node::new("").with(shown(world, &arn))))
}

pub(super) fn delete(world: &mut World, fields: &Fields) -> Outcome {
    let arn = find(world, fields)?;
    world.directory.users.remove(&arn);
    Ok(None)
}

fn find(world: &World, fields: &Fields) -> Result<String, Refused> {
    let name = fields.name("UserName", 64)?;
    let missing = || refused(404, "NoSuchEntity", format!("The user with name {name} cannot be found."));
    world.directory.users.keys().find(|arn| name_of(arn) == name).cloned().ok_or_else(missing)
}

fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn shown(world: &World, arn: &str) -> Node {
    let path = arn.split_once(":user").map_or("/", |(_, rest)| rest.rsplit_once('/').map_or("/", |(path, _)| path));
    Node::new("User")
        .put("Path", format!("{}/", path.trim_end_matches('/')))
        .put("UserName", name_of(arn))
        .put("UserId", world.unique_id_of(arn).unwrap_or_default())
        .put("Arn", arn)
        .put("CreateDate", iso(world.directory.users.get(arn).map_or(0, |user| user.created)))
}
