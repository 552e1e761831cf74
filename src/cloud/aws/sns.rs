//! Topics of SNS: who may publish to them, what they are encrypted with, and who is subscribed.
//!
//! Source: Amazon SNS API reference.

use std::collections::HashMap;

use super::call::{known, misrouted};
use super::{Answer, Aws, MOST_PAGES, ReadTags, SubscriptionState, TopicState, tagging, tags};
use crate::cloud::{CloudError, Which};
use crate::model::{Arn, Call, Tags};

/// What SNS answers for a topic that is not there.
const NOT_FOUND: &str = "NotFound";

/// `GetTopicAttributes`, then the subscriptions and tags at once.
pub(super) async fn read(
    aws: &Aws,
    arn: &Arn,
    subscriptions: bool,
    reads: ReadTags<'_>,
) -> Result<Option<TopicState>, CloudError> {
    let topic = arn.as_str();
    let request = aws.sns.get_topic_attributes().topic_arn(topic).send();
    let attributes = match aws.send("sns:GetTopicAttributes", topic, request).await.map_err(CloudError::from) {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(error) if error.code == NOT_FOUND => return Ok(None),
        Err(error) => return Err(error),
    };
    let attribute = |name: &str| attributes.get(name).filter(|text| !text.is_empty()).cloned();
    let (subscriptions, tags) = tokio::try_join!(subscribed(aws, topic, subscriptions), tags_of(aws, topic, reads))?;
    Ok(Some(TopicState {
        arn: arn.clone(),
        display_name: attribute("DisplayName").unwrap_or_default(),
        kms_key: attribute("KmsMasterKeyId"),
        policy: attribute("Policy").unwrap_or_default(),
        subscriptions,
        tags,
    }))
}

async fn subscribed(aws: &Aws, topic: &str, wanted: bool) -> Result<Vec<SubscriptionState>, CloudError> {
    let operation = "sns:ListSubscriptionsByTopic";
    let mut all = Vec::new();
    let mut token = None;
    for _ in 0..MOST_PAGES {
        if !wanted {
            return Ok(all);
        }
        let request = aws.sns.list_subscriptions_by_topic().topic_arn(topic).set_next_token(token).send();
        let page = aws.send(operation, topic, request).await?;
        for one in page.subscriptions.unwrap_or_default() {
            let (Some(protocol), Some(endpoint)) = (one.protocol, one.endpoint) else { continue };
            let arn = one.subscription_arn.unwrap_or_default();
            // One that was taken away is listed for a while without an ARN.
            if arn != "Deleted" {
                let arn = Some(arn).filter(|arn| arn.starts_with("arn:"));
                all.push(SubscriptionState { protocol, endpoint, arn });
            }
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
    Err(CloudError::unexpected(Which::Aws, operation, "the list of subscriptions does not end"))
}

async fn tags_of(aws: &Aws, topic: &str, reads: ReadTags<'_>) -> Result<Tags, CloudError> {
    if let Some(tags) = tagging::listed(aws, reads, topic).await {
        return Ok(tags);
    }
    let request = aws.sns.list_tags_for_resource().resource_arn(topic).send();
    let answer = aws.send("sns:ListTagsForResource", topic, request).await?;
    Ok(tags::from_sns(answer.tags.unwrap_or_default()))
}

pub(super) async fn make(aws: &Aws, call: &Call) -> Result<Answer, CloudError> {
    let sns = &aws.sns;
    match call {
        Call::CreateTopic { topic, display_name, kms_key, policy, tags } => {
            let mut attributes = HashMap::from([
                ("KmsMasterKeyId".to_owned(), known(call, kms_key)?.to_owned()),
                ("Policy".to_owned(), known(call, policy)?.to_owned()),
            ]);
            if !display_name.is_empty() {
                attributes.insert("DisplayName".to_owned(), display_name.clone());
            }
            let name = topic.rsplit(':').next().unwrap_or_default();
            let request = sns.create_topic().name(name).set_attributes(Some(attributes));
            let request = request.set_tags(Some(tags::to_sns(tags)?)).send();
            aws.send("sns:CreateTopic", topic, request).await?;
        }
        Call::SetTopicAttributes { topic, attribute, value } => {
            let request = sns.set_topic_attributes().topic_arn(topic).attribute_name(attribute);
            let request = request.attribute_value(known(call, value)?).send();
            aws.send("sns:SetTopicAttributes", topic, request).await?;
        }
        Call::Subscribe { topic, protocol, endpoint } => {
            let request = sns.subscribe().topic_arn(topic).protocol(protocol).endpoint(known(call, endpoint)?).send();
            aws.send("sns:Subscribe", topic, request).await?;
        }
        Call::Unsubscribe { topic, subscription_arn } => {
            let request = sns.unsubscribe().subscription_arn(subscription_arn).send();
            aws.send("sns:Unsubscribe", topic, request).await?;
        }
        Call::TagTopic { topic, tags } => {
            let request = sns.tag_resource().resource_arn(topic).set_tags(Some(tags::to_sns(tags)?)).send();
            aws.send("sns:TagResource", topic, request).await?;
        }
        Call::UntagTopic { topic, keys } => {
            let request = sns.untag_resource().resource_arn(topic).set_tag_keys(Some(keys.clone())).send();
            aws.send("sns:UntagResource", topic, request).await?;
        }
        Call::DeleteTopic { topic } => {
            aws.send("sns:DeleteTopic", topic, sns.delete_topic().topic_arn(topic).send()).await?;
        }
        other => return Err(misrouted(other)),
    }
    Ok(Answer::new())
}
