//! Somebody's hands on the pipeline, behind the program's back.

use aws_sdk_s3::types::{
    FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use serde_json::{Value, json};

use super::INBOUND;
use crate::world::World;

pub(super) const ROLE: &str = "snowflake-events";

/// The trust policy, changed.
fn trust(world: &World, change: impl FnOnce(&mut Value)) {
    let iam = world.iam();
    world.wait(async {
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        let text = percent_encoding::percent_decode_str(role.assume_role_policy_document().unwrap());
        let mut policy: Value = serde_json::from_str(&text.decode_utf8().unwrap()).unwrap();
        change(&mut policy);
        iam.update_assume_role_policy().role_name(ROLE).policy_document(policy.to_string()).send().await.unwrap();
    });
}

/// The statement of the trust policy, changed.
pub(super) fn trusting(world: &World, change: impl FnOnce(&mut Value)) {
    trust(world, |policy| match &mut policy["Statement"] {
        Value::Array(list) => change(&mut list[0]),
        one => change(one),
    });
}

pub(super) fn external_id(world: &World, change: impl FnOnce(&str) -> String) {
    trusting(world, |statement| {
        let id = &mut statement["Condition"]["StringEquals"]["sts:ExternalId"];
        let text = id.as_str().or_else(|| id[0].as_str()).unwrap().to_owned();
        *id = json!(change(&text));
    });
}

/// The role without a statement of its policy.
pub(super) fn without(world: &World, sids: &[&str]) {
    let iam = world.iam();
    world.wait(async {
        let names = iam.list_role_policies().role_name(ROLE).send().await.unwrap();
        for name in names.policy_names() {
            let got = iam.get_role_policy().role_name(ROLE).policy_name(name).send().await.unwrap();
            let text = percent_encoding::percent_decode_str(got.policy_document()).decode_utf8().unwrap().into_owned();
            let mut policy: Value = serde_json::from_str(&text).unwrap();
            let list = policy["Statement"].as_array_mut().unwrap();
            let before = list.len();
            list.retain(|one| !sids.contains(&one["Sid"].as_str().unwrap_or_default()));
            assert!(list.len() < before, "{text}");
            let put = iam.put_role_policy().role_name(ROLE).policy_name(name).policy_document(policy.to_string());
            put.send().await.unwrap();
        }
    });
}

pub(super) fn delete_role(world: &World) {
    let iam = world.iam();
    world.wait(async {
        for name in iam.list_role_policies().role_name(ROLE).send().await.unwrap().policy_names() {
            iam.delete_role_policy().role_name(ROLE).policy_name(name).send().await.unwrap();
        }
        iam.delete_role().role_name(ROLE).send().await.unwrap();
    });
}

/// The role deleted and made again by somebody, with the same trust.
pub(super) fn recreate_role(world: &World) {
    let iam = world.iam();
    let trust = world.wait(async {
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        let text = percent_encoding::percent_decode_str(role.assume_role_policy_document().unwrap());
        text.decode_utf8().unwrap().into_owned()
    });
    delete_role(world);
    world
        .wait(iam.create_role().role_name(ROLE).path("/snowssi/events/").assume_role_policy_document(trust).send())
        .unwrap();
}

pub(super) fn bound(world: &World) {
    let edge = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}]}"#;
    let iam = world.iam();
    world.wait(async {
        let made = iam.create_policy().policy_name("edge").policy_document(edge).send().await.unwrap().policy.unwrap();
        let put = iam.put_role_permissions_boundary().role_name(ROLE).permissions_boundary(made.arn().unwrap());
        put.send().await.unwrap();
    });
}

/// A statement more in the policy of the inbound bucket.
pub(super) fn bucket_policy(world: &World, more: Value) {
    let s3 = world.s3();
    world.wait(async {
        let had = s3.get_bucket_policy().bucket(INBOUND).send().await;
        let mut policy: Value = had.map_or_else(
            |_| json!({ "Version": "2012-10-17", "Statement": [] }),
            |had| serde_json::from_str(had.policy().unwrap()).unwrap(),
        );
        policy["Statement"].as_array_mut().unwrap().push(more);
        s3.put_bucket_policy().bucket(INBOUND).policy(policy.to_string()).send().await.unwrap();
    });
}

pub(super) fn deny(action: &str, condition: &Value) -> Value {
    json!({
        "Sid": "Stop", "Effect": "Deny", "Principal": "*", "Action": action,
        "Resource": [format!("arn:aws:s3:::{INBOUND}"), format!("arn:aws:s3:::{INBOUND}/*")], "Condition": condition,
    })
}

/// The comment with which the program marks what is its own.
pub(super) fn mark(world: &World, show: &str) -> String {
    let rows = world.ask(show).unwrap();
    let cells = rows.into_iter().flatten().flatten();
    cells.into_iter().find(|cell| cell.contains("snowssi")).unwrap()
}

pub(super) fn replace_integration(world: &World, external_id: &str) {
    let mark = mark(world, "SHOW INTEGRATIONS LIKE 'EVENTS'");
    let role = format!("arn:aws:iam::123456789012:role/snowssi/events/{ROLE}");
    world.sql(&format!(
        "CREATE OR REPLACE STORAGE INTEGRATION EVENTS TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE \
         STORAGE_AWS_ROLE_ARN = '{role}' STORAGE_ALLOWED_LOCATIONS = ('s3://acme-events-inbound/', 's3://acme-events-outbound/') \
         {external_id} COMMENT = '{mark}'"
    ));
}

/// A role that may do almost everything the task does.
pub(super) fn loader(world: &World, more: &[&str]) {
    let always = [
        "CREATE ROLE LOADER",
        "GRANT ROLE LOADER TO ROLE ACCOUNTADMIN",
        "GRANT EXECUTE TASK ON ACCOUNT TO ROLE LOADER",
        "GRANT USAGE ON DATABASE EVENTS TO ROLE LOADER",
        "GRANT USAGE ON SCHEMA EVENTS.FILES TO ROLE LOADER",
        "GRANT CREATE TABLE ON SCHEMA EVENTS.FILES TO ROLE LOADER",
        "GRANT SELECT ON STREAM EVENTS.FILES.INBOUND_FILES TO ROLE LOADER",
        "GRANT USAGE ON STAGE EVENTS.FILES.INBOUND TO ROLE LOADER",
    ];
    for statement in always.iter().chain(more) {
        world.sql(statement);
    }
}

pub(super) fn own_task(world: &World, role: &str) {
    world.sql("ALTER TASK EVENTS.FILES.COPY_FILES SUSPEND");
    world.sql(&format!("GRANT OWNERSHIP ON TASK EVENTS.FILES.COPY_FILES TO ROLE {role}"));
    world.sql("ALTER TASK EVENTS.FILES.COPY_FILES RESUME");
}

pub(super) fn key(world: &World) -> String {
    let described = world.wait(world.kms().describe_key().key_id("alias/events").send()).unwrap();
    described.key_metadata().unwrap().key_id().to_owned()
}

/// A key policy that leaves nothing to the account.
pub(super) fn key_policy(world: &World) {
    let only = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:user/snowssi-sandbox" }, "Action": "kms:*", "Resource": "*",
    }] });
    world.wait(world.kms().put_key_policy().key_id(key(world)).policy(only.to_string()).send()).unwrap();
}

/// The inbound bucket's notification, changed.
pub(super) fn notification(world: &World, change: impl Fn(QueueConfiguration) -> Option<QueueConfiguration>) {
    let s3 = world.s3();
    world.wait(async {
        let live = s3.get_bucket_notification_configuration().bucket(INBOUND).send().await.unwrap();
        let entries = live.queue_configurations().iter().cloned().filter_map(change).collect();
        let config = NotificationConfiguration::builder().set_queue_configurations(Some(entries)).build();
        let put = s3.put_bucket_notification_configuration().bucket(INBOUND).notification_configuration(config);
        put.skip_destination_validation(true).send().await.unwrap();
    });
}

pub(super) fn filtered(mut entry: QueueConfiguration) -> QueueConfiguration {
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value("elsewhere/").build();
    let filter = S3KeyFilter::builder().filter_rules(rule).build();
    entry.filter = Some(NotificationConfigurationFilter::builder().key(filter).build());
    entry
}

pub(super) fn misled(mut entry: QueueConfiguration) -> QueueConfiguration {
    entry.queue_arn = "arn:aws:sqs:us-east-1:123456789012:somebody-elses".into();
    entry
}
