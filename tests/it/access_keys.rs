//! Stages that reach their bucket by an access key of an IAM user: the key and the user's policies decide.

use snowssi::plan::Mode;
use snowssi::sandbox::fault::{Kind, Plan, Rule};

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

const SPEC: &str = r#"
[stack]
name = "keys"

[aws]
region = "us-east-1"

[bucket.b]
name = "acme-keys"

[database.d]
name = "KEYS"

[stage.s]
schema = "{{ database.d.name }}.PUBLIC"
name = "FILES"
url = "{{ bucket.b.url }}in/"
directory = { enable = true }
acknowledge_risk = "the partner's account has no right to create integrations"

[iam_policy.read]
name = "keys-read"
access = [{ bucket = "acme-keys", prefix = "in/", allow = ["list", "read"] }]

[iam_user.partner]
name = "keys-partner"
managed_policies = ["{{ iam_policy.read.arn }}"]
access_key = { stages = ["{{ stage.s.fqn }}"], secret = "keys/partner", generation = "one" }
"#;

/// The key that lies in the secret: its ID and its secret part.
fn delivered(world: &World) -> (String, String) {
    let got = world.wait(world.secrets().get_secret_value().secret_id("keys/partner").send()).unwrap();
    let value: serde_json::Value = serde_json::from_str(got.secret_string().unwrap()).unwrap();
    let part = |name: &str| value[name].as_str().unwrap().to_owned();
    (part("AccessKeyId"), part("SecretAccessKey"))
}

/// The IDs of the user's keys.
fn keys(world: &World) -> Vec<String> {
    let listed = world.wait(world.iam().list_access_keys().user_name("keys-partner").send()).unwrap();
    listed.access_key_metadata.into_iter().filter_map(|key| key.access_key_id).collect()
}

fn files(world: &World) -> Vec<String> {
    let rows = world.ask("LIST @KEYS.PUBLIC.FILES").unwrap();
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

fn put(world: &World, key: &str) {
    world.wait(world.s3().put_object().bucket("acme-keys").key(key).body(b"1\n".to_vec().into()).send()).unwrap();
}

#[test]
fn a_key_goes_from_iam_to_its_places_and_nowhere_else() {
    let world = World::new();
    let model = world.read(SPEC).unwrap();
    let plan = world.apply(&model, Mode::Apply);
    let (id, secret) = delivered(&world);
    assert_eq!(keys(&world), std::slice::from_ref(&id));
    let saved = serde_json::to_string(&plan).unwrap();
    assert!(!saved.contains(&secret) && !saved.contains(&id));
    put(&world, "in/a.csv");
    put(&world, "out/b.csv");
    assert_eq!(files(&world), ["s3://acme-keys/in/a.csv"]);
    let left = world.plan(&model, Mode::Apply);
    assert!(left.is_empty(), "{:?}", left.resources);
    let kept = walk(&world.state().join("snowflake"));
    assert!(kept.iter().all(|text| !text.contains(&secret)));
    let log = format!("{:?}", world.clouds().calls());
    assert!(log.contains("CreateAccessKey") && !log.contains(&secret), "the log of calls");
}

#[test]
fn a_rotation_leaves_one_key_that_works() {
    let world = World::new();
    world.apply(&world.read(SPEC).unwrap(), Mode::Apply);
    put(&world, "in/a.csv");
    let (old, _) = delivered(&world);
    let next = world.read(&SPEC.replace("\"one\"", "\"two\"")).unwrap();
    world.apply(&next, Mode::Apply);
    let (new, _) = delivered(&world);
    assert_ne!(old, new);
    assert_eq!(keys(&world), [new]);
    assert_eq!(files(&world).len(), 1);
    assert!(world.plan(&next, Mode::Apply).is_empty());
}

#[test]
fn a_new_stage_gets_a_new_key() {
    let world = World::new();
    let model = world.read(SPEC).unwrap();
    world.apply(&model, Mode::Apply);
    put(&world, "in/a.csv");
    let (old, _) = delivered(&world);
    world.sql("DROP STAGE KEYS.PUBLIC.FILES");
    let plan = world.apply(&model, Mode::Apply);
    assert_eq!(plan.resources.len(), 2, "the stage and the user: {:?}", plan.resources);
    assert_ne!(delivered(&world).0, old);
    assert_eq!((files(&world).len(), keys(&world).len()), (1, 1));
    assert!(world.plan(&model, Mode::Apply).is_empty());

    // Under another name it is another stage, bound to nothing.
    let renamed = world.read(&SPEC.replace("\"FILES\"", "\"OTHER\"")).unwrap();
    world.apply(&renamed, Mode::Apply);
    assert!(world.ask("LIST @KEYS.PUBLIC.OTHER").is_ok_and(|rows| rows.len() == 1));
    assert!(world.plan(&renamed, Mode::Apply).is_empty());
}

#[test]
fn whatever_fails_on_the_way_the_next_apply_ends_with_one_key() {
    for (service, operation) in [
        ("sql", "ALTER STAGE"),
        ("iam", "TagUser"),
        ("iam", "CreateAccessKey"),
        ("secretsmanager", "CreateSecret"),
        ("secretsmanager", "PutSecretValue"),
        ("secretsmanager", "TagResource"),
    ] {
        let refused = || Rule::refuse("AccessDenied", "not today");
        let lost = || Rule::new(Kind::DropAnswer).times(1);
        for (generation, rule) in [("one", refused()), ("two", refused()), ("one", lost()), ("two", lost())] {
            let case = format!("{rule:?} on {service} {operation} in generation {generation}");
            let world = World::new();
            if generation == "two" {
                world.apply(&world.read(SPEC).unwrap(), Mode::Apply);
            }
            let model = world.read(&SPEC.replace("\"one\"", &format!("\"{generation}\""))).unwrap();
            world.clouds().set_faults(rule.service(service).operation(operation));
            let failed = world.try_apply(&model, Mode::Apply);
            if generation == "two" {
                assert!(!keys(&world).is_empty(), "{case}: the old key must live until the new one is written down");
            }
            let struck = world.clouds().calls().iter().any(|call| call.fault.is_some());
            // A secret that is there is not created again.
            assert!(struck || operation == "CreateSecret" && generation == "two", "{case} did not happen");
            world.clouds().set_faults(Plan::default());
            if failed.is_err() {
                world.apply(&model, Mode::Apply);
            }
            put(&world, "in/a.csv");
            assert_eq!(keys(&world), [delivered(&world).0], "{case}");
            assert_eq!(files(&world).len(), 1, "{case}");
            assert!(world.plan(&model, Mode::Apply).is_empty(), "{case}");
        }
    }
}

#[test]
fn a_secret_of_somebody_else_is_refused_before_there_is_a_key() {
    let world = World::new();
    world.wait(world.secrets().create_secret().name("keys/partner").secret_string("theirs").send()).unwrap();
    let error = world.try_apply(&world.read(SPEC).unwrap(), Mode::Apply).unwrap_err();
    assert!(error.contains("it is not overwritten"), "{error}");
    assert_eq!(keys(&world), [""; 0]);
    let got = world.wait(world.secrets().get_secret_value().secret_id("keys/partner").send()).unwrap();
    assert_eq!(got.secret_string(), Some("theirs"));
}

#[test]
fn after_a_destruction_no_key_is_left_and_the_secret_can_be_restored() {
    let world = World::new();
    let model = world.read(SPEC).unwrap();
    world.apply(&model, Mode::Apply);
    let (id, _) = delivered(&world);
    world.apply(&model, Mode::Destroy);
    assert!(world.wait(world.iam().get_user().user_name("keys-partner").send()).is_err());
    let secret = world.wait(world.secrets().describe_secret().secret_id("keys/partner").send()).unwrap();
    assert!(secret.deleted_date.is_some());
    world.apply(&model, Mode::Apply);
    assert_ne!(delivered(&world).0, id, "the same secret, restored, with a new key");
}
