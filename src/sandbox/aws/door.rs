//! What Snowflake does in this account: it assumes a role and reads and writes objects, and every step is decided by the live documents.

use super::access;
use super::decision::{self, Assuming};
use super::s3::event::{self, Made, Origin};
use super::s3::objects;
use super::session::{Known, admit, admit_key, listing, writing};
use super::store::World;
use super::traffic::Asking;
use super::wire::{Refused, refused};
use super::{AwsSandbox, directory, lock, signed, sts};
use crate::sandbox::door::{Assumed, Door, Fut, ObjectInfo, Refusal, digest};

impl From<Refused> for Refusal {
    fn from(Refused { status, code, message, headers: _ }: Refused) -> Self {
        Self { status, code, message }
    }
}

impl From<Refusal> for Refused {
    fn from(Refusal { status, code, message }: Refusal) -> Self {
        Self { status, code, message, headers: Vec::new() }
    }
}

impl Door for AwsSandbox {
    fn assume<'a>(
        &'a self,
        principal: &'a str,
        role_arn: &'a str,
        external_id: &'a str,
    ) -> Fut<'a, Result<Assumed, Refusal>> {
        Box::pin(async move {
            let call = Asking { service: "sts", operation: "AssumeRole", resource: role_arn.to_owned() };
            let asking = Assuming { principal, role_arn, external_id: Some(external_id), session: "snowflake" };
            let assume = |world: &mut World| access::assume(world, &asking, None, super::REGION);
            let session_arn = self.for_snowflake(call, assume).await?;
            Ok(Assumed { session_arn, role_arn: role_arn.to_owned() })
        })
    }

    fn user<'a>(&'a self, key_id: &'a str, secret: &'a str) -> Fut<'a, Result<Assumed, Refusal>> {
        Box::pin(async move {
            let mut world = lock(&self.world);
            let now = world.now();
            let Some((arn, key)) = world.access_key(key_id).filter(|(_, key)| key.active) else {
                return Err(decision::refusal(403, "InvalidAccessKeyId", sts::UNKNOWN_KEY));
            };
            if digest(&key.secret) != secret {
                return Err(signed::mismatch("s3").into());
            }
            let arn = arn.to_owned();
            let keys = world.directory.users.get_mut(&arn).into_iter().flat_map(|user| &mut user.keys);
            keys.filter(|key| key.id == key_id).for_each(|key| key.used = Some((now, super::REGION.to_owned())));
            Ok(Assumed { session_arn: arn.clone(), role_arn: arn })
        })
    }

    fn list<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        prefix: &'a str,
    ) -> Fut<'a, Result<Vec<ObjectInfo>, Refusal>> {
        Box::pin(async move {
            let call = Asking { service: "s3", operation: "ListObjectsV2", resource: format!("{bucket}/{prefix}") };
            self.for_snowflake(call, |world| list(world, by, bucket, prefix)).await
        })
    }

    fn get<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<Vec<u8>, Refusal>> {
        Box::pin(async move {
            let call = Asking { service: "s3", operation: "GetObject", resource: format!("{bucket}/{key}") };
            let body = self.for_snowflake(call, |world| self.read(world, by, bucket, key)).await?;
            let newest = lock(&self.world).buckets.get(bucket).and_then(|found| found.newest(key)?.encryption.key());
            self.key_for_snowflake("Decrypt", newest).await?;
            Ok(body)
        })
    }

    fn put<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        key: &'a str,
        body: Vec<u8>,
    ) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let sealed = {
                let world = lock(&self.world);
                world.buckets.get(bucket).and_then(|found| found.sealed(&|_| None, &world).ok()?.key())
            };
            self.key_for_snowflake("GenerateDataKey", sealed).await?;
            let call = Asking { service: "s3", operation: "PutObject", resource: format!("{bucket}/{key}") };
            self.for_snowflake(call, |world| self.write(world, by, bucket, key, body)).await
        })
    }

    fn delete<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let call = Asking { service: "s3", operation: "DeleteObject", resource: format!("{bucket}/{key}") };
            self.for_snowflake(call, |world| self.remove(world, by, bucket, key)).await
        })
    }

    fn bucket_region<'a>(&'a self, bucket: &'a str) -> Fut<'a, Option<String>> {
        Box::pin(async move { lock(&self.world).buckets.get(bucket).map(|bucket| bucket.region.clone()) })
    }

    fn register_principal<'a>(&'a self, arn: &'a str) -> Fut<'a, ()> {
        Box::pin(async move {
            let mut world = lock(&self.world);
            let before = self.before(&world, true);
            world.directory.outside.entry(arn.to_owned()).or_insert_with(|| directory::unique_id("AIDA"));
            if let Err(refusal) = self.save(&mut world) {
                tracing::warn!(message = refusal.message, "a principal of Snowflake's is known in this process only");
            }
            self.remember(before, &world);
        })
    }
}

/// No version is named.
const NEWEST: [Known<'static>; 1] = [("s3:versionid", None)];

fn list(world: &World, by: &Assumed, bucket: &str, prefix: &str) -> Result<Vec<ObjectInfo>, Refused> {
    let resource = format!("arn:aws:s3:::{bucket}");
    let found = admit(world, &by.into(), bucket, "s3:ListBucket", &resource, &listing(Some(prefix), None))?;
    let objects = found.listed().filter(|(key, _)| key.starts_with(prefix));
    Ok(objects
        .map(|(key, version)| ObjectInfo {
            key: key.clone(),
            size: version.size,
            etag: version.etag.clone(),
            modified_ms: version.modified,
        })
        .collect())
}

impl AwsSandbox {
    fn read(&self, world: &World, by: &Assumed, bucket: &str, key: &str) -> Result<Vec<u8>, Refused> {
        let resource = format!("arn:aws:s3:::{bucket}/{key}");
        let found = admit(world, &by.into(), bucket, "s3:GetObject", &resource, &NEWEST)?;
        let Some(version) = found.newest(key) else {
            // Only who may list learns that an object is missing.
            admit(world, &by.into(), bucket, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}"), &listing(None, None))?;
            return Err(refused(404, "NoSuchKey", "The specified key does not exist."));
        };
        admit_key(world, &by.into(), (&found.region, bucket, key), &version.encryption, "kms:Decrypt")?;
        objects::body(&self.store, version).map(Into::into)
    }

    fn write(&self, world: &mut World, by: &Assumed, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), Refused> {
        let resource = format!("arn:aws:s3:::{bucket}/{key}");
        let found = admit(world, &by.into(), bucket, "s3:PutObject", &resource, &writing(|_| None))?;
        let sealed = found.sealed(&|_| None, world)?;
        admit_key(world, &by.into(), (&found.region, bucket, key), &sealed, "kms:GenerateDataKey")?;
        let version = objects::version(&self.store, body.into(), sealed)?;
        if let Some(found) = world.buckets.get_mut(bucket) {
            found.push(&self.store, key, version, Made::Put);
        }
        announce(world, by, bucket);
        self.save(world)
    }

    fn remove(&self, world: &mut World, by: &Assumed, bucket: &str, key: &str) -> Result<(), Refused> {
        admit(world, &by.into(), bucket, "s3:DeleteObject", &format!("arn:aws:s3:::{bucket}/{key}"), &NEWEST)?;
        if let Some(found) = world.buckets.get_mut(bucket) {
            found.remove_newest(&self.store, key);
        }
        announce(world, by, bucket);
        self.save(world)
    }
}

/// What Snowflake's side changes raises events like any other change.
fn announce(world: &mut World, by: &Assumed, bucket: &str) {
    let request = uuid::Uuid::new_v4().to_string();
    let role = (by.role_arn != by.session_arn).then_some(by.role_arn.as_str());
    event::publish(world, bucket, Origin { arn: &by.session_arn, role, request: &request });
}
