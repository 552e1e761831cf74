//! The same planner and executor on an AWS emulator that they have never met. What they wrote is read back with boto3, and what they find is
//! changed with boto3, so that our reading and our writing cannot share a mistake.

mod boto;
mod excuses;
mod proxy;
mod wide;
mod world;

use std::path::Path;

use serde_json::{Value, json};
use world::{World, requests};

use crate::binary::snowssi;

/// What boto3 sees at a place, such as `/buckets/data/versioning`.
fn at<'a>(live: &'a Value, place: &str) -> &'a Value {
    live.pointer(place).unwrap_or_else(|| panic!("boto3 sees nothing at {place}: {live:#}"))
}

/// Compares what boto3 sees with what the spec says.
fn holds(live: &Value, expected: &[(&str, Value)]) {
    for (place, value) in expected {
        assert_eq!(at(live, place), value, "{place}");
    }
}

/// The names at a place.
fn names(live: &Value, place: &str) -> Vec<String> {
    at(live, place).as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_example_pipeline() {
    let world = World::new("us-east-1");
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/event-pipeline");
    world.must("validate", &spec, &[]);
    let plan = world.must("plan", &spec, &[]).stdout;
    assert!(plan.contains("Plan: 12 to add, 0 to change, 0 to destroy."), "{plan}");
    assert_eq!(world.aws(), json!({ "buckets": {}, "roles": {}, "keys": {}, "aliases": {} }), "a plan changes nothing");
    world.apply(&spec);

    let live = world.aws();
    let key = names(&live, "/keys").pop().unwrap();
    let arn = format!("arn:aws:kms:us-east-1:123456789012:key/{key}");
    assert_eq!(live["aliases"], json!({ "alias/events": key }));
    holds(
        &live,
        &[
            ("/roles/snowflake-events/Arn", json!("arn:aws:iam::123456789012:role/snowssi/events/snowflake-events")),
            ("/roles/snowflake-events/attached", json!([])),
            ("/roles/snowflake-events/AssumeRolePolicyDocument/Statement/0/Action", json!("sts:AssumeRole")),
        ],
    );
    assert_eq!(names(&live, "/buckets"), ["acme-events-inbound", "acme-events-outbound"]);
    for bucket in names(&live, "/buckets") {
        let rule = json!({
            "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn },
            "BucketKeyEnabled": true,
        });
        let whole = format!("arn:aws:s3:::{bucket}");
        let bucket = at(&live, &format!("/buckets/{bucket}"));
        holds(
            bucket,
            &[
                ("/encryption/ServerSideEncryptionConfiguration/Rules", json!([rule])),
                ("/versioning/Status", json!("Enabled")),
                ("/policy/Statement/0/Effect", json!("Deny")),
                ("/policy/Statement/0/Resource", json!([whole, format!("{whole}/*")])),
                ("/policy/Statement/0/Condition", json!({ "Bool": { "aws:SecureTransport": "false" } })),
                ("/notification/QueueConfigurations/0/Events", json!(["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])),
            ],
        );
    }
    a_file_goes_through(&world);
    as_many_requests_as_in_the_sandbox(&world, &spec);

    let named = ["database.events", "schema.files", "bucket.data", "kms_key.pipeline"];
    let mut options = vec!["--auto-approve", "-q"];
    named.iter().for_each(|name| options.extend(["--allow-destroy", name]));
    ["acme-events-inbound", "acme-events-outbound"].iter().for_each(|name| options.extend(["--empty-bucket", name]));
    world.must("destroy", &spec, &options);
    gone(&world.aws());
}

/// Only keys are left, and those only until their time is over.
fn gone(live: &Value) {
    assert_eq!((&live["buckets"], &live["roles"], &live["aliases"]), (&json!({}), &json!({}), &json!({})));
    for key in names(live, "/keys") {
        assert_eq!(live["keys"][&key]["KeyState"], "PendingDeletion", "{key}");
    }
}

/// Snowflake copies a file that boto3 put there, as long as the live documents let it.
fn a_file_goes_through(world: &World) {
    let put = "data.put_object(Bucket='acme-events-inbound', Key='day/a.csv', Body=b'1,2')";
    world.boto.run(put);
    let copy = "COPY FILES INTO @EVENTS.FILES.OUTBOUND FROM @EVENTS.FILES.INBOUND";
    let files = "data.list_objects_v2(Bucket='acme-events-outbound').get('Contents', [])";
    let read = "data.get_object(Bucket='acme-events-outbound', Key='day/a.csv')['Body'].read().decode()";

    world.boto.run(
        "saved = iam.get_role_policy(RoleName='snowflake-events', PolicyName='snowssi-access')['PolicyDocument']\n\
         less = [it for it in saved['Statement'] if it['Sid'] != 'DecryptObjects']\n\
         iam.put_role_policy(RoleName='snowflake-events', PolicyName='snowssi-access', \
         PolicyDocument=json.dumps({**saved, 'Statement': less}))",
    );
    let refused = world.sql(copy).unwrap_err();
    assert!(refused.contains("kms:Decrypt"), "{refused}");
    assert_eq!(world.boto.run(files), json!([]), "nothing was written");
    world.boto.run(
        "iam.put_role_policy(RoleName='snowflake-events', PolicyName='snowssi-access', PolicyDocument=json.dumps(saved))",
    );
    world.sql(copy).unwrap();
    assert_eq!(world.boto.run(read), "1,2");
}

/// A plan without changes asks this AWS as often as the embedded one.
fn as_many_requests_as_in_the_sandbox(world: &World, spec: &Path) {
    let here = world.must("plan", spec, &["--stats", "--detailed-exitcode"]).stderr;
    let home = tempfile::tempdir().unwrap();
    let embedded = |command: &str, option: &str| {
        let arguments = [command, "--sandbox", "-f", spec.to_str().unwrap(), option];
        let run = snowssi(home.path(), &[], &arguments);
        assert_eq!(run.code, 0, "{}", run.text());
        run.stderr
    };
    embedded("apply", "--auto-approve");
    let there = embedded("plan", "--stats");
    assert_eq!(requests(&here, "AWS"), requests(&there, "AWS"), "{here}\n{there}");
    assert_eq!(requests(&here, "AWS").iter().map(|(_, count)| count).sum::<u32>(), 25, "{here}");
    assert_eq!(requests(&here, "Snowflake"), requests(&there, "Snowflake"), "{here}\n{there}");
}
