//! Calls that read before they write, or are more than one operation.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::fake::{aws, aws_in, ok, s3_error, told};
use super::{CURRENT, NOTIFICATION, full, kms, name};
use crate::cloud::Class;
use crate::model::call::{Encryption, QueueEntry};
use crate::model::{Call, Tags};

#[tokio::test]
async fn the_location_constraint_follows_the_region() {
    let tags = Tags::from([("snowssi:stack".into(), "demo".into())]);
    for (region, constraint) in [("eu-central-1", true), ("us-east-1", false), ("us-west-2", true)] {
        let (aws, fake) = aws(|asked| if asked.method == "HEAD" { told(404, "") } else { ok("") }).await;
        let call = Call::CreateBucket { bucket: name(), region: region.parse().unwrap(), tags: tags.clone() };
        let answer = aws.call(&call).await.unwrap();
        assert_eq!(answer.get("Arn"), Some("arn:aws:s3:::data.example"));
        let asked = fake.asked().pop().unwrap();
        assert_eq!((&*asked.method, asked.header("x-amz-object-ownership")), ("PUT", "BucketOwnerEnforced"));
        assert_eq!(asked.header("x-amz-expected-bucket-owner"), "");
        assert!(asked.host.contains(region) || region == "us-east-1", "{}", asked.host);
        assert_eq!(asked.body.contains(&format!("<LocationConstraint>{region}</LocationConstraint>")), constraint);
        assert!(asked.body.contains("<Key>snowssi:stack</Key><Value>demo</Value>"), "{}", asked.body);
    }
}

#[tokio::test]
async fn an_own_bucket_is_never_taken_for_a_new_one() {
    let create =
        |region: &str| Call::CreateBucket { bucket: name(), region: region.parse().unwrap(), tags: Tags::new() };
    // The oldest region would answer 200 and reset the ACL.
    let (oldest, fake) = aws_in("us-east-1", |_| ok("")).await;
    let error = oldest.call(&create("us-east-1")).await.unwrap_err();
    assert_eq!((error.class, &*error.code), (Class::AlreadyExists, "BucketAlreadyOwnedByYou"));
    assert!(fake.asked().iter().all(|asked| asked.method == "HEAD"));

    let (other, _) = aws(|_| s3_error(409, "BucketAlreadyOwnedByYou")).await;
    assert_eq!(other.call(&create("eu-central-1")).await.unwrap_err().class, Class::AlreadyExists);
}

#[tokio::test]
async fn encryption_keeps_the_blocked_types() {
    let (aws, fake) = aws(|asked| if asked.method == "PUT" { ok("") } else { full(asked) }).await;
    let encryption = Encryption::Kms { key: "arn:new".into(), bucket_key: false };
    aws.call(&Call::PutBucketEncryption { bucket: name(), encryption }).await.unwrap();
    let body = fake.asked().pop().unwrap().body;
    assert!(body.contains("<KMSMasterKeyID>arn:new</KMSMasterKeyID>"), "{body}");
    assert!(body.contains("<EncryptionType>SSE-C</EncryptionType>"), "{body}");
}

#[tokio::test]
async fn tags_are_merged() {
    let live = "<Tagging><TagSet><Tag><Key>cost</Key><Value>1</Value></Tag><Tag><Key>aws:x</Key><Value>y</Value></Tag>\
        <Tag><Key>old</Key><Value>z</Value></Tag></TagSet></Tagging>";
    let (aws, fake) = aws(move |asked| if asked.method == "PUT" { ok("") } else { ok(live) }).await;
    let merge = |set: &[(&str, &str)], remove: &[&str]| Call::MergeBucketTags {
        bucket: name(),
        set: set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        remove: remove.iter().map(|key| (*key).to_owned()).collect(),
    };
    aws.call(&merge(&[("new", "n")], &["old"])).await.unwrap();
    let body = fake.asked().pop().unwrap().body;
    for kept in ["<Key>cost</Key><Value>1</Value>", "<Key>aws:x</Key>", "<Key>new</Key><Value>n</Value>"] {
        assert!(body.contains(kept), "{body}");
    }
    assert!(!body.contains("old"));
    // Nothing to change: nothing is written.
    aws.call(&merge(&[("cost", "1")], &["absent"])).await.unwrap();
    assert_eq!(fake.asked().pop().unwrap().method, "GET");
}

#[tokio::test]
async fn notifications_of_others_are_kept() {
    let live = Mutex::new(NOTIFICATION.to_owned());
    let (aws, fake) = aws(move |asked| {
        let mut live = live.lock().unwrap();
        if asked.method == "PUT" {
            // As S3 does: filter names come back capitalised.
            *live = asked.body.replace("<Name>prefix</Name>", "<Name>Prefix</Name>");
            return ok("");
        }
        ok(live.clone())
    })
    .await;
    let entry = QueueEntry {
        id: "snowssi-new".into(),
        queue: "arn:aws:sqs:eu-central-1:999999999999:sf".into(),
        events: vec!["s3:ObjectCreated:*".into()],
        prefix: "in/dt=2 b/".into(),
    };
    let call = Call::MergeBucketNotification { bucket: name(), entries: vec![entry.clone()] };
    aws.call(&call).await.unwrap();
    let methods: Vec<_> = fake.asked().iter().map(|asked| asked.method.clone()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET"]);
    let put = fake.asked()[1].body.clone();
    for kept in [
        "<Id>theirs</Id><Queue>arn:aws:sqs:eu-central-1:1:q</Queue><Event>s3:ObjectRemoved:*</Event>\
            <Filter><S3Key><FilterRule><Name>Suffix</Name><Value>.csv</Value></FilterRule></S3Key></Filter>",
        "<Id>fn</Id><CloudFunction>arn:aws:lambda:eu-central-1:1:function:f</CloudFunction><Event>s3:ObjectTagging:Put</Event>",
        "<Id>top</Id><Topic>arn:aws:sns:eu-central-1:1:t</Topic><Event>s3:NewEvent:Unheard</Event>",
        "<EventBridgeConfiguration",
        "<Value>in/dt%3D2+b/</Value>",
    ] {
        assert!(put.contains(kept), "{kept} is not in {put}");
    }
    assert!(!put.contains("snowssi-old"));
    // The same again writes nothing.
    aws.call(&call).await.unwrap();
    assert_eq!(fake.asked().last().unwrap().method, "GET");
    // Ours are gone, theirs stay.
    aws.call(&Call::MergeBucketNotification { bucket: name(), entries: vec![] }).await.unwrap();
    let state = aws.bucket(&name(), CURRENT).await;
    assert!(state.is_err(), "the fake answers nothing else");
    let put = fake.asked().into_iter().rfind(|asked| asked.method == "PUT").unwrap().body;
    assert!(put.contains("theirs") && put.contains("<Id>fn</Id>") && !put.contains("snowssi-"), "{put}");
}

#[tokio::test]
async fn a_lost_notification_is_a_conflict() {
    let (aws, _) = aws(|asked| ok(if asked.method == "PUT" { "" } else { NOTIFICATION })).await;
    let error = aws.call(&Call::MergeBucketNotification { bucket: name(), entries: vec![] }).await.unwrap_err();
    assert_eq!(error.class, Class::Conflict);
}

fn version(key: &str, id: &str) -> String {
    format!("<Version><Key>{key}</Key><VersionId>{id}</VersionId></Version>")
}

#[tokio::test]
async fn a_bucket_is_emptied_page_by_page() {
    let lists = AtomicUsize::new(0);
    let (aws, fake) = aws(move |asked| {
        let page = |inside: String, next: Option<&str>| {
            let more = next.map_or(String::new(), |next| {
                format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>")
            });
            ok(format!("<ListVersionsResult><EncodingType>url</EncodingType>{inside}{more}</ListVersionsResult>"))
        };
        if asked.about("versions") {
            return match lists.fetch_add(1, Ordering::SeqCst) {
                0 => page(version("a+b%2Fc", "1") + &version("d", "2"), Some("d+e")),
                1 => page("<DeleteMarker><Key>d</Key><VersionId>3</VersionId></DeleteMarker>".into(), None),
                _ => page(String::new(), None),
            };
        }
        if asked.about("uploads") {
            return ok("<ListMultipartUploadsResult><Upload><Key>u</Key><UploadId>7</UploadId></Upload></ListMultipartUploadsResult>");
        }
        if asked.about("delete") { ok("<DeleteResult/>") } else { told(204, "") }
    })
    .await;
    let answer = aws.call(&Call::EmptyBucket { bucket: name() }).await.unwrap();
    assert_eq!((answer.get("Deleted"), answer.get("Aborted")), (Some("3"), Some("1")));
    let asked = fake.asked();
    let deletes: Vec<_> = asked.iter().filter(|asked| asked.about("delete")).map(|asked| asked.body.clone()).collect();
    assert_eq!(deletes.len(), 2, "no empty batch: {deletes:?}");
    assert!(deletes[0].contains("<Key>a b/c</Key><VersionId>1</VersionId>"), "{deletes:?}");
    assert!(deletes[1].contains("<Key>d</Key><VersionId>3</VersionId>"), "{deletes:?}");
    let lists: Vec<_> = asked.iter().filter(|asked| asked.about("versions")).map(|asked| asked.query.clone()).collect();
    assert!(lists[1].contains("key-marker=d%20e") && lists[1].contains("version-id-marker=v"), "{lists:?}");
    assert_eq!(lists.len(), 3, "looked once more: {lists:?}");
}

#[tokio::test]
async fn a_locked_object_ends_the_emptying() {
    let (aws, fake) = aws(|asked| {
        if asked.about("versions") {
            return ok(format!("<ListVersionsResult>{}</ListVersionsResult>", version("locked", "1")));
        }
        ok("<DeleteResult><Error><Key>locked</Key><Code>AccessDenied</Code><Message>object lock</Message></Error></DeleteResult>")
    })
    .await;
    let error = aws.call(&Call::EmptyBucket { bucket: name() }).await.unwrap_err();
    assert_eq!((error.class, &*error.code), (Class::Permanent, "AccessDenied"));
    assert!(error.message.contains("`locked`: object lock"), "{error}");
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_role_leaves_everything_it_is_tied_to_before_it_goes() {
    let (aws, fake) = aws(|asked| match asked.action() {
        "ListInstanceProfilesForRole" => ok("<ListInstanceProfilesForRoleResponse><ListInstanceProfilesForRoleResult>\
            <InstanceProfiles><member><Path>/</Path><InstanceProfileName>p</InstanceProfileName><InstanceProfileId>i</InstanceProfileId>\
            <Arn>arn:aws:iam::1:instance-profile/p</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate><Roles/></member></InstanceProfiles>\
            <IsTruncated>false</IsTruncated></ListInstanceProfilesForRoleResult></ListInstanceProfilesForRoleResponse>"),
        "ListAttachedRolePolicies" => ok("<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies><member>\
            <PolicyName>x</PolicyName><PolicyArn>arn:aws:iam::aws:policy/x</PolicyArn></member></AttachedPolicies>\
            <IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>"),
        action => ok(format!("<{action}Response/>")),
    })
    .await;
    aws.call(&Call::DeleteRole { role: "r".into() }).await.unwrap();
    let actions: Vec<_> = fake.asked().iter().map(|asked| asked.action().to_owned()).collect();
    let wanted = [
        "ListInstanceProfilesForRole",
        "RemoveRoleFromInstanceProfile",
        "ListAttachedRolePolicies",
        "DetachRolePolicy",
        "DeleteRole",
    ];
    assert_eq!(actions, wanted);
}

#[tokio::test]
async fn a_version_that_is_there_is_not_made_again() {
    let version = |text: &str| {
        let (policy, document) = (text.to_owned(), "%7B%22a%22%3A%5B1%5D%7D");
        let found = format!(
            "<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><Document>{document}</Document>\
            </PolicyVersion></GetPolicyVersionResult></GetPolicyVersionResponse>"
        );
        (Call::CreatePolicyVersion { policy_arn: "arn:p".into(), document: policy.into() }, found)
    };
    let table = [
        (r#"{ "a": [1] }"#, &["GetPolicy", "GetPolicyVersion"][..]),
        (r#"{"a":[2]}"#, &["GetPolicy", "GetPolicyVersion", "CreatePolicyVersion"][..]),
    ];
    for (text, expected) in table {
        let (call, found) = version(text);
        let (aws, fake) = aws(move |asked| match asked.action() {
            "GetPolicy" => {
                ok("<GetPolicyResponse><GetPolicyResult><Policy><DefaultVersionId>v2</DefaultVersionId></Policy>\
                </GetPolicyResult></GetPolicyResponse>")
            }
            "GetPolicyVersion" => ok(found.clone()),
            action => ok(format!("<{action}Response><{action}Result/></{action}Response>")),
        })
        .await;
        aws.call(&call).await.unwrap();
        let actions: Vec<_> = fake.asked().iter().map(|asked| asked.action().to_owned()).collect();
        assert_eq!(actions, expected, "{text}");
    }
}

#[tokio::test]
async fn a_created_key_tells_its_names() {
    let (aws, fake) = aws(kms).await;
    let tags = Tags::from([("a".into(), "b".into())]);
    let call = Call::CreateKey { description: "d".into(), policy: "{}".into(), tags, multi_region: true };
    let answer = aws.call(&call).await.unwrap();
    assert_eq!(answer.get("KeyId"), Some("1234"));
    assert_eq!(answer.get("Arn"), Some("arn:aws:kms:eu-central-1:123456789012:key/1234"));
    let sent: serde_json::Value = serde_json::from_str(&fake.asked()[0].body).unwrap();
    let expected = serde_json::json!({
        "Description": "d", "Policy": "{}", "MultiRegion": true, "Tags": [{"TagKey": "a", "TagValue": "b"}]
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn writes_to_one_bucket_never_overlap() {
    let (aws, _) = aws(|_| told(204, "")).await;
    let policy = || Call::DeleteBucketPolicy { bucket: name() };
    let lifecycle = || Call::DeleteBucketLifecycle { bucket: name() };
    aws.caller().await.unwrap();
    let (a, b, c, d) = (policy(), lifecycle(), policy(), lifecycle());
    let (a, b, c, d) = tokio::join!(aws.call(&a), aws.call(&b), aws.call(&c), aws.call(&d));
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert_eq!(aws.stats.counts().peak, 1);
}
