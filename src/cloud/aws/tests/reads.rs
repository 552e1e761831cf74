//! Reads: what is asked, and what is never taken for absent.

use std::collections::BTreeMap;

use super::super::fake::{Asked, Told, aws, aws_in, iam_error, s3_error, told};
use super::super::{BucketReads, BucketState, ReadTags};
use super::{CURRENT, bare, full, iam, kms, listed, name};
use crate::cloud::Class;
use crate::model::call::{Encryption, LifecycleRule, PublicAccessBlock, QueueEntry};
use crate::model::{Call, Tags};

#[tokio::test]
async fn a_bucket_costs_seven_gets_path_style_with_the_expected_owner() {
    let (aws, fake) = aws(full).await;
    aws.tagged("demo").await.unwrap();
    let before = fake.asked().len();
    let state = aws.bucket(&name(), listed()).await.unwrap().unwrap();
    let asked = fake.asked().split_off(before);
    assert_eq!(asked.len(), 7, "{asked:#?}");
    for request in &asked {
        assert_eq!((&*request.method, &*request.path), ("GET", "/data.example/"), "{request:?}");
        assert_eq!(request.host, "s3.eu-central-1.amazonaws.com");
        assert_eq!(request.header("x-amz-expected-bucket-owner"), "123456789012");
    }
    let foreign: Vec<_> =
        state.foreign_notifications.iter().map(|entry| (&*entry.id, &*entry.events[0], &*entry.suffix)).collect();
    assert_eq!(
        foreign,
        [
            ("theirs", "s3:ObjectRemoved:*", ".csv"),
            ("top", "s3:NewEvent:Unheard", ""),
            ("fn", "s3:ObjectTagging:Put", "")
        ]
    );
    let rule = |id: &str, enabled, prefix: &str, days| LifecycleRule {
        id: id.into(),
        enabled,
        prefix: prefix.into(),
        expire_days: Some(days),
        noncurrent_days: None,
        abort_multipart_days: None,
        transitions: vec![],
    };
    let expected = BucketState {
        other_region: None,
        tags: Tags::from([("snowssi:stack".into(), "demo".into())]),
        versioning: Some(true),
        encryption: Encryption::Kms { key: "arn:k".into(), bucket_key: true },
        public_access_block: Some(PublicAccessBlock {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: false,
            restrict_public_buckets: false,
        }),
        ownership: Some("BucketOwnerEnforced".into()),
        policy: Some(r#"{"Statement":[]}"#.into()),
        lifecycle: vec![rule("a", false, "", 4), rule("b", true, "in/", 3)],
        lifecycle_foreign: vec!["a".into()],
        logging: None,
        notifications: vec![QueueEntry {
            id: "snowssi-old".into(),
            queue: "arn:aws:sqs:eu-central-1:999999999999:sf".into(),
            events: vec!["s3:ObjectCreated:*".into()],
            prefix: "in/dt=1 a/".into(),
        }],
        foreign_notifications: state.foreign_notifications.clone(),
    };
    assert_eq!(state, expected);
    let counts = aws.stats.counts();
    assert_eq!(counts.calls.get("s3:GetBucketPolicy"), Some(&1));
    assert_eq!(counts.calls.get("sts:GetCallerIdentity"), Some(&1));
    assert!(counts.peak >= 7, "the reads run at once: {counts:?}");
}

#[tokio::test]
async fn logging_and_current_tags_are_read_when_asked_for() {
    let (aws, fake) = aws(full).await;
    let state = aws.bucket(&name(), BucketReads { logging: true, tags: ReadTags::Current }).await.unwrap().unwrap();
    assert_eq!(fake.asked().len(), 9);
    assert_eq!(state.logging, Some(("logs.example".parse().unwrap(), "a/".into())));
    assert_eq!(state.tags, Tags::from([("cost".into(), "1".into())]));
}

#[tokio::test]
async fn absent_documents_are_none() {
    let (aws, _) = aws(bare).await;
    let state = aws.bucket(&name(), CURRENT).await.unwrap().unwrap();
    let expected = BucketState {
        other_region: None,
        tags: Tags::new(),
        versioning: None,
        encryption: Encryption::Sse,
        public_access_block: None,
        ownership: None,
        policy: None,
        lifecycle: vec![],
        lifecycle_foreign: vec![],
        logging: None,
        notifications: vec![],
        foreign_notifications: vec![],
    };
    assert_eq!(state, expected);
}

#[tokio::test]
async fn unknown_is_not_absent() {
    let (gone, _) = aws(|_| s3_error(404, "NoSuchBucket")).await;
    assert_eq!(gone.bucket(&name(), CURRENT).await, Ok(None));

    let (hidden, _) = aws(|_| s3_error(403, "AccessDenied")).await;
    let error = hidden.bucket(&name(), CURRENT).await.unwrap_err();
    assert_eq!((error.class, &*error.code), (Class::Permanent, "AccessDenied"));
    assert!(error.message.contains("cannot tell absent from hidden"), "{error}");

    // One document denied, the others there: an error too.
    let (partly, _) =
        aws(|asked| if asked.about("policy") { s3_error(403, "AccessDenied") } else { full(asked) }).await;
    assert_eq!(partly.bucket(&name(), CURRENT).await.unwrap_err().operation, "s3:GetBucketPolicy");

    // S3 contradicts itself.
    let torn =
        |asked: &Asked| if asked.about("publicAccessBlock") { s3_error(404, "NoSuchBucket") } else { full(asked) };
    let (torn, fake) = aws(torn).await;
    assert_eq!(torn.bucket(&name(), CURRENT).await.unwrap_err().class, Class::Propagation);
    assert_eq!(fake.asked().len(), 16, "it is asked once more");
}

#[tokio::test]
async fn a_bucket_elsewhere_is_read_there() {
    for (status, code, in_header) in [
        (301, "PermanentRedirect", true),
        (400, "AuthorizationHeaderMalformed", true),
        (400, "AuthorizationHeaderMalformed", false),
    ] {
        let (aws, fake) = aws(move |asked| {
            if asked.host == "s3.us-west-2.amazonaws.com" {
                return full(asked);
            }
            let body = format!("<Error><Code>{code}</Code><Message>no</Message><Region>us-west-2</Region></Error>");
            let headers = if in_header { vec![("x-amz-bucket-region", "us-west-2".to_owned())] } else { vec![] };
            Told::Http { status, headers, body }
        })
        .await;
        let state = aws.bucket(&name(), CURRENT).await.unwrap().unwrap();
        assert_eq!(state.other_region.as_deref(), Some("us-west-2"));
        // It is remembered: nothing goes to the wrong region again.
        let before = fake.asked().len();
        aws.call(&Call::DeleteBucketPolicy { bucket: name() }).await.unwrap();
        assert!(fake.asked()[before..].iter().all(|asked| asked.host == "s3.us-west-2.amazonaws.com"));
    }
}

#[tokio::test]
async fn the_tagging_api_is_asked_once() {
    let (aws, fake) = aws(full).await;
    let (one, other) = tokio::join!(aws.tagged("demo"), aws.tagged("demo"));
    assert_eq!(one.unwrap().len(), 2);
    assert_eq!(other.unwrap().len(), 2);
    assert_eq!(fake.asked().len(), 1);
    assert!(fake.asked()[0].body.contains(r#""Key":"snowssi:stack","Values":["demo"]"#), "{:?}", fake.asked());

    let (denied, fake) = aws_in("eu-central-1", |asked| match asked.action() {
        "GetResources" => told(400, r#"{"__type":"AccessDeniedException","message":"no"}"#),
        _ => full(asked),
    })
    .await;
    // A denied tagging API is no obstacle where the bucket itself can be asked, and is not asked again.
    for _ in 0..2 {
        assert_eq!(denied.bucket(&name(), listed()).await.unwrap().unwrap().tags.len(), 1);
    }
    assert_eq!(fake.asked().iter().filter(|asked| asked.action() == "GetResources").count(), 1);
    assert_eq!(denied.tagged("demo").await.unwrap_err().code, "AccessDeniedException");
}

#[tokio::test]
async fn a_listed_key_costs_three_reads() {
    let (aws, fake) = aws(kms).await;
    aws.tagged("demo").await.unwrap();
    let before = fake.asked().len();
    let key = aws.key("alias/a", ReadTags::Listed { stack: "demo", wanted: &Tags::new() }).await.unwrap().unwrap();
    let mut actions: Vec<_> = fake.asked()[before..].iter().map(|asked| asked.action().to_owned()).collect();
    actions.sort();
    assert_eq!(actions, ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus"]);
    assert_eq!((key.rotation_days, &*key.policy, key.alias.as_deref()), (Some(180), r#"{"a+b":1}"#, Some("alias/a")));
    assert_eq!(key.tags, Tags::from([("a".into(), "b".into())]));
    assert_eq!(aws.key("none", ReadTags::Current).await, Ok(None));
    assert_eq!(aws.key("a", ReadTags::Current).await.unwrap().unwrap().tags, Tags::from([("c".into(), "d".into())]));
}

#[tokio::test]
async fn a_role_is_read_in_one_wave_and_decoded_strictly() {
    let (aws, fake) = aws(iam).await;
    let role = aws.role("r", true).await.unwrap().unwrap();
    assert_eq!(role.trust, r#"{"sts:ExternalId":"A_SFCRole=2_x+y/z+="}"#);
    let inline = [("other", r#"{"n":"other"}"#), ("snowssi-access", r#"{"n":"snowssi-access"}"#)];
    assert_eq!(role.inline, BTreeMap::from(inline.map(|(name, text)| (name.to_owned(), text.to_owned()))));
    assert_eq!((role.max_session_seconds, &*role.path), (7200, "/snowssi/"));
    assert_eq!(role.attached, ["arn:aws:iam::aws:policy/p"]);
    let count = |action| fake.asked().iter().filter(|asked| asked.action() == action).count();
    assert_eq!((count("GetRole"), count("ListRolePolicies"), count("GetRolePolicy")), (1, 2, 2));
    assert!(aws.stats.counts().peak >= 4);

    let (gone, _) = aws_in("eu-central-1", |_| iam_error(404, "NoSuchEntity", "no")).await;
    assert_eq!(gone.role("r", true).await, Ok(None));
    let (hidden, _) = aws_in("eu-central-1", |_| iam_error(403, "AccessDenied", "no")).await;
    assert_eq!(hidden.role("r", true).await.unwrap_err().code, "AccessDenied");
}

#[tokio::test]
async fn a_role_half_visible_is_not_a_role_without_policies() {
    let answer = |asked: &Asked| match asked.action() {
        "ListRolePolicies" => iam_error(404, "NoSuchEntity", "no"),
        _ => iam(asked),
    };
    let (aws, _) = aws(answer).await;
    assert_eq!(aws.role("r", true).await.unwrap_err().class, Class::Propagation);
}
