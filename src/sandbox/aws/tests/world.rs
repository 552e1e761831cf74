//! The sandbox as a whole: what stays on disk, the log of calls, faults, hosts, the tagging API.

use std::time::{Duration, Instant};

use aws_sdk_resourcegroupstagging::types::TagFilter;
use aws_sdk_s3::types::{CreateBucketConfiguration, Tag};

use super::super::AwsSandbox;
use super::kms_keys::key;
use super::roles::{OUTSIDER, SERVICE_TRUST, decode, role, trust};
use super::{answers, clients, clients_in, config, outcome};
use crate::sandbox::door::Door as _;
use crate::sandbox::fault::{Kind, Rule, Span};

#[tokio::test]
async fn everything_is_there_again_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (id, sealed);
    {
        let sandbox = AwsSandbox::open(dir.path()).unwrap();
        sandbox.register_principal(OUTSIDER).await;
        sandbox.own_elsewhere(["taken".to_owned()]).unwrap();
        let aws = clients(&sandbox);
        role(&aws, "r", &trust(OUTSIDER)).await;
        aws.s3.create_bucket().bucket("snow-a").send().await.unwrap();
        for body in ["old", "new"] {
            aws.s3.put_object().bucket("snow-a").key("k").body(body.as_bytes().to_vec().into()).send().await.unwrap();
        }
        id = key(&aws).await;
        aws.kms.create_alias().alias_name("alias/a").target_key_id(&id).send().await.unwrap();
        aws.kms.enable_key_rotation().key_id(&id).rotation_period_in_days(200).send().await.unwrap();
        let encrypted = aws.kms.encrypt().key_id(&id).plaintext(b"secret".to_vec().into()).send().await.unwrap();
        sealed = encrypted.ciphertext_blob.unwrap();
    }
    let bodies = || std::fs::read_dir(dir.path().join("objects")).unwrap().count();
    assert_eq!(bodies(), 1, "the body that was replaced is gone");
    std::fs::write(dir.path().join("objects/left-behind.new"), "a crash").unwrap();
    let sandbox = AwsSandbox::open(dir.path()).unwrap();
    assert_eq!(bodies(), 1, "what a crash left is swept away");
    let aws = clients(&sandbox);
    let read = aws.s3.get_object().bucket("snow-a").key("k").send().await.unwrap();
    assert_eq!(read.body.collect().await.unwrap().to_vec(), b"new");
    assert_eq!(aws.kms.describe_key().key_id("alias/a").send().await.unwrap().key_metadata.unwrap().key_id, id);
    let rotation = aws.kms.get_key_rotation_status().key_id(&id).send().await.unwrap();
    assert_eq!(rotation.rotation_period_in_days, Some(200));
    assert_eq!(aws.kms.decrypt().ciphertext_blob(sealed).send().await.unwrap().plaintext.unwrap().as_ref(), b"secret");
    let read = aws.iam.get_role().role_name("r").send().await.unwrap().role.unwrap();
    assert_eq!(decode(&read.assume_role_policy_document.unwrap()), trust(OUTSIDER));
    answers!(aws.s3.create_bucket().bucket("taken"), "BucketAlreadyExists/409");
    sandbox.assume(OUTSIDER, "arn:aws:iam::123456789012:role/r", "A+b/c=d").await.unwrap();
    drop(aws);

    std::fs::write(dir.path().join("state.json"), "{").unwrap();
    let error = AwsSandbox::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("state.json") && error.contains("not a state of the sandbox"), "{error}");
}

#[tokio::test]
async fn calls_are_recorded_and_refused_ones_change_nothing() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients_in(&sandbox, "eu-west-1");
    aws.s3.list_buckets().send().await.unwrap();
    role(&aws, "r", SERVICE_TRUST).await;
    key(&aws).await;
    answers!(aws.iam.get_role().role_name("r2"), "NoSuchEntity/404");
    let calls = sandbox.traffic().calls();
    let told = calls.iter().map(|call| {
        (
            call.operation.as_str(),
            call.resource.as_str(),
            call.region.as_str(),
            call.mutating,
            call.status,
            call.code.as_str(),
        )
    });
    let expected = [
        ("ListBuckets", "", "eu-west-1", false, 200, ""),
        ("CreateRole", "r", "us-east-1", true, 200, ""),
        ("CreateKey", "", "eu-west-1", true, 200, ""),
        ("GetRole", "r2", "us-east-1", false, 404, "NoSuchEntity"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert!(calls.iter().all(|call| call.who == super::super::CALLER && call.fault.is_none()), "{calls:?}");
}

#[tokio::test]
async fn faults() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let on = |operation: &str, kind: Kind| sandbox.traffic().set_faults(Rule::new(kind).operation(operation));
    let create = || aws.iam.create_role().role_name("r").assume_role_policy_document(SERVICE_TRUST);
    for (kind, expected) in [
        (Kind::Throttle { retry_after: None }, "Throttling/400"),
        (Kind::Failure { status: 500, effect: false }, "ServiceFailure/500"),
        (Kind::Failure { status: 503, effect: false }, "ServiceUnavailable/503"),
    ] {
        on("CreateRole", kind);
        answers!(create(), expected);
    }
    for kind in [Kind::Unreachable, Kind::Reset] {
        on("CreateRole", kind);
        assert!(matches!(create().send().await, Err(aws_sdk_iam::error::SdkError::DispatchFailure(_))));
        answers!("nothing happened", aws.iam.get_role().role_name("r"), "NoSuchEntity/404");
    }
    for kind in [Kind::DropAnswer, Kind::CutBody] {
        on("CreateRole", kind);
        assert!(matches!(create().send().await, Err(aws_sdk_iam::error::SdkError::DispatchFailure(_))));
        answers!("the call had its effect", aws.iam.delete_role().role_name("r"), "OK");
    }
    on("ListKeys", Kind::HalfAnswer);
    answers!(create(), "OK");
    let half = aws.kms.list_keys().send().await.unwrap_err();
    assert!(half.raw_response().is_some_and(|response| response.status().is_success()), "{half:?}");
    on("GetRole", Kind::Hidden);
    answers!("it is there", aws.iam.get_role().role_name("r"), "AccessDenied/403");
    on("DeleteRole", Kind::Failure { status: 500, effect: true });
    answers!(aws.iam.delete_role().role_name("r"), "ServiceFailure/500");
    answers!("the call had its effect", aws.iam.get_role().role_name("r"), "NoSuchEntity/404");
    on("GetRole", Kind::Delay(Span::from(Duration::from_millis(30))));
    let start = Instant::now();
    answers!(aws.iam.get_role().role_name("r"), "NoSuchEntity/404");
    assert!(start.elapsed() >= Duration::from_millis(30));
    let calls = sandbox.traffic().calls();
    let last = calls.last().unwrap();
    assert_eq!((last.fault.as_deref(), last.took_ms >= 30.0), (Some("delay"), true));
    let unanswered: Vec<_> = calls.iter().filter(|call| call.status == 0).map(|call| call.code.as_str()).collect();
    assert_eq!(unanswered, ["unreachable", "reset", "lost"]);
}

#[tokio::test]
async fn only_aws_is_reached() {
    let sandbox = AwsSandbox::in_memory();
    let custom = config(&sandbox, "us-east-1").to_builder().endpoint_url("https://example.com").build();
    let error = aws_sdk_kms::Client::new(&custom).list_keys().send().await.unwrap_err();
    let text = aws_sdk_kms::error::DisplayErrorContext(&error).to_string();
    assert!(text.contains("does not reach `example.com`"), "{text}");
    let local = config(&sandbox, "eu-west-1").to_builder().endpoint_url("http://127.0.0.1:4566").build();
    aws_sdk_kms::Client::new(&local).create_key().send().await.unwrap();
    assert_eq!(sandbox.traffic().calls().last().unwrap().region, "eu-west-1");
}

#[tokio::test]
async fn unknown_operations_are_refused() {
    let aws = clients(&AwsSandbox::in_memory());
    answers!(aws.iam.list_groups(), "NotImplemented/501");
    answers!(aws.kms.list_grants().key_id("x"), "NotImplemented/501");
    answers!(aws.s3.get_bucket_cors().bucket("x"), "NotImplemented/501");
    let result = aws.tagging.get_tag_keys().send().await;
    assert_eq!(outcome(&result), "NotImplemented/501");
}

#[tokio::test]
async fn tagged_buckets_and_keys_of_a_region() {
    let sandbox = AwsSandbox::in_memory();
    let (us, eu) = (clients(&sandbox), clients_in(&sandbox, "eu-west-1"));
    let kms_tag = || aws_sdk_kms::types::Tag::builder().tag_key("stack").tag_value("s").build().unwrap();
    let mut expected = Vec::new();
    for aws in [&us, &us, &eu] {
        let made = aws.kms.create_key().tags(kms_tag()).send().await.unwrap();
        expected.push(made.key_metadata.unwrap().arn.unwrap());
    }
    key(&us).await;
    for (name, value) in [("snow-a", "s"), ("snow-b", "other")] {
        let tag = Tag::builder().key("stack").value(value).build().unwrap();
        let config = CreateBucketConfiguration::builder().tags(tag).build();
        us.s3.create_bucket().bucket(name).create_bucket_configuration(config).send().await.unwrap();
    }
    expected.remove(2);
    expected.push("arn:aws:s3:::snow-a".into());
    expected.sort();
    let filter = TagFilter::builder().key("stack").values("s").build();
    let mut pages = us.tagging.get_resources().tag_filters(filter).into_paginator().page_size(2).send();
    let (mut found, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        count += 1;
        found.extend(page.resource_tag_mapping_list().iter().filter_map(|item| item.resource_arn.clone()));
    }
    assert_eq!((found, count), (expected, 2));
    let of_type = us.tagging.get_resources().resource_type_filters("s3").send().await.unwrap();
    assert_eq!(of_type.resource_tag_mapping_list().len(), 2);
    let tags = of_type.resource_tag_mapping_list()[1].tags();
    assert_eq!((tags[0].key(), tags[0].value()), ("stack", "other"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_calls_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = AwsSandbox::open(dir.path()).unwrap();
    let work = (0..20).map(|at| {
        let s3 = clients(&sandbox).s3;
        tokio::spawn(async move {
            let name = format!("bucket-{at}");
            s3.create_bucket().bucket(&name).send().await.unwrap();
            s3.put_object().bucket(&name).key("k").body(name.clone().into_bytes().into()).send().await.unwrap();
        })
    });
    for done in futures::future::join_all(work).await {
        done.unwrap();
    }
    let again = clients(&AwsSandbox::open(dir.path()).unwrap());
    for at in 0..20 {
        let read = again.s3.get_object().bucket(format!("bucket-{at}")).key("k").send().await.unwrap();
        assert_eq!(read.body.collect().await.unwrap().to_vec(), format!("bucket-{at}").into_bytes());
    }
}
