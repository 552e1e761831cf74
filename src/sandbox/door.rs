//! The door between the two embedded clouds: what Snowflake's side does in AWS. Every step is decided by the live documents in the AWS
//! mock; nothing passes because a test expects it to.

use std::future::Future;
use std::pin::Pin;

/// A boxed future.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who works in AWS: a session of a role, as STS gives it out, or a user by its access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// `arn:aws:sts::<account>:assumed-role/<role>/snowflake`, or the user.
    pub session_arn: String,
    /// The role; of a user the user itself.
    pub role_arn: String,
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Milliseconds since the epoch.
    pub modified_ms: i64,
}

/// A refusal, as AWS words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// AWS's code, such as `AccessDenied`.
    pub code: String,
    /// AWS's message: `User: … is not authorized to perform: … on resource: … because …`.
    pub message: String,
}

/// What is kept of the secret of an access key where it only has to be recognised: its SHA-256, in hexadecimal digits.
pub fn digest(secret: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    hash.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What Snowflake's side can do in AWS.
pub trait Door: Send + Sync {
    /// `sts:AssumeRole` by an IAM user of Snowflake's, with an external ID and the session name `snowflake`.
    fn assume<'a>(
        &'a self,
        principal: &'a str,
        role_arn: &'a str,
        external_id: &'a str,
    ) -> Fut<'a, Result<Assumed, Refusal>>;
    /// The user that an access key belongs to, if the key is active and this is the digest ([`digest`]) of its secret.
    fn user<'a>(&'a self, key_id: &'a str, secret: &'a str) -> Fut<'a, Result<Assumed, Refusal>> {
        let _ = (key_id, secret);
        let message = "the sandbox cannot tell whether this AWS knows the access key: it keeps no secrets of keys";
        Box::pin(async move { Err(Refusal { status: 501, code: "NotImplemented".into(), message: message.into() }) })
    }
    /// `s3:ListBucket` under a prefix, all pages.
    fn list<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        prefix: &'a str,
    ) -> Fut<'a, Result<Vec<ObjectInfo>, Refusal>>;
    /// `s3:GetObject`, with `kms:Decrypt` where the object is encrypted with a key.
    fn get<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<Vec<u8>, Refusal>>;
    /// `s3:PutObject`, with `kms:GenerateDataKey` where the bucket's default encryption demands it.
    fn put<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str, body: Vec<u8>)
    -> Fut<'a, Result<(), Refusal>>;
    /// `s3:DeleteObject`.
    fn delete<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<(), Refusal>>;
    /// The region of a bucket, if there is one of this name (public knowledge in AWS).
    fn bucket_region<'a>(&'a self, bucket: &'a str) -> Fut<'a, Option<String>>;
    /// Makes an IAM user of Snowflake's known to AWS, so that policies can name it as a principal.
    fn register_principal<'a>(&'a self, arn: &'a str) -> Fut<'a, ()>;
}
