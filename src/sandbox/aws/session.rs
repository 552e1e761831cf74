//! What a session of a role may do in S3, whether it comes through the door or through an SDK.

use super::ACCOUNT;
use super::access;
use super::decision::{self, Asking, Sealing};
use super::kms;
use super::s3::objects::Sealed;
use super::s3::{self, Bucket};
use super::store::World;
use super::sts::Session;
use super::wire::{Asked, Refused, refused};
use crate::sandbox::door::Assumed;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    session: &'a str,
    role: &'a str,
}

impl<'a> From<&'a Assumed> for By<'a> {
    fn from(assumed: &'a Assumed) -> Self {
        Self { session: &assumed.session_arn, role: &assumed.role_arn }
    }
}

impl<'a> From<&'a Session> for By<'a> {
    fn from(session: &'a Session) -> Self {
        Self { session: &session.arn, role: &session.role_arn }
    }
}

/// Decides a request that was signed by a session. Sessions read and write objects and ask who they are; the sandbox does not know what the
/// rest would need, so it refuses it.
pub(super) fn authorize(world: &World, session: &Session, asked: &Asked, operation: &str) -> Result<(), Refused> {
    if operation == "GetCallerIdentity" || operation == "AssumeRole" {
        return Ok(());
    }
    let unknown =
        || refused(501, "NotImplemented", format!("the sandbox does not decide {operation} for a session of a role"));
    if asked.service != "s3" {
        return Err(unknown());
    }
    let (Some(bucket), key) = s3::target(asked) else { return Err(unknown()) };
    let by = By::from(session);
    let whole = format!("arn:aws:s3:::{bucket}");
    let prefix = asked.query("prefix").unwrap_or_default();
    let key = key.unwrap_or_default();
    let object = format!("{whole}/{key}");
    match operation {
        "HeadBucket" => admit(world, &by, &bucket, "s3:ListBucket", &whole, &[]).map(|_| ()),
        "ListObjectsV2" => admit(world, &by, &bucket, "s3:ListBucket", &whole, &[("s3:prefix", prefix)]).map(|_| ()),
        "GetObject" | "HeadObject" => {
            let found = admit(world, &by, &bucket, "s3:GetObject", &object, &[])?;
            match found.newest(&key) {
                Some(version) => {
                    admit_key(world, &by, (&found.region, &bucket, &key), &version.encryption, "kms:Decrypt")
                }
                None => admit(world, &by, &bucket, "s3:ListBucket", &whole, &[("s3:prefix", &key)]).map(|_| ()),
            }
        }
        "PutObject" => {
            let found = admit(world, &by, &bucket, "s3:PutObject", &object, &[])?;
            let sealed = found.sealed(&|header| asked.header(header).map(str::to_owned), world)?;
            admit_key(world, &by, (&found.region, &bucket, &key), &sealed, "kms:GenerateDataKey")
        }
        "DeleteObject" if asked.query("versionId").is_none() => {
            admit(world, &by, &bucket, "s3:DeleteObject", &object, &[]).map(|_| ())
        }
        _ => Err(unknown()),
    }
}

/// The bucket, if it is there and the session may do this in it.
pub(super) fn admit<'w>(
    world: &'w World,
    by: &By<'_>,
    bucket: &str,
    action: &str,
    resource: &str,
    context: &[(&str, &str)],
) -> Result<&'w Bucket, Refused> {
    if world.foreign_buckets.contains(bucket) {
        return Err(refused(403, "AccessDenied", "Access Denied"));
    }
    let found =
        world.buckets.get(bucket).ok_or_else(|| refused(404, "NoSuchBucket", "The specified bucket does not exist"))?;
    let context = [&[("aws:SecureTransport", "true")], context].concat();
    let asking = Asking { session: by.session, role: by.role, action, resource, context: &context };
    access::on_bucket(world, bucket, &asking)?;
    Ok(found)
}

/// Whether the session may use the key of an object, through S3.
pub(super) fn admit_key(
    world: &World,
    by: &By<'_>,
    place: (&str, &str, &str),
    sealed: &Sealed,
    action: &str,
) -> Result<(), Refused> {
    let (region, bucket, key) = place;
    let Sealed::Kms { key: key_arn, bucket_key, .. } = sealed else { return Ok(()) };
    sealed.usable(world, region)?;
    // AWS's own key for S3 serves every principal of the account.
    let Some(found) = kms::by_arn(world, key_arn) else { return Ok(()) };
    let sealing = Sealing { account: ACCOUNT, region, bucket, key, bucket_key: *bucket_key };
    decision::through_s3(&sealing, |context| {
        let asking = Asking { session: by.session, role: by.role, action, resource: &found.arn, context };
        access::on_key(world, found, &asking)
    })
}
