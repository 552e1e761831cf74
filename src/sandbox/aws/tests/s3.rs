//! Buckets: names, regions, owners, defaults, lists, deletion.

use aws_sdk_s3::types::{BucketLocationConstraint, BucketNamespace, CreateBucketConfiguration, ObjectOwnership, Tag};

use super::super::AwsSandbox;
use super::{answers, clients, clients_in, config, outcome};

fn in_region(region: &str) -> CreateBucketConfiguration {
    CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn regions() {
    let sandbox = AwsSandbox::in_memory();
    let (us, eu) = (clients(&sandbox), clients_in(&sandbox, "eu-west-1"));
    let made = us.s3.create_bucket().bucket("snow-a").send().await.unwrap();
    assert_eq!(made.location.as_deref(), Some("/snow-a"));
    let ireland = || eu.s3.create_bucket().create_bucket_configuration(in_region("eu-west-1"));
    answers!(ireland().bucket("snow-eu"), "OK");
    answers!(eu.s3.create_bucket().bucket("snow-b"), "IllegalLocationConstraintException/400");
    let oregon = eu.s3.create_bucket().create_bucket_configuration(in_region("us-west-2"));
    answers!(oregon.bucket("snow-b"), "IllegalLocationConstraintException/400");
    for region in ["us-east-1", "mars-north-1"] {
        let create = us.s3.create_bucket().bucket("snow-b").create_bucket_configuration(in_region(region));
        answers!(create, "InvalidLocationConstraint/400");
    }
    // Names are global; only us-east-1 lets its owner create a bucket twice.
    answers!(us.s3.create_bucket().bucket("snow-a"), "OK");
    answers!(ireland().bucket("snow-eu"), "BucketAlreadyOwnedByYou/409");
    answers!(ireland().bucket("snow-a"), "BucketAlreadyOwnedByYou/409");

    let location = us.s3.get_bucket_location().bucket("snow-a").send().await.unwrap();
    assert_eq!(location.location_constraint.map(|region| region.to_string()).unwrap_or_default(), "");
    let location = eu.s3.get_bucket_location().bucket("snow-eu").send().await.unwrap();
    assert_eq!(location.location_constraint.unwrap().as_str(), "eu-west-1");

    let head = us.s3.head_bucket().bucket("snow-a").send().await.unwrap();
    assert_eq!(head.bucket_region.as_deref(), Some("us-east-1"));
    let elsewhere = us.s3.head_bucket().bucket("snow-eu").send().await;
    let response = elsewhere.as_ref().err().and_then(|error| error.raw_response()).unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("x-amz-bucket-region")), (301, Some("eu-west-1")));
    answers!(us.s3.get_bucket_versioning().bucket("snow-eu"), "PermanentRedirect/301");
}

#[tokio::test]
async fn names() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let long = "a".repeat(64);
    let bad = [
        "ab",
        "Upper-case-name",
        "under_score",
        "192.168.5.4",
        "double..dot",
        "xn--abc",
        "abc-s3alias",
        "-lead",
        "trail-",
        &long,
        "sthree-abc",
        "abc--ol-s3",
    ];
    for name in bad {
        let result = aws.s3.create_bucket().bucket(name).send().await;
        assert_eq!(outcome(&result), "InvalidBucketName/400", "{name}");
    }
    let regional = |name: &str| aws.s3.create_bucket().bucket(name).bucket_namespace(BucketNamespace::AccountRegional);
    answers!(regional("snow-123456789012-us-east-1-an"), "OK");
    answers!(regional("snow-999999999999-us-east-1-an"), "InvalidBucketName/400");
    answers!(regional("snow"), "InvalidBucketName/400");
    answers!(aws.s3.create_bucket().bucket("snow-999999999999-us-east-1-an"), "InvalidBucketName/400");
}

#[tokio::test]
async fn owners() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    sandbox.own_elsewhere(["taken".to_owned()]).unwrap();
    aws.s3.create_bucket().bucket("mine").send().await.unwrap();
    answers!(aws.s3.create_bucket().bucket("taken"), "BucketAlreadyExists/409");
    let status = |name: &'static str, owner: Option<&'static str>| {
        let head = aws.s3.head_bucket().bucket(name).set_expected_bucket_owner(owner.map(str::to_owned));
        async move { head.send().await.map_or_else(|e| e.raw_response().unwrap().status().as_u16(), |_| 200) }
    };
    assert_eq!(status("taken", None).await, 403);
    let head = aws.s3.head_bucket().bucket("taken").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some("us-east-1"));
    assert_eq!(status("mine", None).await, 200);
    assert_eq!(status("mine", Some("123456789012")).await, 200);
    assert_eq!(status("mine", Some("999999999999")).await, 403);
    assert_eq!(status("none", None).await, 404);
    assert!(aws.s3.head_bucket().bucket("none").send().await.unwrap_err().into_service_error().is_not_found());
    answers!(aws.s3.get_bucket_policy().bucket("taken"), "AccessDenied/403");
    let tagging = aws.s3.get_bucket_tagging().bucket("mine");
    answers!(tagging.clone().expected_bucket_owner("999999999999"), "AccessDenied/403");
    answers!(tagging, "NoSuchTagSet/404");
}

#[tokio::test]
async fn missing() {
    let aws = clients(&AwsSandbox::in_memory());
    let expected = "NoSuchBucket/404";
    answers!(aws.s3.get_bucket_policy().bucket("none"), expected);
    answers!(aws.s3.get_bucket_encryption().bucket("none"), expected);
    answers!(aws.s3.get_public_access_block().bucket("none"), expected);
    answers!(aws.s3.get_bucket_ownership_controls().bucket("none"), expected);
    answers!(aws.s3.get_bucket_notification_configuration().bucket("none"), expected);
    answers!(aws.s3.get_bucket_lifecycle_configuration().bucket("none"), expected);
    answers!(aws.s3.get_bucket_logging().bucket("none"), expected);
    answers!(aws.s3.get_bucket_tagging().bucket("none"), expected);
    answers!(aws.s3.get_bucket_versioning().bucket("none"), expected);
    answers!(aws.s3.list_objects_v2().bucket("none"), expected);
    answers!(aws.s3.list_object_versions().bucket("none"), expected);
    answers!(aws.s3.list_multipart_uploads().bucket("none"), expected);
    answers!(aws.s3.put_object().bucket("none").key("k"), expected);
    answers!(aws.s3.delete_bucket().bucket("none"), expected);
}

#[tokio::test]
async fn a_new_bucket_has_todays_defaults() {
    let aws = clients(&AwsSandbox::in_memory());
    let tags = CreateBucketConfiguration::builder().tags(tag("snowssi:id", "x & <y>")).build();
    aws.s3.create_bucket().bucket("plain").send().await.unwrap();
    let create = aws.s3.create_bucket().bucket("tagged").create_bucket_configuration(tags);
    create.object_ownership(ObjectOwnership::ObjectWriter).send().await.unwrap();

    let block = aws.s3.get_public_access_block().bucket("plain").send().await.unwrap();
    let block = block.public_access_block_configuration.unwrap();
    let flags =
        [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets];
    assert_eq!(flags, [Some(true); 4]);
    for (bucket, expected) in [("plain", "BucketOwnerEnforced"), ("tagged", "ObjectWriter")] {
        let read = aws.s3.get_bucket_ownership_controls().bucket(bucket).send().await.unwrap();
        assert_eq!(read.ownership_controls.unwrap().rules[0].object_ownership.as_str(), expected);
    }
    assert!(aws.s3.get_bucket_versioning().bucket("plain").send().await.unwrap().status.is_none());
    let rules = aws.s3.get_bucket_encryption().bucket("plain").send().await.unwrap();
    let rule = rules.server_side_encryption_configuration.unwrap().rules.remove(0);
    assert_eq!(rule.apply_server_side_encryption_by_default.unwrap().sse_algorithm.as_str(), "AES256");
    let blocked = rule.blocked_encryption_types.unwrap();
    assert_eq!(blocked.encryption_type()[0].as_str(), "SSE-C");
    let read = aws.s3.get_bucket_tagging().bucket("tagged").send().await.unwrap();
    assert_eq!(read.tag_set, [tag("snowssi:id", "x & <y>")]);
    let read = aws.s3.get_bucket_notification_configuration().bucket("plain").send().await.unwrap();
    assert!(read.queue_configurations.is_none());
    assert!(aws.s3.get_bucket_logging().bucket("plain").send().await.unwrap().logging_enabled.is_none());
    let acl = aws_sdk_s3::types::BucketCannedAcl::PublicRead;
    answers!(aws.s3.put_bucket_acl().bucket("plain").acl(acl), "AccessControlListNotSupported/400");
}

#[tokio::test]
async fn lists_of_buckets() {
    let sandbox = AwsSandbox::in_memory();
    let (us, eu) = (clients(&sandbox), clients_in(&sandbox, "eu-west-1"));
    for name in ["snow-a", "snow-b", "other"] {
        us.s3.create_bucket().bucket(name).send().await.unwrap();
    }
    eu.s3.create_bucket().bucket("snow-eu").create_bucket_configuration(in_region("eu-west-1")).send().await.unwrap();
    let names = |list: aws_sdk_s3::operation::list_buckets::ListBucketsOutput| -> Vec<String> {
        list.buckets.unwrap_or_default().into_iter().filter_map(|bucket| bucket.name).collect()
    };
    assert_eq!(names(us.s3.list_buckets().prefix("snow-").send().await.unwrap()), ["snow-a", "snow-b", "snow-eu"]);
    assert_eq!(names(us.s3.list_buckets().bucket_region("eu-west-1").send().await.unwrap()), ["snow-eu"]);
    let page = us.s3.list_buckets().max_buckets(1).send().await.unwrap();
    assert_eq!(page.buckets()[0].bucket_region.as_deref(), Some("us-east-1"));
    assert!(page.continuation_token.is_some());
    let mut pages = us.s3.list_buckets().max_buckets(3).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        all.extend(names(page.unwrap()));
    }
    assert_eq!(all, ["other", "snow-a", "snow-b", "snow-eu"]);
}

#[tokio::test]
async fn virtual_hosted_addresses_reach_the_same_bucket() {
    let sandbox = AwsSandbox::in_memory();
    let hosted = aws_sdk_s3::Client::new(&config(&sandbox, "eu-west-1"));
    let path = clients_in(&sandbox, "eu-west-1").s3;
    let create = hosted.create_bucket().bucket("snow.s3.dots").create_bucket_configuration(in_region("eu-west-1"));
    create.send().await.unwrap();
    hosted.create_bucket().bucket("snow-eu").create_bucket_configuration(in_region("eu-west-1")).send().await.unwrap();
    let key = "in/a b+c%2F&ü.csv";
    hosted.put_object().bucket("snow-eu").key(key).body(b"x".to_vec().into()).send().await.unwrap();
    answers!(path.head_object().bucket("snow-eu").key(key), "OK");
    let listed = path.list_objects_v2().bucket("snow-eu").send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some(key));
    answers!(hosted.get_object().bucket("snow-eu").key(key), "OK");
    answers!(hosted.head_bucket().bucket("snow.s3.dots"), "OK");
}
