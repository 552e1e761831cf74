//! What a session of a role may do in S3, whether it comes through the door or through an SDK.

use super::ACCOUNT;
pub(super) use super::access::By;
use super::access::{self, Wish};
use super::decision::{self, Sealing};
use super::kms;
use super::s3::objects::Sealed;
use super::s3::{self, Bucket};
use super::store::World;
use super::sts::Session;
use super::wire::{Asked, Refused, refused};
use crate::sandbox::door::Assumed;

impl<'a> From<&'a Assumed> for By<'a> {
    fn from(assumed: &'a Assumed) -> Self {
        // Snowflake assumes its role anew for every statement.
        Self { session: &assumed.session_arn, role: &assumed.role_arn, issued: None, policies: None }
    }
}

impl<'a> From<&'a Session> for By<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            session: &session.arn,
            role: &session.role_arn,
            issued: Some(session.issued),
            policies: session.policies.as_deref(),
        }
    }
}

/// What is known of a condition key: its value, or that the request does not carry it.
pub(super) type Known<'a> = (&'a str, Option<&'a str>);

/// Headers of a PUT that need permissions of their own.
const UNDECIDED: [&str; 9] = [
    "x-amz-acl",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-tagging",
];

/// Decides a request that was signed by a session, or by a user's own key. They read and write objects and ask who they are; the sandbox does not know what the
/// rest would need, so it refuses it.
pub(super) fn authorize(world: &World, by: &By<'_>, asked: &Asked, operation: &str) -> Result<(), Refused> {
    if operation == "GetCallerIdentity" || operation == "AssumeRole" {
        return Ok(());
    }
    let unknown =
        || refused(501, "NotImplemented", format!("the sandbox does not decide {operation} for {}", by.session));
    if asked.service != "s3" {
        return Err(unknown());
    }
    let (Some(bucket), key) = s3::target(asked) else { return Err(unknown()) };
    let whole = format!("arn:aws:s3:::{bucket}");
    let key = key.unwrap_or_default();
    let object = format!("{whole}/{key}");
    let version = asked.query("versionId");
    let asks = |action: &str, resource: &str, context: &[Known<'_>]| {
        let context = [&[("s3:versionid", version)], context].concat();
        admit(world, by, &bucket, action, resource, &context)
    };
    match operation {
        "HeadBucket" => asks("s3:ListBucket", &whole, &listing(None, None)).map(|_| ()),
        "ListObjectsV2" => {
            let mut context = listing(asked.query("prefix"), asked.query("delimiter"));
            context.push(("s3:max-keys", asked.query("max-keys")));
            asks("s3:ListBucket", &whole, &context).map(|_| ())
        }
        "GetObject" | "HeadObject" => {
            let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
            let found = asks(action, &object, &[])?;
            let wanted = match version {
                Some(id) => found.version(&key, id),
                None => found.newest(&key),
            };
            match wanted {
                Some(version) => {
                    admit_key(world, by, (&found.region, &bucket, &key), &version.encryption, "kms:Decrypt")
                }
                None => asks("s3:ListBucket", &whole, &listing(None, None)).map(|_| ()),
            }
        }
        "PutObject" if UNDECIDED.iter().any(|header| asked.header(header).is_some()) => Err(unknown()),
        "PutObject" => {
            let header = |name: &str| asked.header(name);
            let found = asks("s3:PutObject", &object, &writing(header))?;
            let sealed = found.sealed(&|header| asked.header(header).map(str::to_owned), world)?;
            admit_key(world, by, (&found.region, &bucket, &key), &sealed, "kms:GenerateDataKey")
        }
        "DeleteObject" => {
            let action = if version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
            asks(action, &object, &[]).map(|_| ())
        }
        _ => Err(unknown()),
    }
}

/// What a listing tells of itself.
pub(super) fn listing<'a>(prefix: Option<&'a str>, delimiter: Option<&'a str>) -> Vec<Known<'a>> {
    vec![("s3:prefix", prefix), ("s3:delimiter", delimiter)]
}

/// What a PUT tells of how the object is to be kept, by its headers.
pub(super) fn writing<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Vec<Known<'a>> {
    let keys = [
        ("s3:x-amz-server-side-encryption", "x-amz-server-side-encryption"),
        ("s3:x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-aws-kms-key-id"),
        ("s3:x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-algorithm"),
        ("s3:x-amz-acl", "x-amz-acl"),
        ("s3:x-amz-storage-class", "x-amz-storage-class"),
        ("s3:x-amz-website-redirect-location", "x-amz-website-redirect-location"),
        ("s3:x-amz-copy-source", "x-amz-copy-source"),
        ("s3:object-lock-mode", "x-amz-object-lock-mode"),
        ("s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold"),
        ("s3:if-none-match", "if-none-match"),
    ];
    keys.into_iter().map(|(key, name)| (key, header(name))).collect()
}

/// The bucket, if it is there and the session may do this in it.
///
/// The keys are those of the service authorization reference for S3. Through which network a request of Snowflake's comes is not known, so
/// neither are `aws:SourceIp`, `aws:SourceVpc` and `aws:SourceVpce`.
pub(super) fn admit<'w>(
    world: &'w World,
    by: &By<'_>,
    bucket: &str,
    action: &str,
    resource: &str,
    context: &[Known<'_>],
) -> Result<&'w Bucket, Refused> {
    if world.foreign_buckets.contains(bucket) {
        return Err(refused(403, "AccessDenied", "Access Denied"));
    }
    let found =
        world.buckets.get(bucket).ok_or_else(|| refused(404, "NoSuchBucket", "The specified bucket does not exist"))?;
    let always: [Known<'_>; 8] = [
        ("s3:ResourceAccount", Some(ACCOUNT)),
        ("s3:authType", Some("REST-HEADER")),
        ("s3:signatureversion", Some("AWS4-HMAC-SHA256")),
        // S3 takes nothing older.
        ("s3:TlsVersion", Some("1.2")),
        ("s3:AccessPointNetworkOrigin", None),
        ("s3:DataAccessPointArn", None),
        ("s3:DataAccessPointAccount", None),
        ("aws:ViaAWSService", Some("false")),
    ];
    let context = [&always[..], context].concat();
    access::on_bucket(world, bucket, by, &Wish { action, resource, region: &found.region, context: &context })?;
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
        let context: Vec<Known<'_>> = context.iter().map(|&(key, value)| (key, Some(value))).collect();
        access::on_key(world, found, by, &Wish { action, resource: &found.arn, region, context: &context })
    })
}
