//! A topic as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::{Problem, tags};
use crate::model::{Arn, Context, Tags, Val};

/// An SNS topic. Who may publish follows from the alarms that name it and from `access` of roles; its policy refuses whoever comes without TLS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account and region. A change needs a new topic. Topics with an order (`.fifo`) cannot be managed: neither
    /// Snowflake nor `CloudWatch` publishes to them.
    pub name: String,
    /// What mails are sent as. Default: none.
    #[serde(default)]
    pub display_name: String,
    /// The ARN of the key it is encrypted with. Alarms need one, whose policy lets `cloudwatch.amazonaws.com` use it. Default: AWS's own key
    /// for SNS (`alias/aws/sns`), for which nothing but its use is paid.
    pub kms_key: Option<Val>,
    /// Everybody who is subscribed. Others are taken away, but for those that are not confirmed yet, which nobody can take away. Default:
    /// subscriptions are left alone.
    pub subscriptions: Option<Vec<SubscriptionSpec>>,
    /// Tags. Other tags of the topic are left alone. Default: none.
    #[serde(default)]
    pub tags: Tags,
}

/// Who gets what is published: `{ protocol = "email", endpoint = "team@example.com" }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionSpec {
    /// `email`, `https` or `sqs`.
    pub protocol: Protocol,
    /// A mail address, a URL, or the ARN of a queue. Its owner has to confirm it; a queue of the same account needs no confirmation, but a
    /// policy that lets the topic send.
    pub endpoint: Val,
}

/// How a message is delivered. Without encryption on the way (`http`) it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// By mail.
    Email,
    /// To a web server.
    Https,
    /// To a queue.
    Sqs,
}

impl Protocol {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Https => "https",
            Self::Sqs => "sqs",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        [Self::Email, Self::Https, Self::Sqs].into_iter().find(|protocol| protocol.word() == text)
    }
}

/// What is wrong with a name. Source: Amazon SNS API reference, `CreateTopic`.
pub(super) fn name(name: &str) -> Option<Problem> {
    if name.to_ascii_lowercase().ends_with(".fifo") {
        return Some(Problem::new("name", "topics with an order (`.fifo`) cannot be managed"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let good = (1..=256).contains(&name.len()) && name.chars().all(fits);
    (!good).then(|| Problem::new("name", "a topic's name has 1 to 256 letters, digits, `-` or `_`"))
}

/// Whether a text is the ARN of a key.
pub(super) fn is_key(text: &str) -> bool {
    text.parse::<Arn>().is_ok_and(|arn| arn.service() == "kms" && arn.resource().starts_with("key/"))
}

impl Spec {
    pub(super) fn arn(&self, context: &Context) -> Arn {
        Arn::topic(context.partition, &context.region, &context.account, &self.name)
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = name(&self.name).into_iter().collect();
        if self.display_name.chars().count() > 100 || self.display_name.chars().any(|c| c.is_control() && c != '\t') {
            problems.push(Problem::new("display_name", "a display name has at most 100 characters, all on one line"));
        }
        if let Some(key) = self.kms_key.as_ref().and_then(Val::as_known).filter(|key| !is_key(key)) {
            let hint = "write `{{ kms_key.x.arn }}`, or leave it out for AWS's own key";
            problems.push(Problem::new("kms_key", format!("`{key}` is not the ARN of a KMS key")).hint(hint));
        }
        let numbered = self.subscriptions.iter().flatten().enumerate();
        problems.extend(numbered.filter_map(|(at, one)| one.check(at)));
        problems.extend(tags::check(&self.tags));
        problems
    }
}

impl SubscriptionSpec {
    fn check(&self, at: usize) -> Option<Problem> {
        let text = self.endpoint.as_known()?;
        let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let wrong = match self.protocol {
            Protocol::Email => {
                let address = text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty());
                (!address).then_some("it is not a mail address")
            }
            Protocol::Https => match text.strip_prefix("https://") {
                Some(rest) if rest.split('/').next().unwrap_or_default().contains('@') => {
                    Some("a URL with a password in it would be shown by plans and by AWS")
                }
                Some(_) => None,
                None => Some("it does not begin with https://"),
            },
            Protocol::Sqs => {
                let queue = text.parse::<Arn>().is_ok_and(|arn| arn.service() == "sqs");
                (!queue).then_some("it is not the ARN of a queue")
            }
        };
        let wrong = wrong.or((!plain).then_some("it holds spaces"))?;
        Some(Problem::new(&format!("subscriptions[{at}].endpoint"), wrong))
    }
}
