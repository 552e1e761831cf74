//! What the world was a while ago, thing by thing: AWS's services learn of changes with a delay, and so do its reads. Kept only as long as
//! a fault asks for it.
//!
//! Each change becomes visible at a time of its own. A thing is seen as the newest visible change left it; objects in buckets are always
//! seen as they are, as S3 has it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::directory::Directory;
use super::store::World;
use super::{iam, kms, s3};
use crate::sandbox::fault::Struck;

/// Changes that somebody may not have seen yet.
#[derive(Debug, Default)]
pub(super) struct History {
    changes: VecDeque<Change>,
    count: u64,
}

#[derive(Debug)]
struct Change {
    number: u64,
    at: i64,
    before: Arc<World>,
    touched: BTreeSet<Thing>,
}

/// What changes as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Role(String),
    Policy(String),
    /// A user of this account, by ARN.
    User(String),
    /// A user of another account, by ARN.
    Outside(String),
    /// All keys of a region.
    Keys(String),
    Bucket(String),
}

impl Thing {
    fn is_iam(&self) -> bool {
        !matches!(self, Self::Keys(_) | Self::Bucket(_))
    }
}

impl History {
    /// Remembers a change that has just been made.
    pub(super) fn remember(&mut self, before: World, after: &World, memory: Duration) {
        let now = after.now();
        let memory = i64::try_from(memory.as_millis()).unwrap_or(i64::MAX);
        while self.changes.front().is_some_and(|old| old.at.saturating_add(memory) <= now) {
            self.changes.pop_front();
        }
        let touched = touched(&before, after);
        if !touched.is_empty() {
            self.count += 1;
            self.changes.push_back(Change { number: self.count, at: now, before: Arc::new(before), touched });
        }
    }

    /// For each thing that is seen as it was: the first change that is not seen.
    fn unseen(&self, now: i64, struck: &Struck, iam: bool) -> BTreeMap<&Thing, &Change> {
        let mut unseen = BTreeMap::new();
        for change in &self.changes {
            let Some(lag) = struck.lag(iam, change.number) else { continue };
            let visible = change.at.saturating_add(i64::try_from(lag.as_millis()).unwrap_or(i64::MAX)) <= now;
            for thing in change.touched.iter().filter(|thing| !iam || thing.is_iam()) {
                if visible {
                    unseen.remove(thing);
                } else {
                    unseen.entry(thing).or_insert(change);
                }
            }
        }
        unseen
    }

    /// The world as a read sees it, if that is not as it is.
    pub(super) fn view(&self, world: &World, struck: &Struck) -> Option<World> {
        let unseen = self.unseen(world.now(), struck, false);
        if unseen.is_empty() {
            return None;
        }
        let mut view = world.clone();
        for (thing, change) in unseen {
            put_back(thing, &change.before, &mut view);
        }
        Some(view)
    }

    /// IAM as decisions see it, if that is not as it is.
    pub(super) fn lens(&self, world: &World, struck: &Struck) -> Option<Lens> {
        let unseen = self.unseen(world.now(), struck, true);
        if unseen.is_empty() {
            return None;
        }
        let mut view = World { iam: world.iam.clone(), directory: world.directory.clone(), ..World::default() };
        for (thing, change) in unseen {
            put_back(thing, &change.before, &mut view);
        }
        Some(Lens { iam: view.iam, directory: view.directory })
    }
}

/// IAM as it is not any more.
#[derive(Debug)]
pub(super) struct Lens {
    iam: iam::State,
    directory: Directory,
}

impl Lens {
    /// Does something that changes nothing in IAM, with IAM as the lens shows it.
    pub(super) fn look<T>(lens: Option<Self>, world: &mut World, work: impl FnOnce(&mut World) -> T) -> T {
        let Some(mut lens) = lens else { return work(world) };
        lens.swap(world);
        let result = work(world);
        lens.swap(world);
        // When roles were last used is what remains.
        for (name, seen) in lens.iam.roles {
            match world.iam.roles.get_mut(&name) {
                Some(role) if role.id == seen.id && seen.last_used > role.last_used => role.last_used = seen.last_used,
                _ => {}
            }
        }
        result
    }

    fn swap(&mut self, world: &mut World) {
        std::mem::swap(&mut self.iam, &mut world.iam);
        std::mem::swap(&mut self.directory, &mut world.directory);
    }

    /// Users and roles that are there, but that policies cannot name yet.
    pub(super) fn strangers(&self, world: &World) -> BTreeSet<String> {
        let seen = World { iam: self.iam.clone(), directory: self.directory.clone(), ..World::default() };
        let roles = world.iam.roles.values().map(|role| &role.arn);
        let users = world.directory.outside.keys().chain(world.directory.users.keys());
        roles.chain(users).filter(|arn| seen.unique_id_of(arn) != world.unique_id_of(arn)).cloned().collect()
    }
}

/// Everything that differs between two worlds.
fn touched(before: &World, after: &World) -> BTreeSet<Thing> {
    fn differing<V: Serialize>(
        before: &BTreeMap<String, V>,
        after: &BTreeMap<String, V>,
        thing: fn(String) -> Thing,
        out: &mut BTreeSet<Thing>,
    ) {
        let text = |value: Option<&V>| value.map(|value| serde_json::to_string(value).unwrap_or_default());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        out.extend(
            names.into_iter().filter(|name| text(before.get(*name)) != text(after.get(*name))).cloned().map(thing),
        );
    }
    let mut out = BTreeSet::new();
    differing(&before.iam.roles, &after.iam.roles, Thing::Role, &mut out);
    differing(&before.iam.policies, &after.iam.policies, Thing::Policy, &mut out);
    differing(&before.directory.users, &after.directory.users, Thing::User, &mut out);
    differing(&before.directory.outside, &after.directory.outside, Thing::Outside, &mut out);
    differing(&before.kms, &after.kms, Thing::Keys, &mut out);
    differing(&before.buckets, &after.buckets, Thing::Bucket, &mut out);
    out
}

/// Makes one thing as it was.
fn put_back(thing: &Thing, before: &World, view: &mut World) {
    fn copy<V: Clone>(name: &String, from: &BTreeMap<String, V>, to: &mut BTreeMap<String, V>) {
        match from.get(name) {
            Some(value) => drop(to.insert(name.clone(), value.clone())),
            None => drop(to.remove(name)),
        }
    }
    match thing {
        Thing::Role(name) => copy(name, &before.iam.roles, &mut view.iam.roles),
        Thing::Policy(arn) => copy(arn, &before.iam.policies, &mut view.iam.policies),
        Thing::User(arn) => copy(arn, &before.directory.users, &mut view.directory.users),
        Thing::Outside(arn) => copy(arn, &before.directory.outside, &mut view.directory.outside),
        Thing::Keys(region) => copy::<kms::Region>(region, &before.kms, &mut view.kms),
        Thing::Bucket(name) => match (view.buckets.get(name), before.buckets.get(name)) {
            (Some(now), Some(then)) => {
                let seen = s3::Bucket::configured_as(now, then);
                view.buckets.insert(name.clone(), seen);
            }
            _ => copy(name, &before.buckets, &mut view.buckets),
        },
    }
}
