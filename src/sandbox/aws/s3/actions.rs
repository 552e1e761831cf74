//! The actions a bucket policy can name. Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".

/// One action.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox::aws) struct Action {
    name: &'static str,
    /// Whether it applies to objects rather than to the bucket.
    pub(in crate::sandbox::aws) on_objects: bool,
}

const ON_OBJECTS: &[&str] = &[
    "AbortMultipartUpload",
    "BypassGovernanceRetention",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjectVersion",
    "DeleteObjectVersionTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionForReplication",
    "GetObjectVersionTagging",
    "ListMultipartUploadParts",
    "ObjectOwnerOverrideToBucketOwner",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "ReplicateDelete",
    "ReplicateObject",
    "ReplicateTags",
    "RestoreObject",
];

const ON_BUCKETS: &[&str] = &[
    "CreateBucket",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "DeleteBucketWebsite",
    "GetAccelerateConfiguration",
    "GetAnalyticsConfiguration",
    "GetBucketAcl",
    "GetBucketCORS",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketNotification",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "GetEncryptionConfiguration",
    "GetIntelligentTieringConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "GetMetricsConfiguration",
    "GetReplicationConfiguration",
    "ListBucket",
    "ListBucketMultipartUploads",
    "ListBucketVersions",
    "PutAccelerateConfiguration",
    "PutAnalyticsConfiguration",
    "PutBucketAcl",
    "PutBucketCORS",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketObjectLockConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutEncryptionConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutInventoryConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    "PutReplicationConfiguration",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
];

/// The actions that a name with `*` and `?` stands for; case does not matter.
pub(in crate::sandbox::aws) fn matching(pattern: &str) -> impl Iterator<Item = Action> {
    let pattern = pattern.to_ascii_lowercase();
    let name = if pattern == "*" { Some("*".to_owned()) } else { pattern.strip_prefix("s3:").map(str::to_owned) };
    let all = |names: &'static [&'static str], on_objects| names.iter().map(move |name| Action { name, on_objects });
    all(ON_OBJECTS, true).chain(all(ON_BUCKETS, false)).filter(move |action| {
        name.as_ref().is_some_and(|name| like(name.as_bytes(), &action.name.to_ascii_lowercase()))
    })
}

fn like(pattern: &[u8], text: &str) -> bool {
    match (pattern, text.as_bytes()) {
        ([], rest) => rest.is_empty(),
        // Two in a row say no more than one, but would take much longer.
        ([b'*', b'*', ..], _) => like(&pattern[1..], text),
        ([b'*', after @ ..], _) => (0..=text.len()).any(|at| text.get(at..).is_some_and(|rest| like(after, rest))),
        ([first, after @ ..], [c, ..]) => (first == c || *first == b'?') && like(after, &text[1..]),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn patterns() {
        let table = [
            ("s3:GetObject", 1),
            ("S3:getobject", 1),
            ("s3:Get*Configuration", 9),
            ("s3:?etObject", 1),
            ("s3:GetObjec", 0),
            ("kms:GetObject", 0),
            ("s3:", 0),
            (&format!("s3:{}x", "*".repeat(60)), 0),
        ];
        for (pattern, count) in table {
            assert_eq!(matching(pattern).count(), count, "{pattern}");
        }
        assert_eq!(matching("*").count(), matching("s3:*").count());
        assert!(matching("s3:*Object").all(|action| action.on_objects));
    }
}
