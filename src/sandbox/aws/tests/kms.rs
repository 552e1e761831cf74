//! Aliases, and the lists of keys and aliases.

use super::super::AwsSandbox;
use super::kms_keys::key;
use super::{answers, clients, clients_in};

#[tokio::test]
async fn aliases() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let (one, two) = (key(&aws).await, key(&aws).await);
    let create = |name: &str| aws.kms.create_alias().alias_name(name).target_key_id(&one);
    answers!(create("alias/snow/a"), "OK");
    answers!(create("alias/snow/a"), "AlreadyExistsException/400");
    answers!(create("snow"), "InvalidAliasNameException/400");
    answers!(create("alias/aws/snow"), "NotAuthorizedException/400");
    answers!(create("alias/sn ow!"), "InvalidAliasNameException/400");
    answers!(create("alias/b").target_key_id("11111111-2222-3333-4444-555555555555"), "NotFoundException/400");
    let id_of =
        async |name: &str| aws.kms.describe_key().key_id(name).send().await.unwrap().key_metadata.unwrap().key_id;
    assert_eq!(id_of("alias/snow/a").await, one);
    assert_eq!(id_of("arn:aws:kms:us-east-1:123456789012:alias/snow/a").await, one);
    answers!(aws.kms.get_key_policy().key_id("alias/snow/a"), "NotFoundException/400");
    answers!(aws.kms.list_resource_tags().key_id("alias/snow/a"), "NotFoundException/400");
    let elsewhere = clients_in(&sandbox, "eu-west-1");
    answers!(elsewhere.kms.describe_key().key_id("alias/snow/a"), "NotFoundException/400");

    let update = || aws.kms.update_alias().target_key_id(&two);
    answers!(update().alias_name("alias/snow/a"), "OK");
    answers!(update().alias_name("alias/none"), "NotFoundException/400");
    assert_eq!(id_of("alias/snow/a").await, two);
    answers!(aws.kms.schedule_key_deletion().key_id(&two), "OK");
    answers!(aws.kms.update_alias().alias_name("alias/snow/a").target_key_id(&one), "OK");
    answers!(update().alias_name("alias/snow/a"), "KMSInvalidStateException/400");
    answers!(aws.kms.delete_alias().alias_name("alias/snow/a"), "OK");
    answers!(aws.kms.delete_alias().alias_name("alias/snow/a"), "NotFoundException/400");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let aws = clients(&AwsSandbox::in_memory());
    let (one, two) = (key(&aws).await, key(&aws).await);
    for (name, target) in [("alias/a", &one), ("alias/b", &two), ("alias/c", &one)] {
        aws.kms.create_alias().alias_name(name).target_key_id(target).send().await.unwrap();
    }
    let of_one = aws.kms.list_aliases().key_id(&one).send().await.unwrap();
    let names: Vec<_> = of_one.aliases().iter().filter_map(|alias| alias.alias_name()).collect();
    assert_eq!(names, ["alias/a", "alias/c"]);
    let page = aws.kms.list_aliases().limit(1).send().await.unwrap();
    assert_eq!((page.aliases().len(), page.truncated, page.next_marker.is_some()), (1, true, true));
    let mut pages = aws.kms.list_aliases().limit(2).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().aliases().iter().filter_map(|alias| alias.alias_name.clone()));
    }
    assert_eq!(names, ["alias/a", "alias/b", "alias/c"]);
    let page = aws.kms.list_keys().limit(1).send().await.unwrap();
    assert_eq!((page.keys().len(), page.truncated, page.next_marker.is_some()), (1, true, true));
    answers!(aws.kms.list_keys().limit(1001), "ValidationException/400");
}
