//! Every call as it goes over the wire.

use super::super::fake::{Asked, aws, ok, told};
use super::name;
use crate::model::call::{Encryption, LifecycleRule, PublicAccessBlock};
use crate::model::{Call, Held, Secret, Tags, Vault};

/// What must stand in the one request that changes something: method and sub-resource for S3, the action otherwise; and in its body.
type Wire = (&'static str, &'static [&'static str]);

fn key() -> crate::model::Val {
    "1234".into()
}

fn held(name: &str) -> Held {
    Held::new(&"iam_user.u".parse().unwrap(), name)
}

fn tags() -> Tags {
    Tags::from([("k".into(), "v".into())])
}

/// One of each call. A new variant must be added to `expected`, which names them all.
#[expect(clippy::too_many_lines, reason = "one of each call")]
fn calls() -> Vec<Call> {
    let bucket = name;
    let role = || "r".to_owned();
    let alias = || "alias/a".to_owned();
    let topic = || "arn:t".to_owned();
    let expiring = LifecycleRule {
        id: "one".into(),
        enabled: true,
        prefix: "in/".into(),
        expire_days: Some(3),
        noncurrent_days: Some(4),
        abort_multipart_days: Some(5),
        transitions: vec![(1, "GLACIER".into())],
    };
    let block = PublicAccessBlock {
        block_public_acls: true,
        ignore_public_acls: false,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
    vec![
        Call::CreateBucket { bucket: bucket(), region: "eu-central-1".parse().unwrap(), tags: tags() },
        Call::DeleteBucket { bucket: bucket() },
        Call::EmptyBucket { bucket: bucket() },
        Call::PutPublicAccessBlock { bucket: bucket(), block },
        Call::PutBucketOwnershipControls { bucket: bucket(), ownership: "BucketOwnerEnforced".into() },
        Call::PutBucketVersioning { bucket: bucket(), enabled: false },
        Call::PutBucketEncryption { bucket: bucket(), encryption: Encryption::Sse },
        Call::PutBucketPolicy { bucket: bucket(), policy: "{\"p\":1}".into() },
        Call::DeleteBucketPolicy { bucket: bucket() },
        Call::PutBucketLifecycleConfiguration { bucket: bucket(), rules: vec![expiring] },
        Call::DeleteBucketLifecycle { bucket: bucket() },
        Call::PutBucketLogging { bucket: bucket(), target: Some(("logs".parse().unwrap(), "l/".into())) },
        Call::MergeBucketTags { bucket: bucket(), set: tags(), remove: vec![] },
        Call::MergeBucketNotification { bucket: bucket(), entries: vec![] },
        Call::CreateKey { description: "d".into(), policy: "{}".into(), tags: tags(), multi_region: false },
        Call::CreateAlias { alias: alias(), key: key() },
        Call::UpdateAlias { alias: alias(), key: key() },
        Call::DeleteAlias { alias: alias() },
        Call::PutKeyPolicy { key: key(), policy: "{}".into() },
        Call::EnableKeyRotation { key: key(), period_days: 90 },
        Call::DisableKeyRotation { key: key() },
        Call::EnableKey { key: key() },
        Call::DisableKey { key: key() },
        Call::UpdateKeyDescription { key: key(), description: "d".into() },
        Call::TagKey { key: key(), tags: tags() },
        Call::UntagKey { key: key(), keys: vec!["k".into()] },
        Call::ScheduleKeyDeletion { key: key(), window_days: 7 },
        Call::CancelKeyDeletion { key: key() },
        Call::CreateRole {
            role: role(),
            path: "/p/".into(),
            description: "d".into(),
            max_session_seconds: 3600,
            trust: "{}".into(),
            boundary: Some("arn:b".into()),
            tags: tags(),
        },
        Call::UpdateRole { role: role(), description: String::new(), max_session_seconds: 7200 },
        Call::UpdateAssumeRolePolicy { role: role(), trust: "{\"a+b\":\"/=\"}".into() },
        Call::PutRolePermissionsBoundary { role: role(), boundary: "arn:b".into() },
        Call::DeleteRolePermissionsBoundary { role: role() },
        Call::PutRolePolicy { role: role(), policy: "p".into(), document: "{}".into() },
        Call::DeleteRolePolicy { role: role(), policy: "p".into() },
        Call::AttachRolePolicy { role: role(), policy_arn: "arn:p".into() },
        Call::DetachRolePolicy { role: role(), policy_arn: "arn:p".into() },
        Call::TagRole { role: role(), tags: tags() },
        Call::UntagRole { role: role(), keys: vec!["k".into()] },
        Call::DeleteRole { role: role() },
        Call::CreatePolicy {
            policy: "p".into(),
            path: "/p/".into(),
            description: "d".into(),
            document: "{}".into(),
            tags: tags(),
        },
        Call::CreatePolicyVersion { policy_arn: "arn:p".into(), document: "{\"new\":1}".into() },
        Call::DeletePolicyVersion { policy_arn: "arn:p".into(), version: "v1".into() },
        Call::TagPolicy { policy_arn: "arn:p".into(), tags: tags() },
        Call::UntagPolicy { policy_arn: "arn:p".into(), keys: vec!["k".into()] },
        Call::DeletePolicy { policy_arn: "arn:p".into() },
        Call::DetachUserPolicy { user: "u".into(), policy_arn: "arn:p".into() },
        Call::AttachUserPolicy { user: "u".into(), policy_arn: "arn:p".into() },
        Call::CreateUser { user: "u".into(), path: "/p/".into(), boundary: Some("arn:b".into()), tags: tags() },
        Call::PutUserPermissionsBoundary { user: "u".into(), boundary: "arn:b".into() },
        Call::PutUserPolicy { user: "u".into(), policy: "p".into(), document: "{}".into() },
        Call::DeleteUserPolicy { user: "u".into(), policy: "p".into() },
        Call::TagUser { user: "u".into(), tags: tags() },
        Call::UntagUser { user: "u".into(), keys: vec!["k".into()] },
        Call::DeleteUser { user: "u".into() },
        Call::CreateAccessKey { user: "u".into() },
        Call::DeleteAccessKey { user: "u".into(), access_key: "AKIA1".into() },
        Call::RecordAccessKey { user: "u".into(), tag: "t".into(), access_key: held("id"), what_for: "w".into() },
        Call::CreateSecret { secret: "s".into(), description: "d".into(), tags: tags() },
        Call::PutSecretValue { secret: "s".into(), tag: "t".into(), access_key: held("id"), secret_key: held("key") },
        Call::DeleteSecret { secret: "s".into(), window_days: 30 },
        Call::CreateTopic {
            topic: "arn:t:t".into(),
            display_name: "d".into(),
            kms_key: "alias/aws/sns".into(),
            policy: "{}".into(),
            tags: tags(),
        },
        Call::SetTopicAttributes { topic: topic(), attribute: "DisplayName".into(), value: "d".into() },
        Call::Subscribe { topic: topic(), protocol: "email".into(), endpoint: "a@b".into() },
        Call::Unsubscribe { topic: topic(), subscription_arn: "arn:s".into() },
        Call::TagTopic { topic: topic(), tags: tags() },
        Call::UntagTopic { topic: topic(), keys: vec!["k".into()] },
        Call::DeleteTopic { topic: topic() },
    ]
}

#[expect(clippy::too_many_lines, reason = "one of each call")]
fn expected(call: &Call) -> Wire {
    match call {
        Call::CreateBucket { .. } => {
            ("PUT ", &["<LocationConstraint>eu-central-1</LocationConstraint>", "<Key>k</Key>"])
        }
        Call::DeleteBucket { .. } => ("DELETE ", &[]),
        // Of an empty bucket nothing is deleted.
        Call::EmptyBucket { .. } => ("GET uploads", &[]),
        Call::PutPublicAccessBlock { .. } => (
            "PUT publicAccessBlock",
            &["<IgnorePublicAcls>false</IgnorePublicAcls>", "<BlockPublicPolicy>true</BlockPublicPolicy>"],
        ),
        Call::PutBucketOwnershipControls { .. } => {
            ("PUT ownershipControls", &["<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>"])
        }
        Call::PutBucketVersioning { .. } => ("PUT versioning", &["<Status>Suspended</Status>"]),
        Call::PutBucketEncryption { .. } => ("PUT encryption", &["<SSEAlgorithm>AES256</SSEAlgorithm>"]),
        Call::PutBucketPolicy { .. } => ("PUT policy", &["{\"p\":1}"]),
        Call::DeleteBucketPolicy { .. } => ("DELETE policy", &[]),
        Call::PutBucketLifecycleConfiguration { .. } => (
            "PUT lifecycle",
            &[
                "<ID>one</ID>",
                "<Filter><Prefix>in/</Prefix></Filter>",
                "<Expiration><Days>3</Days></Expiration>",
                "<NoncurrentDays>4</NoncurrentDays>",
                "<DaysAfterInitiation>5</DaysAfterInitiation>",
                "<Days>1</Days><StorageClass>GLACIER</StorageClass>",
            ],
        ),
        Call::DeleteBucketLifecycle { .. } => ("DELETE lifecycle", &[]),
        Call::PutBucketLogging { .. } => {
            ("PUT logging", &["<TargetBucket>logs</TargetBucket>", "<TargetPrefix>l/</TargetPrefix>"])
        }
        Call::MergeBucketTags { .. } => ("PUT tagging", &["<Key>k</Key><Value>v</Value>"]),
        // Nothing of ours there and nothing wanted: nothing is written.
        Call::MergeBucketNotification { .. } => ("GET notification", &[]),
        Call::CreateKey { .. } => ("CreateKey", &["\"Policy\":\"{}\"", "\"TagKey\":\"k\""]),
        Call::CreateAlias { .. } => ("CreateAlias", &["\"AliasName\":\"alias/a\"", "\"TargetKeyId\":\"1234\""]),
        Call::UpdateAlias { .. } => ("UpdateAlias", &["\"AliasName\":\"alias/a\"", "\"TargetKeyId\":\"1234\""]),
        Call::DeleteAlias { .. } => ("DeleteAlias", &["\"AliasName\":\"alias/a\""]),
        Call::PutKeyPolicy { .. } => ("PutKeyPolicy", &["\"KeyId\":\"1234\"", "\"Policy\":\"{}\""]),
        Call::EnableKeyRotation { .. } => ("EnableKeyRotation", &["\"KeyId\":\"1234\"", "\"RotationPeriodInDays\":90"]),
        Call::DisableKeyRotation { .. } => ("DisableKeyRotation", &["\"KeyId\":\"1234\""]),
        Call::EnableKey { .. } => ("EnableKey", &["\"KeyId\":\"1234\""]),
        Call::DisableKey { .. } => ("DisableKey", &["\"KeyId\":\"1234\""]),
        Call::UpdateKeyDescription { .. } => ("UpdateKeyDescription", &["\"KeyId\":\"1234\"", "\"Description\":\"d\""]),
        Call::TagKey { .. } => ("TagResource", &["\"KeyId\":\"1234\"", "\"TagValue\":\"v\""]),
        Call::UntagKey { .. } => ("UntagResource", &["\"TagKeys\":[\"k\"]"]),
        Call::ScheduleKeyDeletion { .. } => ("ScheduleKeyDeletion", &["\"PendingWindowInDays\":7"]),
        Call::CancelKeyDeletion { .. } => ("CancelKeyDeletion", &["\"KeyId\":\"1234\""]),
        Call::CreateRole { .. } => (
            "CreateRole",
            &[
                "RoleName=r",
                "Path=%2Fp%2F",
                "Description=d",
                "MaxSessionDuration=3600",
                "PermissionsBoundary=arn%3Ab",
                "Value=v",
            ],
        ),
        // An empty description is sent: left out, AWS would keep the old one.
        Call::UpdateRole { .. } => ("UpdateRole", &["RoleName=r", "Description=&", "MaxSessionDuration=7200"]),
        Call::UpdateAssumeRolePolicy { .. } => {
            ("UpdateAssumeRolePolicy", &["PolicyDocument=%7B%22a%2Bb%22%3A%22%2F%3D%22%7D"])
        }
        Call::PutRolePermissionsBoundary { .. } => ("PutRolePermissionsBoundary", &["PermissionsBoundary=arn%3Ab"]),
        Call::DeleteRolePermissionsBoundary { .. } => ("DeleteRolePermissionsBoundary", &["RoleName=r"]),
        Call::PutRolePolicy { .. } => ("PutRolePolicy", &["RoleName=r", "PolicyName=p", "PolicyDocument=%7B%7D"]),
        Call::DeleteRolePolicy { .. } => ("DeleteRolePolicy", &["RoleName=r", "PolicyName=p"]),
        Call::AttachRolePolicy { .. } => ("AttachRolePolicy", &["PolicyArn=arn%3Ap"]),
        Call::DetachRolePolicy { .. } => ("DetachRolePolicy", &["PolicyArn=arn%3Ap"]),
        Call::TagRole { .. } => ("TagRole", &["RoleName=r", "Key=k", "Value=v"]),
        Call::UntagRole { .. } => ("UntagRole", &["TagKeys.member.1=k"]),
        Call::DeleteRole { .. } => ("DeleteRole", &["RoleName=r"]),
        Call::CreatePolicy { .. } => {
            ("CreatePolicy", &["PolicyName=p", "Path=%2Fp%2F", "Description=d", "PolicyDocument=%7B%7D", "Value=v"])
        }
        Call::CreatePolicyVersion { .. } => ("CreatePolicyVersion", &["PolicyArn=arn%3Ap", "SetAsDefault=true"]),
        Call::DeletePolicyVersion { .. } => ("DeletePolicyVersion", &["PolicyArn=arn%3Ap", "VersionId=v1"]),
        Call::TagPolicy { .. } => ("TagPolicy", &["PolicyArn=arn%3Ap", "Key=k", "Value=v"]),
        Call::UntagPolicy { .. } => ("UntagPolicy", &["TagKeys.member.1=k"]),
        Call::DeletePolicy { .. } => ("DeletePolicy", &["PolicyArn=arn%3Ap"]),
        Call::DetachUserPolicy { .. } => ("DetachUserPolicy", &["UserName=u", "PolicyArn=arn%3Ap"]),
        Call::AttachUserPolicy { .. } => ("AttachUserPolicy", &["UserName=u", "PolicyArn=arn%3Ap"]),
        Call::CreateUser { .. } => {
            ("CreateUser", &["UserName=u", "Path=%2Fp%2F", "PermissionsBoundary=arn%3Ab", "Value=v"])
        }
        Call::PutUserPermissionsBoundary { .. } => ("PutUserPermissionsBoundary", &["PermissionsBoundary=arn%3Ab"]),
        Call::PutUserPolicy { .. } => ("PutUserPolicy", &["UserName=u", "PolicyName=p", "PolicyDocument=%7B%7D"]),
        Call::DeleteUserPolicy { .. } => ("DeleteUserPolicy", &["UserName=u", "PolicyName=p"]),
        Call::TagUser { .. } => ("TagUser", &["UserName=u", "Key=k", "Value=v"]),
        Call::UntagUser { .. } => ("UntagUser", &["TagKeys.member.1=k"]),
        Call::DeleteUser { .. } => ("DeleteUser", &["UserName=u"]),
        Call::CreateAccessKey { .. } => ("CreateAccessKey", &["UserName=u"]),
        Call::DeleteAccessKey { .. } => ("DeleteAccessKey", &["UserName=u", "AccessKeyId=AKIA1"]),
        Call::RecordAccessKey { .. } => ("TagUser", &["UserName=u", "Key=t", "Value=AKIA9%20w"]),
        Call::CreateSecret { .. } => ("CreateSecret", &["\"Name\":\"s\"", "\"Description\":\"d\"", "\"Key\":\"k\""]),
        // The value goes before; this is the note of which key it is.
        Call::PutSecretValue { .. } => ("TagResource", &["\"SecretId\":\"s\"", "\"Value\":\"AKIA9\""]),
        Call::CreateTopic { .. } => (
            "CreateTopic",
            &["Name=t&", "KmsMasterKeyId", "alias%2Faws%2Fsns", "DisplayName", "Policy", "member.1.Key=k"],
        ),
        Call::SetTopicAttributes { .. } => {
            ("SetTopicAttributes", &["TopicArn=arn%3At", "AttributeName=DisplayName", "AttributeValue=d"])
        }
        Call::Subscribe { .. } => ("Subscribe", &["TopicArn=arn%3At", "Protocol=email", "Endpoint=a%40b"]),
        Call::Unsubscribe { .. } => ("Unsubscribe", &["SubscriptionArn=arn%3As"]),
        Call::TagTopic { .. } => ("TagResource", &["ResourceArn=arn%3At", "Tags.member.1.Key=k"]),
        Call::UntagTopic { .. } => ("UntagResource", &["ResourceArn=arn%3At", "TagKeys.member.1=k"]),
        Call::DeleteTopic { .. } => ("DeleteTopic", &["TopicArn=arn%3At"]),
        Call::DeleteSecret { .. } => ("DeleteSecret", &["\"SecretId\":\"s\"", "\"RecoveryWindowInDays\":30"]),
    }
}

/// How many calls there are: `calls` has one of each.
const VARIANTS: usize = 68;

fn wire(asked: &Asked) -> String {
    if asked.host.starts_with("s3.") {
        // The SDK writes a sub-resource with or without a `=`.
        let named = asked.query.split('&').map(|part| part.trim_end_matches('=')).find(|part| !part.contains('='));
        return format!("{} {}", asked.method, named.unwrap_or_default());
    }
    asked.action().to_owned()
}

fn answer(asked: &Asked) -> super::super::fake::Told {
    let target = asked.header("x-amz-target");
    match asked.action() {
        "CreateKey" => ok(r#"{"KeyMetadata":{"KeyId":"1234","Arn":"arn:aws:kms:eu-central-1:123456789012:key/1234"}}"#),
        "CreateRole" => ok(
            "<CreateRoleResponse><CreateRoleResult><Role><Path>/p/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId>\
            <Arn>arn:aws:iam::123456789012:role/p/r</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></Role></CreateRoleResult>\
            </CreateRoleResponse>",
        ),
        "DescribeSecret" => super::kms_error("ResourceNotFoundException"),
        "CreateUser" => ok(
            "<CreateUserResponse><CreateUserResult><User><Path>/p/</Path><UserName>u</UserName><UserId>AIDA1</UserId>\
            <Arn>arn:aws:iam::123456789012:user/p/u</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></User></CreateUserResult>\
            </CreateUserResponse>",
        ),
        "CreateAccessKey" => ok("<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>u</UserName>\
            <AccessKeyId>AKIA1</AccessKeyId><Status>Active</Status><SecretAccessKey>x</SecretAccessKey></AccessKey>\
            </CreateAccessKeyResult></CreateAccessKeyResponse>"),
        "GetPolicy" => ok(
            "<GetPolicyResponse><GetPolicyResult><Policy><Arn>arn:p</Arn><DefaultVersionId>v3</DefaultVersionId></Policy>\
            </GetPolicyResult></GetPolicyResponse>",
        ),
        "GetPolicyVersion" => {
            ok("<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><VersionId>v3</VersionId>\
            <Document>%7B%22old%22%3A+1%7D</Document></PolicyVersion></GetPolicyVersionResult></GetPolicyVersionResponse>")
        }
        "ListInstanceProfilesForRole" => ok("<ListInstanceProfilesForRoleResponse><ListInstanceProfilesForRoleResult>\
            <InstanceProfiles/><IsTruncated>false</IsTruncated></ListInstanceProfilesForRoleResult>\
            </ListInstanceProfilesForRoleResponse>"),
        action if !target.is_empty() || asked.host.starts_with("s3.") => {
            let empty = if target.is_empty() { "" } else { "{}" };
            if asked.about("notification") {
                ok("<NotificationConfiguration/>")
            } else if asked.about("versions") {
                ok("<ListVersionsResult/>")
            } else if asked.about("uploads") {
                ok("<ListMultipartUploadsResult/>")
            } else if asked.method == "GET" && (asked.about("tagging") || asked.about("encryption")) {
                super::bare(asked)
            } else {
                told(if asked.method == "DELETE" { 204 } else { 200 }, if action.is_empty() { "" } else { empty })
            }
        }
        action => ok(format!("<{action}Response><{action}Result/></{action}Response>")),
    }
}

#[tokio::test]
async fn every_call_is_what_its_name_says() {
    let calls = calls();
    assert_eq!(calls.iter().map(Call::operation).collect::<std::collections::BTreeSet<_>>().len(), VARIANTS);
    for call in calls {
        let (aws, fake) = aws(answer).await;
        let mut vault = Vault::default();
        vault.hold(held("id"), Secret::new("AKIA9"));
        vault.hold(held("key"), Secret::new("canary"));
        aws.call_with(&call, &vault).await.unwrap_or_else(|error| panic!("{call:?}: {error}"));
        let asked = fake.asked().pop().unwrap();
        let (operation, pieces) = expected(&call);
        assert_eq!(wire(&asked), operation, "{call:?}");
        for piece in pieces {
            assert!(asked.body.contains(piece), "{piece} is not in {} of {call:?}", asked.body);
        }
        let owned = asked.host.starts_with("s3.") && !matches!(call, Call::CreateBucket { .. });
        assert_eq!(asked.header("x-amz-expected-bucket-owner"), if owned { "123456789012" } else { "" }, "{call:?}");
    }
}
