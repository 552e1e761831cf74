//! What goes over the wire, and what is made of the answers.

mod calls;
mod environment;
mod reads;
mod refusals;
mod wire;

use std::sync::LazyLock;

use super::fake::{Asked, Told, iam_error, kms_error, ok, s3_error};
use super::{Aws, AwsOptions, BucketReads, ReadTags};
use crate::model::{BucketName, Call, Tags};

const CURRENT: BucketReads<'static> = BucketReads { logging: false, tags: ReadTags::Current };

/// Reads of a bucket that is listed as it is wanted.
fn listed() -> BucketReads<'static> {
    static WANTED: LazyLock<Tags> = LazyLock::new(|| Tags::from([("snowssi:stack".into(), "demo".into())]));
    BucketReads { logging: false, tags: ReadTags::Listed { stack: "demo", wanted: &WANTED } }
}

fn name() -> BucketName {
    "data.example".parse().unwrap()
}

/// A bucket with everything set.
fn full(asked: &Asked) -> Told {
    let has = |sub| asked.about(sub);
    if asked.action() == "GetResources" {
        return ok(r#"{"PaginationToken":"","ResourceTagMappingList":[
            {"ResourceARN":"arn:aws:s3:::data.example","Tags":[{"Key":"snowssi:stack","Value":"demo"}]},
            {"ResourceARN":"arn:aws:kms:eu-central-1:123456789012:key/1234","Tags":[{"Key":"a","Value":"b"}]}]}"#);
    }
    if has("versioning") {
        ok("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
    } else if has("encryption") {
        ok(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
            <KMSMasterKeyID>arn:k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>\
            <BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>\
            </ServerSideEncryptionConfiguration>",
        )
    } else if has("publicAccessBlock") {
        ok(
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
            <BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>",
        )
    } else if has("ownershipControls") {
        ok("<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>")
    } else if has("policy") {
        ok(r#"{"Statement":[]}"#)
    } else if has("lifecycle") {
        ok("<LifecycleConfiguration><Rule><ID>b</ID><Filter><Prefix>in/</Prefix></Filter><Status>Enabled</Status>\
            <Expiration><Days>3</Days></Expiration></Rule><Rule><ID>a</ID><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>\
            <Status>Disabled</Status><Expiration><Days>4</Days></Expiration></Rule></LifecycleConfiguration>")
    } else if has("notification") {
        ok(NOTIFICATION)
    } else if has("logging") {
        ok(
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs.example</TargetBucket><TargetPrefix>a/</TargetPrefix>\
            </LoggingEnabled></BucketLoggingStatus>",
        )
    } else if has("tagging") {
        ok("<Tagging><TagSet><Tag><Key>cost</Key><Value>1</Value></Tag></TagSet></Tagging>")
    } else {
        s3_error(400, "NotUnderstood")
    }
}

const NOTIFICATION: &str = "<NotificationConfiguration>\
    <QueueConfiguration><Id>snowssi-old</Id><Queue>arn:aws:sqs:eu-central-1:999999999999:sf</Queue><Event>s3:ObjectCreated:*</Event>\
    <Filter><S3Key><FilterRule><Name>Prefix</Name><Value>in/dt%3D1+a/</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
    <QueueConfiguration><Id>theirs</Id><Queue>arn:aws:sqs:eu-central-1:1:q</Queue><Event>s3:ObjectRemoved:*</Event>\
    <Filter><S3Key><FilterRule><Name>Suffix</Name><Value>.csv</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
    <CloudFunctionConfiguration><Id>fn</Id><CloudFunction>arn:aws:lambda:eu-central-1:1:function:f</CloudFunction>\
    <Event>s3:ObjectTagging:Put</Event></CloudFunctionConfiguration>\
    <TopicConfiguration><Id>top</Id><Topic>arn:aws:sns:eu-central-1:1:t</Topic><Event>s3:NewEvent:Unheard</Event></TopicConfiguration>\
    <EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>";

fn kms(asked: &Asked) -> Told {
    match asked.action() {
        "DescribeKey" if asked.body.contains("alias/none") => kms_error("NotFoundException"),
        "DescribeKey" => ok(r#"{"KeyMetadata":{"KeyId":"1234","Arn":"arn:aws:kms:eu-central-1:123456789012:key/1234",
            "Description":"d","KeyState":"Enabled","MultiRegion":false}}"#),
        "GetKeyPolicy" => ok(r#"{"Policy":"{\"a+b\":1}"}"#),
        "GetKeyRotationStatus" => ok(r#"{"KeyRotationEnabled":true,"RotationPeriodInDays":180}"#),
        "ListResourceTags" => ok(r#"{"Tags":[{"TagKey":"c","TagValue":"d"}],"Truncated":false}"#),
        "CreateKey" => ok(r#"{"KeyMetadata":{"KeyId":"1234","Arn":"arn:aws:kms:eu-central-1:123456789012:key/1234"}}"#),
        _ => full(asked),
    }
}

fn iam(asked: &Asked) -> Told {
    let wrap = |action: &str, inside: &str| {
        ok(format!("<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>"))
    };
    let second = asked.body.contains("Marker=next");
    match asked.action() {
        "GetRole" => wrap(
            "GetRole",
            "<Role><Path>/snowssi/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId>\
            <Arn>arn:aws:iam::123456789012:role/snowssi/r</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate>\
            <AssumeRolePolicyDocument>%7B%22sts%3AExternalId%22%3A%22A_SFCRole=2_x+y/z%2B=%22%7D</AssumeRolePolicyDocument>\
            <MaxSessionDuration>7200</MaxSessionDuration>\
            <Tags><member><Key>a</Key><Value>b</Value></member></Tags></Role>",
        ),
        "ListRolePolicies" if second => wrap(
            "ListRolePolicies",
            "<PolicyNames><member>other</member></PolicyNames><IsTruncated>false</IsTruncated>",
        ),
        "ListRolePolicies" => wrap(
            "ListRolePolicies",
            "<PolicyNames><member>snowssi-access</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>next</Marker>",
        ),
        "ListAttachedRolePolicies" => wrap(
            "ListAttachedRolePolicies",
            "<AttachedPolicies><member><PolicyName>p</PolicyName><PolicyArn>arn:aws:iam::aws:policy/p</PolicyArn></member>\
            </AttachedPolicies><IsTruncated>false</IsTruncated>",
        ),
        "GetRolePolicy" => {
            let name = if asked.body.contains("PolicyName=other") { "other" } else { "snowssi-access" };
            let inside = format!(
                "<RoleName>r</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>%7B%22n%22%3A%22{name}%22%7D</PolicyDocument>"
            );
            wrap("GetRolePolicy", &inside)
        }
        _ => iam_error(400, "NotUnderstood", "no"),
    }
}

/// Futures of the public API move between threads.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: impl FnOnce(&'static Aws) -> T) {}
    fn open<T: Send>(_: impl FnOnce(AwsOptions) -> T) {}
    send(|aws| aws.bucket(Box::leak(Box::new(name())), CURRENT));
    send(|aws| aws.key("a", ReadTags::Current));
    send(|aws| aws.role("r", true));
    send(|aws| aws.roles_under("/snowssi/"));
    send(|aws| aws.tagged("demo"));
    send(Aws::caller);
    send(|aws| aws.call(Box::leak(Box::new(Call::DeleteBucket { bucket: name() }))));
    open(Aws::open);
}

/// A new bucket: every document absent, each by its own code.
fn bare(asked: &Asked) -> Told {
    let absent = [
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("ownershipControls", "OwnershipControlsNotFoundError"),
        ("policy", "NoSuchBucketPolicy"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("tagging", "NoSuchTagSet"),
    ];
    match absent.iter().find(|(sub, _)| asked.about(sub)) {
        Some((_, code)) => s3_error(404, code),
        None if asked.about("versioning") => ok("<VersioningConfiguration/>"),
        None => ok("<NotificationConfiguration/>"),
    }
}
