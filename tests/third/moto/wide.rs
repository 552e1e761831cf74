//! Every field of the AWS kinds, set to what is not its default, changed, changed behind our back, and destroyed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::World;
use super::{at, gone, holds};

const SPEC: &str = include_str!("wide.toml");

/// What the second version of the spec says otherwise. Each text stands once in the first.
const CHANGES: &[(&str, &str)] = &[
    (r#"description = "Objekte für & <alle>""#, r#"description = "Andere""#),
    ("rotation_days = 90", "rotation_days = 180"),
    (r#"Action = ["kms:DescribeKey", "kms:Decrypt"]"#, r#"Action = ["kms:DescribeKey"]"#),
    ("enabled = false\nrotation = false", "enabled = true\nrotation = true"),
    ("versioning = false", "versioning = true"),
    ("bucket_key = false", "bucket_key = true"),
    ("BucketOwnerPreferred", "BucketOwnerEnforced"),
    ("{ restrict_public_buckets = false }", "{ ignore_public_acls = false }"),
    ("abort_multipart_days = 3", "abort_multipart_days = 5"),
    (r#"prefix = "data/" }"#, r#"prefix = "more/" }"#),
    ("größe: a+b=c/d@e", "other"),
    ("expire_days = 365, noncurrent_days = 30,", "expire_days = 400,"),
    (r#"storage_class = "GLACIER""#, r#"storage_class = "DEEP_ARCHIVE""#),
    (r#"id = "off", enabled = false"#, r#"id = "off""#),
    (r#"Action = ["s3:GetObject"]"#, r#"Action = ["s3:GetObject", "s3:GetObjectVersion"]"#),
    ("Für Snowflake & <Freunde>", ""),
    ("max_session_seconds = 7200", "max_session_seconds = 43200"),
    ("policy/edges/Wide", "policy/edges/Narrow"),
    (r#"prefix = "in/", allow = ["list", "read"]"#, r#"prefix = "in/", allow = ["list"]"#),
    (r#""A+b/c=d,e.f@g:h_i-j""#, r#""another+one/==""#),
    (r#"Action = ["sqs:SendMessage"]"#, r#"Action = ["sqs:GetQueueUrl"]"#),
    (r#"for_each = ["in", "out"]"#, r#"for_each = ["in"]"#),
];

/// Changes behind our back, and the fields that a plan then shows. `B` is the bucket, `K` the key, `R` the role.
const DRIFTS: &[(&str, &[&str])] = &[
    ("s3.delete_bucket_policy(Bucket=B)", &["bucket.data: policy"]),
    (
        "s3.put_public_access_block(Bucket=B, PublicAccessBlockConfiguration={'BlockPublicAcls': True, \
         'IgnorePublicAcls': False, 'BlockPublicPolicy': False, 'RestrictPublicBuckets': False})",
        &[
            "bucket.data: public_access_block.ignore_public_acls",
            "bucket.data: public_access_block.block_public_policy",
        ],
    ),
    (
        "s3.delete_public_access_block(Bucket=L)",
        &[
            "bucket.logs: public_access_block.block_public_acls",
            "bucket.logs: public_access_block.ignore_public_acls",
            "bucket.logs: public_access_block.block_public_policy",
            "bucket.logs: public_access_block.restrict_public_buckets",
        ],
    ),
    (
        "s3.delete_bucket_encryption(Bucket=B)",
        &["bucket.data: encryption.kms_key", "bucket.data: encryption.bucket_key", "bucket.data: encryption.sse"],
    ),
    (
        "s3.put_bucket_notification_configuration(Bucket=B, NotificationConfiguration={})",
        &["bucket.data: notifications"],
    ),
    (
        "s3.put_bucket_versioning(Bucket=B, VersioningConfiguration={'Status': 'Suspended'})",
        &["bucket.data: versioning"],
    ),
    ("s3.delete_bucket_lifecycle(Bucket=B)", &["bucket.data: lifecycle"]),
    ("s3.put_bucket_logging(Bucket=B, BucketLoggingStatus={})", &["bucket.data: logging"]),
    ("s3.delete_bucket_ownership_controls(Bucket=B)", &["bucket.data: object_ownership"]),
    (
        "tags = s3.get_bucket_tagging(Bucket=B)['TagSet']\n\
         s3.put_bucket_tagging(Bucket=B, Tagging={'TagSet': [it for it in tags if it['Key'] != 'note']})",
        &["bucket.data: tags.note"],
    ),
    (
        "iam.update_assume_role_policy(RoleName=R, PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': \
         [{'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:AssumeRole'}]}))",
        &["iam_role.snowflake: trust"],
    ),
    (
        "iam.put_role_policy(RoleName=R, PolicyName='backdoor', PolicyDocument=json.dumps({'Version': '2012-10-17', \
         'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))",
        &["iam_role.snowflake: inline_policies"],
    ),
    ("iam.delete_role_policy(RoleName=R, PolicyName='snowssi-access')", &["iam_role.snowflake: policy"]),
    (
        "iam.update_role(RoleName=R, Description='theirs', MaxSessionDuration=3600)",
        &["iam_role.snowflake: description", "iam_role.snowflake: max_session_seconds"],
    ),
    ("iam.delete_role_permissions_boundary(RoleName=R)", &["iam_role.snowflake: permissions_boundary"]),
    (
        "iam.detach_role_policy(RoleName=R, PolicyArn='arn:aws:iam::123456789012:policy/Queues')",
        &["iam_role.snowflake: managed_policies.arn:aws:iam::123456789012:policy/Queues"],
    ),
    ("iam.untag_role(RoleName=R, TagKeys=['cost center'])", &["iam_role.snowflake: tags.cost center"]),
    ("kms.disable_key_rotation(KeyId=K)", &["kms_key.data: rotation", "kms_key.data: rotation_days"]),
    ("kms.update_key_description(KeyId=K, Description='theirs')", &["kms_key.data: description"]),
    (
        "kms.put_key_policy(KeyId=K, PolicyName='default', Policy=json.dumps({'Version': '2012-10-17', 'Statement': \
         [{'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'kms:*', 'Resource': '*'}]}))",
        &["kms_key.data: policy"],
    ),
    ("kms.tag_resource(KeyId=K, Tags=[{'TagKey': 'team', 'TagValue': 'theirs'}])", &["kms_key.data: tags.team"]),
    ("kms.disable_key(KeyId=K)", &["kms_key.data: enabled"]),
];

#[test]
fn every_field() {
    let world = World::new("eu-west-1");
    let one = world.spec("one", SPEC);
    let two = world.spec("two", &changed());
    // Managed policies of others, which roles are given.
    world.boto.run(
        "for path, name in ('/edges/', 'Wide'), ('/edges/', 'Narrow'), ('/', 'Metrics'), ('/', 'Queues'):\n \
         iam.create_policy(Path=path, PolicyName=name, PolicyDocument=json.dumps({'Version': '2012-10-17', \
         'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))\nNone",
    );
    world.must("validate", &one, &[]);
    world.must("validate", &two, &[]);
    world.apply(&one);
    let mut first = world.aws();
    as_in_the_first(&first);

    world.apply(&two);
    as_in_the_second(&world.aws());
    world.apply(&one);
    // Versioning that was on once is never as if it had not been (Amazon S3 user guide, "Using versioning in S3 buckets").
    first["buckets"]["wide-logs-123456789012"]["versioning"] = json!({ "Status": "Suspended" });
    same(&world.aws(), &first, "back to the first version");

    world.boto.run(
        "B, L, R = 'wide.data-123456789012', 'wide-logs-123456789012', 'wide-snowflake'\n\
         K = kms.describe_key(KeyId='alias/wide/data')['KeyMetadata']['KeyId']\n\
         None",
    );
    let mut expected = BTreeSet::new();
    for (code, fields) in DRIFTS {
        world.boto.run(code);
        expected.extend(fields.iter().map(|&field| field.to_owned()));
    }
    assert_eq!(world.changes(&one).into_iter().collect::<BTreeSet<_>>(), expected);
    world.apply(&one);
    same(&world.aws(), &first, "repaired");

    let mut options = vec!["--auto-approve", "-q"];
    let named = ["bucket.data", "bucket.logs", "kms_key.data", "kms_key.spare", "database.wide"];
    named.iter().for_each(|name| options.extend(["--allow-destroy", name]));
    ["wide.data-123456789012", "wide-logs-123456789012"]
        .iter()
        .for_each(|name| options.extend(["--empty-bucket", name]));
    world.must("destroy", &one, &options);
    gone(&world.aws());
    world.proxy.all_needed();
}

/// Compares two views of the account, line by line.
fn same(live: &Value, expected: &Value, when: &str) {
    let [live, expected] = [live, expected].map(|view| format!("{:#}", steady(view)));
    let diff = similar::TextDiff::from_lines(&expected, &live);
    assert!(live == expected, "{when}:\n{}", diff.unified_diff().context_radius(6));
}

fn changed() -> String {
    CHANGES.iter().fold(SPEC.to_owned(), |spec, (from, to)| {
        assert_eq!(SPEC.matches(from).count(), 1, "`{from}` does not stand once in the spec");
        spec.replace(from, to)
    })
}

/// What is left of the account when lists are in one order and without the logs that S3 writes.
fn steady(live: &Value) -> Value {
    match live {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "objects");
            Value::Object(kept.map(|(name, value)| (name.clone(), steady(value))).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(steady).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

/// The one statement of this Sid.
fn statement<'a>(document: &'a Value, sid: &str) -> &'a Value {
    let mut found = document["Statement"].as_array().unwrap().iter().filter(|it| it["Sid"] == sid);
    found.next().unwrap_or_else(|| panic!("no statement {sid} in {document:#}"))
}

/// Tags that are not our marks, by name.
fn tags(list: &Value) -> Value {
    let pairs = list.as_array().unwrap().iter().map(|tag| {
        let text = |names: [&str; 2]| names.iter().find_map(|name| tag[name].as_str()).unwrap().to_owned();
        (text(["Key", "TagKey"]), Value::from(text(["Value", "TagValue"])))
    });
    Value::Object(pairs.filter(|(name, _)| !name.starts_with("snowssi:")).collect())
}

fn key<'a>(live: &'a Value, alias: &str) -> &'a Value {
    let id = live["aliases"][alias].as_str().unwrap_or_else(|| panic!("no {alias}"));
    &live["keys"][id]
}

fn as_in_the_first(live: &Value) {
    let data = key(live, "alias/wide/data");
    holds(
        data,
        &[
            ("/Description", json!("Objekte für & <alle>")),
            ("/KeyState", json!("Enabled")),
            ("/MultiRegion", json!(false)),
            ("/rotation/KeyRotationEnabled", json!(true)),
        ],
    );
    assert_eq!(tags(&data["tags"]), json!({ "team": "data", "cost center": "a+b=c/d" }));
    let auditors = statement(&data["policy"], "Auditors");
    assert_eq!(auditors["Principal"], json!({ "AWS": "arn:aws:iam::444455556666:root" }));
    assert_eq!(auditors["Action"], json!(["kms:Decrypt", "kms:DescribeKey"]));
    holds(
        key(live, "alias/wide/spare"),
        &[
            ("/KeyState", json!("Disabled")),
            ("/MultiRegion", json!(true)),
            ("/rotation/KeyRotationEnabled", json!(false)),
        ],
    );

    let bucket = at(live, "/buckets/wide.data-123456789012");
    let encryption = "/encryption/ServerSideEncryptionConfiguration/Rules/0";
    holds(
        bucket,
        &[
            (&format!("{encryption}/BucketKeyEnabled"), json!(false)),
            (&format!("{encryption}/ApplyServerSideEncryptionByDefault/KMSMasterKeyID"), data["Arn"].clone()),
            ("/versioning/Status", json!("Enabled")),
            ("/ownership/OwnershipControls/Rules", json!([{ "ObjectOwnership": "BucketOwnerPreferred" }])),
            (
                "/public_access_block/PublicAccessBlockConfiguration",
                json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": false }),
            ),
            ("/logging/LoggingEnabled", json!({ "TargetBucket": "wide-logs-123456789012", "TargetPrefix": "data/" })),
        ],
    );
    let rules = json!([
        {
            "ID": "archive", "Status": "Enabled", "Filter": { "Prefix": "in/" }, "Expiration": { "Days": 365 },
            "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
            "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 90, "StorageClass": "GLACIER" }],
        },
        { "ID": "off", "Status": "Disabled", "Filter": { "Prefix": "out/" }, "Expiration": { "Days": 10 } },
        {
            "ID": "snowssi-abort-multipart", "Status": "Enabled", "Filter": { "Prefix": "" },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 3 },
        },
    ]);
    assert_eq!(steady(at(bucket, "/lifecycle/Rules")), steady(&rules));
    assert_eq!(tags(at(bucket, "/tags/TagSet")), json!({ "team": "data", "note": "größe: a+b=c/d@e" }));
    assert_eq!(statement(&bucket["policy"], "Auditors")["Action"], "s3:GetObject");
    assert_eq!(statement(&bucket["policy"], "TlsOnly")["Effect"], "Deny");
    assert_eq!(prefixes(bucket), ["in/", "out/"]);
    holds(at(live, "/buckets/wide-logs-123456789012"), &[("/versioning", json!({})), ("/logging", json!({}))]);

    let role = at(live, "/roles/wide-snowflake");
    holds(
        role,
        &[
            ("/Arn", json!("arn:aws:iam::123456789012:role/snowssi/wide/deep/wide-snowflake")),
            ("/Description", json!("Für Snowflake & <Freunde>")),
            ("/MaxSessionDuration", json!(7200)),
            ("/PermissionsBoundary/PermissionsBoundaryArn", json!("arn:aws:iam::123456789012:policy/edges/Wide")),
            (
                "/attached",
                json!(["arn:aws:iam::123456789012:policy/Metrics", "arn:aws:iam::123456789012:policy/Queues"]),
            ),
        ],
    );
    assert_eq!(tags(&role["Tags"]), json!({ "team": "data", "cost center": "a+b=c/d" }));
    assert_eq!(trusted(role), ["211125400001", "444455556666 with A+b/c=d,e.f@g:h_i-j", "lambda.amazonaws.com"]);
    let access = at(role, "/inline/snowssi-access");
    let both = json!(["arn:aws:s3:::wide.data-123456789012/in/*", "arn:aws:s3:::wide.data-123456789012/out/*"]);
    assert_eq!(statement(access, "ReadObjects")["Resource"], both);
    assert_eq!(statement(access, "Queues")["Action"], "sqs:SendMessage");
    assert_eq!(statement(access, "DecryptObjects")["Resource"], data["Arn"]);
}

fn as_in_the_second(live: &Value) {
    let data = key(live, "alias/wide/data");
    assert_eq!(data["Description"], "Andere");
    assert_eq!(statement(&data["policy"], "Auditors")["Action"], "kms:DescribeKey");
    holds(
        key(live, "alias/wide/spare"),
        &[("/KeyState", json!("Enabled")), ("/rotation/KeyRotationEnabled", json!(true))],
    );
    let bucket = at(live, "/buckets/wide.data-123456789012");
    holds(
        bucket,
        &[
            ("/encryption/ServerSideEncryptionConfiguration/Rules/0/BucketKeyEnabled", json!(true)),
            ("/ownership/OwnershipControls/Rules", json!([{ "ObjectOwnership": "BucketOwnerEnforced" }])),
            ("/public_access_block/PublicAccessBlockConfiguration/IgnorePublicAcls", json!(false)),
            ("/public_access_block/PublicAccessBlockConfiguration/RestrictPublicBuckets", json!(true)),
            ("/logging/LoggingEnabled/TargetPrefix", json!("more/")),
        ],
    );
    let rules = json!([
        {
            "ID": "archive", "Status": "Enabled", "Filter": { "Prefix": "in/" }, "Expiration": { "Days": 400 },
            "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 90, "StorageClass": "DEEP_ARCHIVE" }],
        },
        { "ID": "off", "Status": "Enabled", "Filter": { "Prefix": "out/" }, "Expiration": { "Days": 10 } },
        {
            "ID": "snowssi-abort-multipart", "Status": "Enabled", "Filter": { "Prefix": "" },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 5 },
        },
    ]);
    assert_eq!(steady(at(bucket, "/lifecycle/Rules")), steady(&rules));
    assert_eq!(tags(at(bucket, "/tags/TagSet")), json!({ "team": "data", "note": "other" }));
    let actions = &statement(&bucket["policy"], "Auditors")["Action"];
    assert_eq!(*actions, json!(["s3:GetObject", "s3:GetObjectVersion"]));
    assert_eq!(prefixes(bucket), ["in/"]);
    holds(at(live, "/buckets/wide-logs-123456789012"), &[("/versioning/Status", json!("Enabled"))]);
    let role = at(live, "/roles/wide-snowflake");
    holds(
        role,
        &[
            ("/MaxSessionDuration", json!(43200)),
            ("/PermissionsBoundary/PermissionsBoundaryArn", json!("arn:aws:iam::123456789012:policy/edges/Narrow")),
        ],
    );
    assert_eq!(role["Description"].as_str().unwrap_or_default(), "");
    assert_eq!(trusted(role), ["211125400001", "444455556666 with another+one/==", "lambda.amazonaws.com"]);
    let access = at(role, "/inline/snowssi-access");
    assert_eq!(statement(access, "ReadObjects")["Resource"], "arn:aws:s3:::wide.data-123456789012/out/*");
    assert_eq!(statement(access, "Queues")["Action"], "sqs:GetQueueUrl");
}

/// The prefixes of the entries of a bucket's notification document.
fn prefixes(bucket: &Value) -> Vec<&str> {
    let entries = at(bucket, "/notification/QueueConfigurations").as_array().unwrap();
    let mut found: Vec<_> =
        entries.iter().map(|entry| at(entry, "/Filter/Key/FilterRules/0/Value").as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

/// Whom a role trusts, and on which external ID; Snowflake's user stands for itself by its account.
fn trusted(role: &Value) -> Vec<String> {
    let statements = at(role, "/AssumeRolePolicyDocument/Statement").as_array().unwrap();
    let mut found: Vec<String> = statements
        .iter()
        .map(|statement| {
            let id = statement.pointer("/Condition/StringEquals/sts:ExternalId").and_then(Value::as_str);
            let principal = statement["Principal"].as_object().unwrap().values().next().unwrap().as_str().unwrap();
            let account = principal.split(':').nth(4).unwrap_or(principal);
            match id {
                Some(id) if principal.contains(":user/") => {
                    assert!(id.contains("_SFCRole="), "{id}");
                    account.to_owned()
                }
                Some(id) => format!("{account} with {id}"),
                None => account.to_owned(),
            }
        })
        .collect();
    found.sort();
    found
}
