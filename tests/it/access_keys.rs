//! Stages that reach their bucket by an access key of an IAM user: the key and the user's policies decide.

use crate::world::World;

const READ: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::keyed","Condition":{"StringLike":{"s3:prefix":"in/*"}}},
    {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::keyed/in/*"}]}"#;

/// A bucket with a file, a user with an access key, and a stage that holds it. Gives the key.
fn furnished(world: &World) -> (String, String) {
    world.wait(async {
        let s3 = world.s3();
        s3.create_bucket().bucket("keyed").send().await.unwrap();
        s3.put_object().bucket("keyed").key("in/a.csv").body(b"1\n".to_vec().into()).send().await.unwrap();
        s3.put_object().bucket("keyed").key("out/b.csv").body(b"2\n".to_vec().into()).send().await.unwrap();
        let iam = world.iam();
        iam.create_user().user_name("reader").send().await.unwrap();
        iam.put_user_policy().user_name("reader").policy_name("p").policy_document(READ).send().await.unwrap();
        let key = iam.create_access_key().user_name("reader").send().await.unwrap().access_key.unwrap();
        (key.access_key_id, key.secret_access_key)
    })
}

fn stage(world: &World, name: &str, url: &str, id: &str, secret: &str) {
    world.sql(&format!(
        "CREATE STAGE DB.PUBLIC.{name} URL = '{url}' CREDENTIALS = (AWS_KEY_ID = '{id}' AWS_SECRET_KEY = '{secret}')"
    ));
}

/// The files of a stage, or the end of the refusal.
fn list(world: &World, name: &str) -> String {
    match world.ask(&format!("LIST @DB.PUBLIC.{name}")) {
        Ok(rows) => rows.into_iter().filter_map(|row| row[0].clone()).collect::<Vec<_>>().join(" "),
        Err((code, message)) => format!("{code} {message}"),
    }
}

#[test]
fn the_key_and_the_policies_of_its_user_decide() {
    let world = World::new();
    world.sql("CREATE DATABASE DB");
    let (id, secret) = furnished(&world);
    stage(&world, "GOOD", "s3://keyed/in/", &id, &secret);
    stage(&world, "ELSEWHERE", "s3://keyed/out/", &id, &secret);
    stage(&world, "WRONG", "s3://keyed/in/", &id, "wrong");
    stage(&world, "UNKNOWN", "s3://keyed/in/", "AKIAUNKNOWN000000000", &secret);
    assert_eq!(list(&world, "GOOD"), "s3://keyed/in/a.csv");
    let elsewhere = list(&world, "ELSEWHERE");
    assert!(elsewhere.contains("user/reader is not authorized to perform: s3:ListBucket"), "{elsewhere}");
    assert!(list(&world, "WRONG").contains("Error Code: SignatureDoesNotMatch"));
    assert!(list(&world, "UNKNOWN").contains("Error Code: InvalidAccessKeyId"));

    let off = world.iam().update_access_key().user_name("reader").access_key_id(&id);
    world.wait(off.status(aws_sdk_iam::types::StatusType::Inactive).send()).unwrap();
    assert!(list(&world, "GOOD").contains("Error Code: InvalidAccessKeyId"));
    let on = world.iam().update_access_key().user_name("reader").access_key_id(&id);
    world.wait(on.status(aws_sdk_iam::types::StatusType::Active).send()).unwrap();
    world.wait(world.iam().delete_user_policy().user_name("reader").policy_name("p").send()).unwrap();
    assert!(list(&world, "GOOD").contains("because no identity-based policy allows"), "{}", list(&world, "GOOD"));
}

#[test]
fn nothing_tells_the_secret_again() {
    let world = World::new();
    world.sql("CREATE DATABASE DB");
    let (id, secret) = furnished(&world);
    stage(&world, "GOOD", "s3://keyed/in/", &id, &secret);
    let rows = |sql: &str| format!("{:?}", world.ask(sql).unwrap());
    let described = rows("DESC STAGE DB.PUBLIC.GOOD");
    assert!(described.contains(&id), "the ID of the key is shown: {described}");
    for sql in ["DESC STAGE DB.PUBLIC.GOOD", "SHOW STAGES IN ACCOUNT"] {
        assert!(!rows(sql).contains(&secret), "{sql}");
    }
    let kept = walk(&world.state().join("snowflake"));
    assert!(kept.iter().all(|text| !text.contains(&secret)), "Snowflake keeps the secret");
}

/// All files below a directory.
fn walk(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn requests_signed_by_a_user_are_decided_by_its_policies() {
    let world = World::new();
    let (id, secret) = furnished(&world);
    let snowssi::cloud::aws::Embedded { http_client, .. } = world.clouds().aws();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new(id, secret, None, None, "test"))
        .http_client(http_client);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    let get = |key: &str| world.wait(s3.get_object().bucket("keyed").key(key).send()).is_ok();
    assert!(get("in/a.csv") && !get("out/b.csv"));
    assert!(world.wait(s3.put_object().bucket("keyed").key("in/c.csv").send()).is_err());
}
