//! A bucket's lifecycle rules.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration,
    LifecycleRule as Rule, LifecycleRuleFilter, NoncurrentVersionExpiration, Transition, TransitionStorageClass,
};

use super::bucket::{about, or_absent};
use super::{Aws, tags};
use crate::cloud::CloudError;
use crate::model::BucketName;
use crate::model::call::LifecycleRule;

/// The rules, and the IDs of those that hold what [`LifecycleRule`] does not model.
pub(super) async fn read(aws: &Aws, name: &BucketName) -> Result<(Vec<LifecycleRule>, Vec<String>), CloudError> {
    let answer = about!(aws, name, "s3:GetBucketLifecycleConfiguration", get_bucket_lifecycle_configuration).await;
    let rules = or_absent(answer, "NoSuchLifecycleConfiguration")?.and_then(|answer| answer.rules).unwrap_or_default();
    let foreign =
        rules.iter().filter(|rule| is_foreign(rule)).map(|rule| rule.id.clone().unwrap_or_default()).collect();
    let mut rules: Vec<_> = rules.iter().map(from_rule).collect();
    rules.sort();
    Ok((rules, foreign))
}

/// Replaces all rules.
pub(super) async fn write(aws: &Aws, name: &BucketName, rules: &[LifecycleRule]) -> Result<(), CloudError> {
    let rules = rules.iter().map(to_rule).collect::<Result<Vec<_>, _>>()?;
    let configuration = tags::build(BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build())?;
    aws.on_bucket("s3:PutBucketLifecycleConfiguration", name, |s3, owner| {
        s3.put_bucket_lifecycle_configuration()
            .bucket(name.as_str())
            .expected_bucket_owner(owner)
            .lifecycle_configuration(configuration.clone())
            .send()
    })
    .await?;
    Ok(())
}

fn from_rule(rule: &Rule) -> LifecycleRule {
    let filter = rule.filter.as_ref();
    let in_filter = filter.and_then(|filter| {
        filter.prefix.as_deref().or_else(|| filter.and.as_ref().and_then(|and| and.prefix.as_deref()))
    });
    let mut transitions: Vec<(i32, String)> = rule
        .transitions()
        .iter()
        .filter_map(|move_| Some((move_.days?, move_.storage_class.as_ref()?.as_str().to_owned())))
        .collect();
    transitions.sort();
    LifecycleRule {
        id: rule.id.clone().unwrap_or_default(),
        enabled: rule.status == ExpirationStatus::Enabled,
        prefix: in_filter.or_else(|| old_prefix(rule)).unwrap_or_default().to_owned(),
        expire_days: rule.expiration.as_ref().and_then(|expiration| expiration.days),
        noncurrent_days: rule.noncurrent_version_expiration.as_ref().and_then(|expiration| expiration.noncurrent_days),
        abort_multipart_days: rule
            .abort_incomplete_multipart_upload
            .as_ref()
            .and_then(|abort| abort.days_after_initiation),
        transitions,
    }
}

#[expect(deprecated, reason = "rules written before filters existed still carry their prefix here")]
fn old_prefix(rule: &Rule) -> Option<&str> {
    rule.prefix.as_deref()
}

fn is_foreign(rule: &Rule) -> bool {
    let in_filter = rule.filter.as_ref().is_some_and(|filter| {
        filter.tag.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
            || filter.and.is_some()
    });
    let in_expiration = rule.expiration.as_ref().is_some_and(|expiration| {
        expiration.date.is_some() || expiration.expired_object_delete_marker.unwrap_or_default()
    });
    in_filter
        || in_expiration
        || !rule.noncurrent_version_transitions().is_empty()
        || rule
            .noncurrent_version_expiration
            .as_ref()
            .is_some_and(|expiration| expiration.newer_noncurrent_versions.is_some())
        || rule.transitions().iter().any(|move_| move_.days.is_none() || move_.storage_class.is_none())
}

fn to_rule(rule: &LifecycleRule) -> Result<Rule, CloudError> {
    let transition = |(days, class): &(i32, String)| {
        Transition::builder().days(*days).storage_class(TransitionStorageClass::from(class.as_str())).build()
    };
    let transitions: Vec<_> = rule.transitions.iter().map(transition).collect();
    tags::build(
        Rule::builder()
            .id(&rule.id)
            .status(if rule.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled })
            .filter(LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
            .set_expiration(rule.expire_days.map(|days| LifecycleExpiration::builder().days(days).build()))
            .set_noncurrent_version_expiration(
                rule.noncurrent_days.map(|days| NoncurrentVersionExpiration::builder().noncurrent_days(days).build()),
            )
            .set_abort_incomplete_multipart_upload(
                rule.abort_multipart_days
                    .map(|days| AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build()),
            )
            .set_transitions(Some(transitions).filter(|transitions| !transitions.is_empty()))
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{LifecycleRuleAndOperator, Tag};
    use proptest::prelude::*;

    fn days() -> impl Strategy<Value = Option<i32>> {
        proptest::option::of(1..4000)
    }

    proptest! {
        #[test]
        fn rules_round_trip(
            id in "[a-z]{1,8}",
            enabled: bool,
            prefix in "[a-z/=]{0,8}",
            (expire_days, noncurrent_days, abort_multipart_days) in (days(), days(), days()),
            transitions in proptest::collection::btree_set((1..400, prop_oneof!["GLACIER", "STANDARD_IA", "NEW_CLASS"]), 0..3),
        ) {
            let transitions = transitions.into_iter().collect();
            let rule = LifecycleRule { id, enabled, prefix, expire_days, noncurrent_days, abort_multipart_days, transitions };
            let sent = to_rule(&rule).unwrap();
            prop_assert!(!is_foreign(&sent));
            prop_assert_eq!(from_rule(&sent), rule);
        }
    }

    #[test]
    fn what_is_not_modelled_is_named() {
        let plain = || Rule::builder().id("a").status(ExpirationStatus::Enabled);
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let and = LifecycleRuleAndOperator::builder().prefix("in/").tags(tag).build();
        let tagged = plain().filter(LifecycleRuleFilter::builder().and(and).build()).build().unwrap();
        assert!(is_foreign(&tagged));
        assert_eq!(from_rule(&tagged).prefix, "in/");
        let markers = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
        assert!(is_foreign(&plain().expiration(markers).build().unwrap()));
        let kept = NoncurrentVersionExpiration::builder().noncurrent_days(3).newer_noncurrent_versions(2).build();
        assert!(is_foreign(&plain().noncurrent_version_expiration(kept).build().unwrap()));
        assert!(!is_foreign(&plain().build().unwrap()));
    }
}
