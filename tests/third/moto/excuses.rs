//! What moto 5.2.1 does otherwise than AWS, as far as a run of ours meets it.
//!
//! Two things need no excuse and are worth knowing: moto delivers no events to queues of accounts it does not hold, such as Snowflake's, so
//! auto-refresh stops at the notification document; and it takes any principal in a policy, whether there is such a user or not.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use super::proxy::{Answered, Asked, Excuse, Mend, Repair};

pub(super) fn excuses() -> Vec<Excuse> {
    vec![
        Excuse {
            wrong: "GetBucketVersioning answers with the root element `GetBucketVersioningResponse`",
            aws: "the root element is `VersioningConfiguration` (Amazon S3 API reference, GetBucketVersioning)",
            mend: answered(|_, answer| answer.rename_root("GetBucketVersioningResponse", "VersioningConfiguration")),
        },
        Excuse {
            wrong: "GetBucketNotificationConfiguration answers with the root element `GetBucketNotificationResponse` where \
                    there are no notifications",
            aws: "the root element is `NotificationConfiguration`, empty in this case (Amazon S3 API reference, \
                  GetBucketNotificationConfiguration)",
            mend: answered(|_, answer| {
                answer.rename_root("GetBucketNotificationResponse", "NotificationConfiguration")
            }),
        },
        Excuse {
            wrong: "CreateBucket leaves the tags out that it is given",
            aws: "the bucket has the tags of CreateBucketConfiguration from the beginning (Amazon S3 API reference, CreateBucket)",
            mend: Mend::Kept(Box::new(|asked| {
                let tags = asked.element("Tags").filter(|_| asked.body.contains("<CreateBucketConfiguration"))?;
                let target = format!("{}?tagging", asked.target.split('?').next().unwrap_or_default());
                let body = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
                Some(Repair { look: target.clone(), fine: "<TagSet>", put: target, body })
            })),
        },
        Excuse {
            wrong: "requests about objects are refused by statements of the bucket policy whose conditions do not hold",
            aws: "a statement counts only if its conditions hold, and what comes by TLS is not denied by `aws:SecureTransport: \
                  false` (IAM user guide, IAM JSON policy elements: Condition)",
            mend: Mend::Without(Box::new(|asked| {
                let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
                let (bucket, key) = path.strip_prefix('/')?.split_once('/')?;
                (!key.is_empty() || query.starts_with("delete")).then(|| format!("/{bucket}?policy"))
            })),
        },
        Excuse {
            wrong: "EnableKey, DisableKey, ScheduleKeyDeletion and CancelKeyDeletion fail with 500 for a key's ARN",
            aws: "`KeyId` is the key's ID or its ARN (AWS KMS API reference, each of the four)",
            mend: Mend::Again(Box::new(|asked| {
                let fails = ["EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"];
                let (before, rest) =
                    asked.body.split_once("\"KeyId\":\"arn:").filter(|_| fails.contains(&&*asked.operation))?;
                let (_, id) = rest.split_once(":key/")?;
                Some(format!("{before}\"KeyId\":\"{id}"))
            })),
        },
        Excuse {
            wrong: "EnableKeyRotation forgets RotationPeriodInDays, and GetKeyRotationStatus does not tell it",
            aws: "the period is kept and told while rotation is on (AWS KMS API reference, GetKeyRotationStatus)",
            mend: rotation_period(),
        },
    ]
}

/// Remembers the periods for the emulator.
fn rotation_period() -> Mend {
    let periods: Mutex<BTreeMap<String, Value>> = Mutex::default();
    answered(move |asked, answer| {
        let Ok(request) = serde_json::from_str::<Value>(&asked.body) else { return false };
        let key = request["KeyId"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let mut periods = periods.lock().unwrap();
        match asked.operation.as_str() {
            "EnableKeyRotation" => {
                let period = request.get("RotationPeriodInDays").cloned().unwrap_or_else(|| 365.into());
                periods.insert(key, period);
                false
            }
            "GetKeyRotationStatus" => {
                let Ok(mut status) = serde_json::from_str::<Value>(&answer.body) else { return false };
                if status["KeyRotationEnabled"] != true || status.get("RotationPeriodInDays").is_some() {
                    return false;
                }
                status["RotationPeriodInDays"] = periods.get(&key).cloned().unwrap_or_else(|| 365.into());
                answer.body = status.to_string();
                true
            }
            _ => false,
        }
    })
}

fn answered(mend: impl Fn(&Asked, &mut Answered) -> bool + Send + Sync + 'static) -> Mend {
    Mend::Answered(Box::new(mend))
}
