//! Buckets, in a loop over what S3 would hold.

use super::*;
use crate::cloud::aws::BucketState;
use crate::cloud::aws::state::ForeignNotification;
use crate::kind::aws_trial::{self as trial, Live, altered, context, created, example, names, problems};
use crate::model::Fact;
use crate::model::call::{PublicAccessBlock, QueueEntry};
use crate::policy::Document;

const BASE: &str = "name = \"data\"";

/// A bucket that does what S3 does.
#[derive(Clone)]
struct S3(BucketState, String);

impl Live<Bucket> for S3 {
    fn nothing() -> Self {
        let state = BucketState {
            other_region: None,
            tags: BTreeMap::new(),
            versioning: None,
            encryption: Encryption::Sse,
            public_access_block: Some(PublicAccessBlock {
                block_public_acls: true,
                ignore_public_acls: true,
                block_public_policy: true,
                restrict_public_buckets: true,
            }),
            ownership: Some("BucketOwnerEnforced".into()),
            policy: None,
            lifecycle: Vec::new(),
            lifecycle_foreign: Vec::new(),
            logging: None,
            notifications: Vec::new(),
            foreign_notifications: Vec::new(),
        };
        Self(state, "us-east-1".into())
    }

    fn make(&mut self, call: &Call) {
        let Self(state, lives) = self;
        match call.clone() {
            Call::CreateBucket { tags, region, .. } => {
                state.tags = tags;
                *lives = region.to_string();
            }
            Call::PutPublicAccessBlock { block, .. } => state.public_access_block = Some(block),
            Call::PutBucketOwnershipControls { ownership, .. } => state.ownership = Some(ownership),
            Call::PutBucketVersioning { enabled, .. } => state.versioning = Some(enabled),
            Call::PutBucketEncryption { encryption, .. } => state.encryption = encryption,
            Call::PutBucketPolicy { policy, .. } => state.policy = Some(policy.as_known().unwrap().into()),
            Call::DeleteBucketPolicy { .. } => state.policy = None,
            Call::PutBucketLifecycleConfiguration { rules, .. } => {
                assert!(!rules.is_empty());
                state.lifecycle = rules.into_iter().rev().collect();
                state.lifecycle_foreign.clear();
            }
            Call::DeleteBucketLifecycle { .. } => state.lifecycle.clear(),
            Call::PutBucketLogging { target, .. } => state.logging = target,
            Call::MergeBucketTags { set, remove, .. } => {
                state.tags.extend(set);
                state.tags.retain(|key, _| !remove.contains(key));
            }
            Call::MergeBucketNotification { entries, .. } => state.notifications = entries,
            other => panic!("not about a bucket: {other:?}"),
        }
    }

    fn read(&self) -> Props {
        Props::live(&"data".parse().unwrap(), self.1.parse().unwrap(), self.0.clone()).unwrap()
    }
}

fn want(more: &str) -> Props {
    trial::want::<Bucket>(&format!("{BASE}\n{more}"), &[])
}

fn notify(prefix: &str, queue: &str) -> Gift {
    Gift::Notify {
        bucket: "data".parse().unwrap(),
        prefix: prefix.into(),
        queue: queue.into(),
        events: vec!["s3:ObjectCreated:*".into()],
    }
}

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<Bucket>(&example::<Bucket>()), [""; 0]);
}

#[test]
fn a_bucket_is_closed_before_anything_else() {
    let key =
        "encryption = { kms_key = \"arn:aws:kms:us-east-1:111122223333:key/k\" }\nobject_ownership = \"ObjectWriter\"";
    let calls = trial::calls(&Bucket::create(&"bucket.x".parse().unwrap(), &want(key)));
    assert_eq!(
        names(&calls),
        [
            "CreateBucket",
            "PutPublicAccessBlock",
            "PutBucketOwnershipControls",
            "PutBucketPolicy",
            "PutBucketEncryption",
            "PutBucketVersioning",
            "PutBucketLifecycleConfiguration",
        ]
    );
    let Call::CreateBucket { tags, .. } = &calls[0] else { panic!("{calls:?}") };
    assert_eq!(Mark::take(&mut tags.clone()).unwrap().address.to_string(), "bucket.x");
    insta::assert_snapshot!(want("").policy.unwrap().pretty());
}

/// Each field alone: from the default to something else and back again.
#[test]
fn every_field_is_found_and_made() {
    let table = [
        ("encryption = { kms_key = \"arn:aws:kms:us-east-1:111122223333:key/k\" }", "PutBucketEncryption"),
        (
            "encryption = { kms_key = \"arn:aws:kms:us-east-1:111122223333:key/k\", bucket_key = false }",
            "PutBucketEncryption",
        ),
        ("versioning = false", "PutBucketVersioning"),
        ("public_access_block = { block_public_acls = false }", "PutPublicAccessBlock"),
        ("public_access_block = { ignore_public_acls = false }", "PutPublicAccessBlock"),
        ("public_access_block = { block_public_policy = false }", "PutPublicAccessBlock"),
        ("public_access_block = { restrict_public_buckets = false }", "PutPublicAccessBlock"),
        ("object_ownership = \"BucketOwnerPreferred\"", "PutBucketOwnershipControls"),
        (
            "policy_statements = [{ Sid = \"A\", Effect = \"Deny\", Principal = \"*\", Action = \"s3:PutObjectAcl\", Resource = \"arn:aws:s3:::data/*\" }]",
            "PutBucketPolicy",
        ),
        ("abort_multipart_days = 3", "PutBucketLifecycleConfiguration"),
        (
            "lifecycle = [{ id = \"a\", prefix = \"in/\", expire_days = 3, transitions = [{ days = 1, storage_class = \"GLACIER\" }] }]",
            "PutBucketLifecycleConfiguration",
        ),
    ];
    for (toml, call) in table {
        let mut live: S3 = created::<Bucket, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), [call], "{toml}");
        assert_eq!(altered(&mut live, &want("")), [call], "back from {toml}");
        created::<Bucket, S3>(&want(toml));
    }
    for (toml, call) in
        [("tls_only = false", "DeleteBucketPolicy"), ("abort_multipart_days = 0", "DeleteBucketLifecycle")]
    {
        let mut live: S3 = created::<Bucket, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), [call]);
    }
    for (toml, call) in
        [("tags = { team = \"data\" }", "MergeBucketTags"), ("logging = { bucket = \"logs\" }", "PutBucketLogging")]
    {
        let mut live: S3 = created::<Bucket, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), [call]);
        assert!(trial::diff::<Bucket>(&want(""), &live.read()).is_empty(), "{toml} leaves the spec and stays");
    }
}

#[test]
fn name_and_region_need_a_new_bucket() {
    let live: S3 = created::<Bucket, _>(&want(""));
    for other in ["name = \"other\"", "name = \"data\"\nregion = \"eu-west-1\""] {
        assert!(trial::diff::<Bucket>(&trial::want::<Bucket>(other, &[]), &live.read()).replaces_object());
    }
}

#[test]
fn notifications_follow_the_wishes_of_stages() {
    let mut live: S3 = created::<Bucket, _>(&want(""));
    let with = trial::want::<Bucket>(
        BASE,
        &[notify("in/", "arn:aws:sqs:us-east-1:9:q"), notify("in/a/", "arn:aws:sqs:us-east-1:9:q")],
    );
    assert_eq!(altered(&mut live, &with), ["MergeBucketNotification"]);
    assert_eq!(live.0.notifications.len(), 1);
    assert_eq!(altered(&mut live, &want("")), ["MergeBucketNotification"]);
    let parts = Bucket::create(&"bucket.x".parse().unwrap(), &with);
    assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), [MAIN, NOTIFICATION]);
    assert_eq!(parts[1].after, [Dep::new(live_id(&with.name), MAIN)]);
}

/// The bucket does not wait for its stages, though its notification does.
#[test]
fn an_unknown_queue_holds_up_the_notification_only() {
    let queue = Val::later(Fact::new(&"stage.in".parse().unwrap(), "channel"));
    let Gift::Notify { bucket, prefix, events, .. } = notify("in/", "") else { panic!() };
    let with = trial::want::<Bucket>(BASE, &[Gift::Notify { bucket, prefix, events, queue }]);
    let parts = Bucket::create(&"bucket.x".parse().unwrap(), &with);
    let needs: Vec<usize> = parts.iter().map(|part| part.ops.iter().flat_map(Op::needs).count()).collect();
    assert_eq!(needs, [0, 1]);
}

#[test]
fn drift_is_found() {
    let fresh: S3 = created::<Bucket, _>(&want(""));
    let mut live = fresh.clone();
    live.0.lifecycle_foreign = vec!["old: size filter".into()];
    assert_eq!(altered(&mut live, &want("")), ["PutBucketLifecycleConfiguration"]);
    live = fresh.clone();
    live.0.public_access_block = None;
    assert_eq!(altered(&mut live, &want("")), ["PutPublicAccessBlock"]);
    live = fresh.clone();
    live.0.ownership = None;
    assert_eq!(altered(&mut live, &want("")), ["PutBucketOwnershipControls"]);
    live = fresh.clone();
    live.0.tags.clear();
    assert_eq!(altered(&mut live, &want("")), ["MergeBucketTags"]);
    live = fresh;
    live.0.notifications =
        vec![QueueEntry { id: "snowssi-events-0".into(), queue: "q".into(), events: vec![], prefix: String::new() }];
    assert_eq!(altered(&mut live, &want("")), ["MergeBucketNotification"]);
}

#[test]
fn what_others_added_stays() {
    let mut live: S3 = created::<Bucket, _>(&want(""));
    live.0.tags.insert("cost".into(), "1".into());
    live.0.logging = Some(("logs".parse().unwrap(), String::new()));
    live.0.foreign_notifications = vec![ForeignNotification {
        id: "lambda".into(),
        destination: "arn:aws:lambda:us-east-1:1:function:f".into(),
        events: vec!["s3:ObjectCreated:Put".into()],
        prefix: String::new(),
        suffix: ".csv".into(),
    }];
    let with = trial::want::<Bucket>(BASE, &[notify("in/", "q")]);
    assert!(trial::diff::<Bucket>(&want(""), &live.read()).is_empty());
    assert_eq!(Bucket::conflicts(&want(""), &live.read()), [""; 0]);
    assert!(Bucket::conflicts(&with, &live.read())[0].contains("`lambda`"));
    assert!(Bucket::breaks(&live.read())[0].contains("`lambda`"));
}

#[test]
fn tells_its_key_and_its_names() {
    let key = trial::entry::<Bucket>("name = \"data\"\nencryption = { kms_key = \"arn:aws:kms:us-east-1:1:key/k\" }");
    let gift = Gift::Encrypted { bucket: "data".parse().unwrap(), key: "arn:aws:kms:us-east-1:1:key/k".into() };
    assert_eq!(Bucket::gifts(&key, &context()), [gift]);
    let known: BTreeMap<_, _> = Bucket::known(&key.spec, &context()).into_iter().collect();
    assert_eq!(
        (known["arn"].as_str(), known["domain"].as_str()),
        ("arn:aws:s3:::data", "data.s3.us-east-1.amazonaws.com")
    );
    let field = |name: &str| (name == "name").then(|| "data".to_owned());
    assert_eq!(url(&field).unwrap(), "s3://data/");
}

#[test]
fn where_access_is_logged_to_lets_it_be_delivered() {
    let told = Bucket::gifts(
        &trial::entry::<Bucket>("name = \"data\"\nlogging = { bucket = \"logs\", prefix = \"of/\" }"),
        &context(),
    );
    let [Gift::Logs { bucket, prefix, of }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((bucket.as_str(), prefix.as_str(), of.as_str()), ("logs", "of/", "data"));
    let account = context().account.to_string();
    let policy = trial::want::<Bucket>("name = \"logs\"", &told).policy.unwrap();
    let statement = |of: &str| {
        let text = format!(
            r#"{{"Effect":"Allow","Principal":{{"Service":"logging.s3.amazonaws.com"}},"Action":"s3:PutObject",
                "Resource":"arn:aws:s3:::logs/of/*","Condition":{{"ArnLike":{{"aws:SourceArn":"arn:aws:s3:::{of}"}},
                "StringEquals":{{"aws:SourceAccount":"{account}"}}}}}}"#
        );
        Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)).unwrap()
    };
    let tls = trial::want::<Bucket>("name = \"logs\"", &[]).policy.unwrap();
    assert_eq!(policy, tls.clone().with(statement("data").statements().iter().cloned()));
    assert_ne!(policy, tls.with(statement("other").statements().iter().cloned()));
    let other = trial::want::<Bucket>("name = \"other\"", &told).policy.unwrap();
    assert!(!other.pretty().to_string().contains("logging.s3"), "{other:?}");
}

#[test]
fn follows_roles_its_policy_names() {
    let toml = "policy_statements = ['{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/r\"},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::data/*\"}']\nlogging = { bucket = \"logs\" }";
    let want = want(toml);
    let to: Vec<String> = Bucket::refs(&want).into_iter().map(|one| one.to.name).collect();
    assert_eq!(to, ["logs", "arn:aws:iam::111122223333:role/r"]);
    let again = Bucket::relink(&"bucket.x".parse().unwrap(), &want, &LiveId::new("iam_role", "r"));
    assert_eq!(names(&trial::calls(&[Part::main(again)])), ["PutBucketPolicy"]);
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("encryption = { sse = false }", "encryption.sse"),
        ("encryption = { kms_key = \"arn:aws:kms:us-east-1:1:key/k\", sse = true }", "encryption:"),
        ("encryption = { kms_key = \"alias/a\" }", "encryption.kms_key"),
        ("encryption = { bucket_key = true }", "encryption.bucket_key"),
        ("logging = { bucket = \"data\" }", "logging.bucket"),
        ("lifecycle = [{ id = \"a\" }]", "lifecycle[0]"),
        ("lifecycle = [{ id = \"a\", expire_days = 0 }]", "lifecycle[0]"),
        ("lifecycle = [{ id = \"a\", expire_days = 1 }, { id = \"a\", expire_days = 1 }]", "lifecycle[1].id"),
        ("abort_multipart_days = -1", "abort_multipart_days"),
        ("policy_statements = [{ Effect = \"Allow\", Action = \"s3:*\", Resource = \"*\" }]", "policy_statements"),
        (
            "policy_statements = [{ Sid = \"TlsOnly\", Effect = \"Deny\", Principal = \"*\", Action = \"s3:*\", Resource = \"*\" }]",
            "policy_statements",
        ),
        ("tags = { \"aws:x\" = \"1\" }", "tags"),
    ];
    for (toml, field) in table {
        let found = problems::<Bucket>(&format!("{BASE}\n{toml}"));
        assert!(found.len() == 1 && found[0].starts_with(field), "{toml}: {found:?}");
    }
}
