//! Refusals: which class they are of, how often the SDK tries, what they tell.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::fake::{Told, aws, iam_error, kms_error, ok, s3_error, told};
use super::{CURRENT, full, iam, name};
use crate::cloud::Class;
use crate::model::{Call, Fact, Tags, Val};

/// Calls that AWS refuses, with the class and the number of attempts.
#[tokio::test]
async fn refusals_are_classified() {
    type Case = (Call, fn() -> Told, Class, usize);
    let role = || Call::UpdateAssumeRolePolicy { role: "r".into(), trust: "{}".into() };
    let create =
        || Call::CreateKey { description: "d".into(), policy: "{}".into(), tags: Tags::new(), multi_region: false };
    let policy = || Call::PutBucketPolicy { bucket: name(), policy: "{}".into() };
    let cases: [Case; 11] = [
        (role(), || iam_error(403, "ExpiredToken", "old"), Class::Authentication, 1),
        (role(), || iam_error(400, "MalformedPolicyDocument", "Invalid principal in policy: x"), Class::Propagation, 1),
        (role(), || iam_error(400, "MalformedPolicyDocument", "Syntax error"), Class::Permanent, 1),
        (role(), || iam_error(409, "ConcurrentModification", "wait"), Class::Conflict, 1),
        (role(), || iam_error(400, "Throttling", "Rate exceeded"), Class::Throttle, 5),
        (policy(), || s3_error(409, "OperationAborted"), Class::Conflict, 1),
        (policy(), || s3_error(500, "InternalError"), Class::Unknown, 5),
        (policy(), || Told::Refused, Class::Unreachable, 5),
        (create(), || Told::Lost, Class::Unknown, 1),
        (Call::ScheduleKeyDeletion { key: "1".into(), window_days: 7 }, || Told::Lost, Class::Unknown, 1),
        (create(), || kms_error("LimitExceededException"), Class::Permanent, 1),
    ];
    for (call, answer, class, attempts) in cases {
        let (aws, fake) = aws(move |_| answer()).await;
        let error = aws.call(&call).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert_eq!(fake.asked().len(), attempts, "{error}");
        assert!(error.operation.ends_with(&call.operation()), "{error}");
    }
}

#[tokio::test]
async fn a_hole_is_a_bug_and_nothing_is_sent() {
    let (aws, fake) = aws(full).await;
    let hole = Val::later(Fact::new(&"kms_key.k".parse().unwrap(), "arn"));
    let error = aws.call(&Call::PutBucketPolicy { bucket: name(), policy: hole }).await.unwrap_err();
    assert!(error.message.contains("bug in snowssi: kms_key.k.arn"), "{error}");
    assert!(fake.all().is_empty());
}

#[tokio::test]
async fn throttles_are_overcome_and_slow_the_operation_down() {
    let refusals = AtomicUsize::new(0);
    let (aws, _) = aws(move |asked| {
        if refusals.fetch_add(1, Ordering::SeqCst) < 3 {
            iam_error(400, "Throttling", "Rate exceeded")
        } else {
            iam(asked)
        }
    })
    .await;
    let call = Call::TagRole { role: "r".into(), tags: Tags::new() };
    let before = std::time::Instant::now();
    // The fake does not know TagRole: that the last refusal is another shows that the throttles were overcome.
    assert_eq!(aws.call(&call).await.unwrap_err().code, "NotUnderstood");
    assert!(before.elapsed().as_secs() < 5);
    assert!(aws.limits.is_slowed("TagRole") && !aws.limits.is_slowed("GetRole"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_state() {
    let (aws, _) = aws(|_| ok("<Versioning")).await;
    let error = aws.bucket(&name(), CURRENT).await.unwrap_err();
    assert_eq!(error.class, Class::Permanent, "{error}");
    let (aws, _) = super::super::fake::aws(|_| ok("not JSON")).await;
    let create =
        Call::CreateKey { description: "d".into(), policy: "{}".into(), tags: Tags::new(), multi_region: false };
    assert_eq!(aws.call(&create).await.unwrap_err().class, Class::Unknown);
}

#[tokio::test]
async fn a_refusal_carries_what_support_asks_for() {
    let (aws, _) = aws(|_| Told::Http {
        status: 403,
        headers: vec![("x-amz-request-id", "ABC123".to_owned())],
        body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>".into(),
    })
    .await;
    let error = aws.call(&Call::DeleteBucket { bucket: name() }).await.unwrap_err();
    assert_eq!(error.request_id.as_deref(), Some("ABC123"));
    let text = error.to_string();
    assert!(text.starts_with("AWS refused s3:DeleteBucket on data.example: AccessDenied: Access Denied ("), "{text}");
}

#[tokio::test]
async fn an_answer_of_something_on_the_way_is_told() {
    let (aws, _) = aws(|_| told(502, "<html><h1>Bad Gateway</h1></html>")).await;
    let error = aws.call(&Call::DeleteBucket { bucket: name() }).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
    assert!(error.to_string().ends_with("HTTP status 502, and no error of AWS's"), "{error}");
}
